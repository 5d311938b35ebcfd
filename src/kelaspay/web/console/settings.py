"""How the service is connected, a real call to see that it is, and who may use the console. Keys are never shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import SecretStr

from kelaspay import operators as access
from kelaspay.address import Address, look_at
from kelaspay.faults import (
    Fault,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    OperatorUnknown,
)
from kelaspay.outside import Outside
from kelaspay.school import DEFAULT
from kelaspay.schools import Keys, keep_school
from kelaspay.second_factor import reset as reset_second_factor
from kelaspay.store import console, operators
from kelaspay.store.audit import EVERYWHERE, Deed
from kelaspay.store.operators import Operator, Role
from kelaspay.store.preferences import put_preferences
from kelaspay.store.second_factors import DEMANDED, is_demanded
from kelaspay.tokens import revoke
from kelaspay.web.console import words
from kelaspay.web.console.entered import id_in
from kelaspay.web.console.page import ConsoleRoute, back, page, why, wording
from kelaspay.web.console.standing import standing_of
from kelaspay.web.console.visit import (
    THIS,
    Looking,
    OwnerActing,
    OwnerLooking,
    Visitor,
    audited,
    outside_of,
    start_of,
    write_down,
)

router = APIRouter(prefix="/console/settings", route_class=ConsoleRoute, include_in_schema=False)

SETTINGS = "/console/settings"
LONGEST_NAME = 60
LONGEST_KEY = 500


@router.get("")
def show(request: Request, visitor: Looking) -> HTMLResponse:
    return _page(request, visitor)


@router.post("/test")
def test_connections(request: Request, visitor: OwnerActing) -> HTMLResponse:
    """One real call each to Duitku, signed, to Thinkific, and to ourselves from outside."""
    outside, t = outside_of(request), wording(request)
    found = []
    for name, ask in (("Duitku", _ask_duitku), ("Thinkific", _ask_thinkific)):
        try:
            ask(outside, visitor.here)
            found.append((name, True, t("Tersambung: kuncinya diterima.")))
        except Fault as fault:
            found.append((name, False, why(t, fault)))
    address = look_at(outside.settings.app_base_url, outside.http)
    found.append((t("Alamat"), address in {Address.FINE, Address.LOCAL}, t(words.ADDRESS[address])))
    write_down(request, visitor, "connection_tested", None, ", ".join(f"{name}: {fine}" for name, fine, _ in found))
    return _page(request, visitor, tested=found)


@router.post("/keys")
def keep_keys(
    request: Request,
    visitor: OwnerActing,
    merchant_code: Annotated[str, Form()] = "",
    duitku_api_key: Annotated[str, Form()] = "",
    thinkific_api_key: Annotated[str, Form()] = "",
) -> Response:
    """Give the school other keys; what is left empty stays. No page ever shows one."""
    if visitor.here == DEFAULT:
        raise NotAllowed
    given = {
        "merchant_code": _entered(merchant_code),
        "duitku_api_key": _entered(duitku_api_key),
        "thinkific_api_key": _entered(thinkific_api_key),
    }
    keys = Keys(given["merchant_code"], _secret(given["duitku_api_key"]), _secret(given["thinkific_api_key"]))
    outside = outside_of(request)
    keep_school(
        visitor.here,
        keys,
        database=audited(
            request, visitor, "keys_changed", visitor.here, ", ".join(name for name, text in given.items() if text)
        ),
        vault=outside.vault,
        start=start_of(request),
        now=outside.now,
    )
    return back(SETTINGS, "keys_changed")


@router.post("/operators")
def invite(
    request: Request,
    visitor: OwnerActing,
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    school: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Add an operator; the one-time link is shown once, to be passed on."""
    outside = outside_of(request)
    chosen = Role.OWNER if role == Role.OWNER else Role.STAFF
    named = " ".join(name.replace("\0", "").split())[:LONGEST_NAME]
    place = _place(outside, visitor, school)
    try:
        database = audited(request, visitor, "operator_invited", email.strip().lower(), chosen)
        token = access.invite(database, email=email, name=named, role=chosen, now=outside.now(), school=place)
    except InvalidInput:
        return _page(request, visitor, status=422, email=email)
    return _page(request, visitor, link=f"{outside.settings.app_base_url}/console/invitation/{token}")


