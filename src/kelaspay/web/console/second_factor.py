"""An operator's own second factor: set up with an app, given new recovery codes, turned off again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay import second_factor
from kelaspay.faults import InvalidInput
from kelaspay.operator_faults import SecondFactorRefused
from kelaspay.store import second_factors
from kelaspay.web.console.page import SECOND_FACTOR, ConsoleRoute, back, page
from kelaspay.web.console.visit import ActingAtAll, LookingAtAll, Visitor, keep_session, outside_of, seal

router = APIRouter(prefix=SECOND_FACTOR, route_class=ConsoleRoute, include_in_schema=False)

QUIET_ZONE = 4
"""Modules of white around a QR code, as its standard asks."""

Code = Annotated[str, Form()]
Password = Annotated[str, Form()]


@router.get("")
def show(request: Request, visitor: LookingAtAll) -> HTMLResponse:
    return _page(request, visitor)


@router.post("/begin")
def begin(request: Request, visitor: ActingAtAll, password: Password = "") -> HTMLResponse:
    """Show a new key for the app, once the password was given again."""
    outside = outside_of(request)
    if visitor.operator.second_factor_at is not None:
        return _page(request, visitor)
    try:
        secret = second_factor.propose(
            outside.database, outside.vault, visitor.operator, password=password, now=outside.now()
        )
    except InvalidInput:
        return _page(request, visitor, wrong="password")
    return _key_page(request, visitor, secret)


@router.post("/confirm")
def confirm(request: Request, visitor: ActingAtAll, code: Code = "") -> Response:
    """Turn it on with the app's first code, and show the recovery codes, once."""
    outside = outside_of(request)
    secret = second_factor.proposed(outside.database, outside.vault, visitor.operator)
    if secret is None:
        return back(SECOND_FACTOR)
    try:
        token, codes = second_factor.confirm(
            outside.database, outside.vault, visitor.operator, code=code, address=visitor.address, now=outside.now()
        )
    except SecondFactorRefused:
        return _key_page(request, visitor, secret, wrong=True)
    now_in = replace(visitor, token=token, csrf=seal(request, token), owes=False)
    response = page(request, "recovery_codes.html", now_in, codes=codes)
    keep_session(request, response, token)
    return response


@router.post("/codes")
def renew_codes(request: Request, visitor: ActingAtAll, password: Password = "", code: Code = "") -> HTMLResponse:
    """Show ten new recovery codes, once; those of before are good for nothing any more."""
    outside = outside_of(request)
    try:
        codes = second_factor.renew_codes(
            outside.database,
            outside.vault,
            visitor.operator,
            password=password,
            code=code,
            address=visitor.address,
            now=outside.now(),
        )
    except InvalidInput:
        return _page(request, visitor, wrong="password")
    except SecondFactorRefused:
        return _page(request, visitor, wrong="code")
    return page(request, "recovery_codes.html", visitor, codes=codes)


@router.post("/end")
def end(request: Request, visitor: ActingAtAll, password: Password = "", code: Code = "") -> Response:
    """Do without from now on."""
    outside = outside_of(request)
    try:
        token = second_factor.turn_off(
            outside.database,
            outside.vault,
            visitor.operator,
            password=password,
            code=code,
            address=visitor.address,
            now=outside.now(),
        )
    except InvalidInput:
        return _page(request, visitor, wrong="password")
    except SecondFactorRefused:
        return _page(request, visitor, wrong="code")
    response = back(SECOND_FACTOR, "second_factor_off")
    keep_session(request, response, token)
    return response


def _page(request: Request, visitor: Visitor, *, wrong: str = "") -> HTMLResponse:
    with outside_of(request).database.read() as db:
        demanded = second_factors.is_demanded(db, visitor.operator.school)
        left = second_factors.count_recovery_codes(db, visitor.operator.id)
    status = 422 if wrong else 200
    return page(
        request, "second_factor.html", visitor, status=status, secret=None, wrong=wrong, demanded=demanded, left=left
    )


def _key_page(request: Request, visitor: Visitor, secret: str, *, wrong: bool = False) -> HTMLResponse:
    import segno  # noqa: PLC0415 - as where a payment's code is drawn

    address = second_factor.address_of(secret, visitor.operator)
    qr = segno.make_qr(address).svg_inline(
        border=QUIET_ZONE, scale=5, light="#fff", svgclass=None, lineclass=None, omitsize=False
    )
    by_fours = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return page(
        request,
        "second_factor_key.html",
        visitor,
        status=422 if wrong else 200,
        qr=qr,
        secret=by_fours,
        app_link=address,
        wrong=wrong,
    )
