"""Signing in and out, the one-time link, the password, and the reader's language."""

from __future__ import annotations

from math import ceil
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from kelaspay import operators, second_factor
from kelaspay.faults import Fault, InvalidInput, SignInRefused, TooManyAttempts
from kelaspay.operator_faults import SecondFactorRefused, SignInLapsed
from kelaspay.operators import Entry
from kelaspay.web.console.page import ConsoleRoute, back, page, why, wording
from kelaspay.web.console.visit import (
    LANGUAGE_COOKIE,
    SCHOOL_COOKIE,
    THIS,
    YEAR,
    Acting,
    ActingAtAll,
    Looking,
    address_of,
    check_form,
    forget_session,
    form_token,
    half_cookie,
    keep_form,
    keep_half,
    keep_session,
    looking,
    outside_of,
    secure,
    session_cookie,
    visitor_of,
)

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)

HOME = "/console"
SIGN_IN = "/console/sign-in"


@router.get("/language/{language}")
def choose_language(language: str, request: Request, to: str = HOME) -> Response:
    response = back(_inside(to))
    chosen = "en" if language == "en" else "id"
    response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=YEAR, path="/console", secure=secure(request), samesite="lax")
    return response


@router.get("/school", dependencies=[Depends(looking)])
def choose_school(request: Request, key: str = "", to: str = HOME) -> Response:
    """See one school's things alone, or with no key all of them; who belongs to a school has no choice."""
    response = back(_inside(to))
    if key.startswith(THIS):
        response.set_cookie(
            SCHOOL_COOKIE, key, max_age=YEAR, path="/console", secure=secure(request), httponly=True, samesite="lax"
        )
    else:
        response.delete_cookie(SCHOOL_COOKIE, path="/console", secure=secure(request), httponly=True, samesite="lax")
    return response


@router.get("/sign-in")
def sign_in_form(request: Request, next: str = HOME) -> Response:  # noqa: A002 - the query's word
    if visitor_of(request) is not None:
        return back(_inside(next))
    return _sign_in_page(request, to=_inside(next))


@router.post("/sign-in")
def sign_in(
    request: Request,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = HOME,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    check_form(request, csrf)
    outside = outside_of(request)
    try:
        entry = operators.sign_in(
            outside.database,
            email=email,
            password=password,
            address=address_of(request),
            earlier=request.cookies.get(session_cookie(request)),
            now=outside.now(),
        )
    except (SignInRefused, TooManyAttempts) as fault:
        return _sign_in_page(request, to=_inside(to), email=email, fault=fault)
    return _entered(request, entry, _inside(to))


@router.get("/sign-in/code")
def code_form(request: Request, to: str = HOME) -> Response:
    """The code that is asked for after the password."""
    half = request.cookies.get(half_cookie(request), "")
    outside = outside_of(request)
    if not half or second_factor.waiting(outside.database, half, outside.now()) is None:
        return back(SIGN_IN)
    return _code_page(request, to=_inside(to))


@router.post("/sign-in/code")
def answer_code(
    request: Request,
    code: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = HOME,
    csrf: Annotated[str, Form()] = "",
) -> Response:
    check_form(request, csrf)
    outside = outside_of(request)
    try:
        token = second_factor.answer(
            outside.database,
            outside.vault,
            request.cookies.get(half_cookie(request), ""),
            code=code,
            address=address_of(request),
            earlier=request.cookies.get(session_cookie(request)),
            now=outside.now(),
        )
    except SignInLapsed as fault:
        return _sign_in_page(request, to=_inside(to), fault=fault)
    except (SecondFactorRefused, TooManyAttempts) as fault:
        return _code_page(request, to=_inside(to), fault=fault)
    response = back(_inside(to))
    keep_half(request, response, "")
    keep_session(request, response, token)
    return response


@router.get("/invitation/{token}")
def invitation_form(token: str, request: Request) -> Response:
    """The one-time link: choose a password."""
    return _invitation_page(request, token)


@router.post("/invitation/{token}")
def accept_invitation(
    token: str, request: Request, password: Annotated[str, Form()] = "", csrf: Annotated[str, Form()] = ""
) -> Response:
    check_form(request, csrf)
    outside = outside_of(request)
    try:
        entry = operators.accept(outside.database, token, password, address=address_of(request), now=outside.now())
    except InvalidInput as fault:
        return _invitation_page(request, token, wrong=fault.fields)
    return _entered(request, entry, HOME, "welcome")


@router.post("/sign-out")
def sign_out(request: Request, visitor: ActingAtAll) -> Response:
    outside = outside_of(request)
    operators.sign_out(outside.database, visitor.token, visitor.operator, address=visitor.address, now=outside.now())
    response = back(SIGN_IN, "signed_out")
    forget_session(request, response)
    return response


@router.get("/password")
def password_form(request: Request, visitor: Looking) -> Response:
    return page(request, "password.html", visitor, wrong={})


@router.post("/password")
def change_password(
    request: Request,
    visitor: Acting,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
) -> Response:
    outside = outside_of(request)
    try:
        token = operators.change_password(
            outside.database, visitor.operator, old=old, new=new, address=visitor.address, now=outside.now()
        )
    except InvalidInput as fault:
        return page(request, "password.html", visitor, status=fault.status, wrong=fault.fields)
    response = back(HOME, "password_changed")
    keep_session(request, response, token)
    return response


def _entered(request: Request, entry: Entry, to: str, said: str | None = None) -> Response:
    """To the page that was wanted, or to the question for the code."""
    if entry.half:
        response = back(f"{SIGN_IN}/code?{urlencode({'to': to})}")
        keep_half(request, response, entry.token)
        return response
    response = back(to, said)
    keep_session(request, response, entry.token)
    return response


def _code_page(request: Request, *, to: str, fault: Fault | None = None) -> Response:
    token, csrf = form_token(request)
    text = why(wording(request), fault) if fault else None
    status = fault.status if fault else 200
    response = page(request, "sign_in_code.html", None, status=status, to=to, csrf=csrf, wrong=text)
    keep_form(request, response, token)
    return response


def _sign_in_page(request: Request, *, to: str, email: str = "", fault: Fault | None = None) -> Response:
    token, csrf = form_token(request)
    text = why(wording(request), fault) if fault else None
    status = fault.status if fault else 200
    response = page(request, "sign_in.html", None, status=status, to=to, email=email, csrf=csrf, wrong=text)
    if isinstance(fault, TooManyAttempts):
        response.headers["Retry-After"] = str(ceil(fault.wait or 0))
    keep_form(request, response, token)
    return response


def _invitation_page(request: Request, token: str, *, wrong: dict[str, str] | None = None) -> Response:
    outside = outside_of(request)
    operator = operators.invited(outside.database, token, outside.now())
    cookie, csrf = form_token(request)
    status = 422 if wrong else 200
    response = page(
        request, "invitation.html", None, status=status, operator=operator, token=token, csrf=csrf, wrong=wrong or {}
    )
    keep_form(request, response, cookie)
    return response


def _inside(path: str) -> str:
    """A path of the console's own; anything else leads home."""
    inside = path == HOME or path.startswith(("/console/", "/console?"))
    return path if inside and "\\" not in path and path.isprintable() else HOME