@router.get("/operators/{operator_id}/remove")
def remove_form(operator_id: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return page(request, "remove.html", visitor, operator=_operator(request, operator_id))


@router.post("/operators/{operator_id}/remove")
def remove(operator_id: str, request: Request, visitor: OwnerActing) -> Response:
    """End somebody's right to sign in, and their sessions, at once."""
    outside = outside_of(request)
    operator = _operator(request, operator_id)
    access.remove(audited(request, visitor, "operator_removed", operator.email), operator.id, outside.now())
    return back(SETTINGS, "operator_removed")


@router.get("/operators/{operator_id}/second-factor")
def reset_form(operator_id: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return page(request, "second_factor_reset.html", visitor, operator=_operator(request, operator_id))


@router.post("/operators/{operator_id}/second-factor")
def reset(operator_id: str, request: Request, visitor: OwnerActing) -> Response:
    """Take away the second factor of somebody who lost it; an owner's own is turned off with a code alone."""
    outside = outside_of(request)
    operator = _operator(request, operator_id)
    if operator.id == visitor.operator.id:
        raise NotAllowed
    by = Deed(outside.now(), visitor.operator.id, visitor.operator.name, visitor.address, "second_factor_reset")
    reset_second_factor(outside.database, operator, replace(by, subject=operator.email, school=operator.school))
    return back(SETTINGS, "second_factor_reset")


@router.post("/second-factor")
def demand(request: Request, visitor: OwnerActing, demanded: Annotated[str, Form()] = "") -> Response:
    """Demand a second factor of every operator of the school, or of all schools where none is chosen."""
    outside = outside_of(request)
    school = EVERYWHERE if visitor.only is None else visitor.only
    with outside.database.begin() as db:
        put_preferences(db, school, {DEMANDED: int(bool(demanded))}, outside.now())
        write_down(request, visitor, "second_factor_demanded" if demanded else "second_factor_optional", db=db)
    return back(SETTINGS, "second_factor_demanded" if demanded else "second_factor_optional")


@router.get("/schools/{subdomain}/revoke")
def revoke_form(subdomain: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return page(request, "disconnect.html", visitor, subdomain=subdomain)


@router.post("/schools/{subdomain}/revoke")
def revoke_school(subdomain: str, request: Request, visitor: OwnerActing) -> Response:
    """End a school's connection with Thinkific."""
    outside = outside_of(request)
    if outside.oauth is None:
        raise NotConfigured
    revoke(
        subdomain,
        database=audited(request, visitor, "school_disconnected", subdomain),
        oauth=outside.oauth,
        vault=outside.vault,
    )
    return back(SETTINGS, "school_disconnected")


def _page(
    request: Request,
    visitor: Visitor,
    *,
    status: int = 200,
    tested: list[tuple[str, bool, str]] | None = None,
    link: str | None = None,
    email: str = "",
) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        values: dict[str, Any] = {
            "listed": operators.list_operators(db, visitor.only),
            "connected": console.connected_schools(db, visitor.only),
            "demanded": is_demanded(db, EVERYWHERE if visitor.only is None else visitor.only),
            "demanded_of_all": visitor.only is not None and is_demanded(db, EVERYWHERE),
        }
    response = page(
        request,
        "settings.html",
        visitor,
        status=status,
        settings=outside.settings,
        standing=standing_of(outside, visitor.here),
        connectable=outside.oauth is not None,
        redirect=outside.urls.oauth_redirect,
        tested=tested,
        link=link,
        email=email,
        **values,
    )
    there = urlsplit(outside.settings.thinkific_site_url.replace("{subdomain}", "*"))
    policy = response.headers["Content-Security-Policy"]  # whoever connects a school is sent on to its site
    allowed = policy.replace("form-action 'self'", f"form-action 'self' {there.scheme}://{there.netloc}")
    response.headers["Content-Security-Policy"] = allowed
    return response


def _ask_duitku(outside: Outside, school: str) -> None:
    outside.schools.of(school).duitku.check_key()


def _ask_thinkific(outside: Outside, school: str) -> None:
    next(iter(outside.schools.of(school).thinkific.get_products()), None)


def _place(outside: Outside, visitor: Visitor, school: str) -> str:
    """Whose things a new operator sees; who belongs to a school invites for that one alone."""
    if not visitor.everywhere:
        return visitor.operator.school
    if not school.startswith(THIS):
        return EVERYWHERE
    key = school.removeprefix(THIS)
    outside.schools.profile(key)
    return key


def _entered(text: str) -> str | None:
    """What was typed or pasted; None for nothing."""
    return text.replace("\0", "").strip()[:LONGEST_KEY] or None


def _secret(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(text)


def _operator(request: Request, operator_id: str) -> Operator:
    number = id_in(operator_id)
    with outside_of(request).database.read() as db:
        operator = None if number is None else operators.find_operator(db, number)
    if operator is None:
        raise OperatorUnknown
    return operator
