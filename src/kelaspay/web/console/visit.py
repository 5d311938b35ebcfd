"""Who is looking at the console: the session's cookie, the forms' tokens, and who may do what.

A form's token is made from the browser's cookie with our key, so that no other site can know it and nothing of it is
kept. Every route of the console but sign-in asks for one of the four dependencies at the end of this file.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Form, Request
from fastapi.responses import Response

from kelaspay.faults import FormExpired, NotAllowed, NotSignedIn
from kelaspay.operators import LONGEST, who
from kelaspay.outside import Outside
from kelaspay.store import audit
from kelaspay.store.audit import Deed
from kelaspay.store.operators import Operator, Role

if TYPE_CHECKING:
    from kelaspay.confirm import Start

LANGUAGE_COOKIE = "kelaspay_language"
FORM_COOKIE = "kelaspay_form"
FORM_SECONDS = 3600
YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in operator, with what a page of theirs needs."""

    operator: Operator
    token: str
    csrf: str
    address: str

    @property
    def owner(self) -> bool:
        return self.operator.role is Role.OWNER


def secure(request: Request) -> bool:
    outside: Outside = request.app.state.outside
    return outside.settings.app_base_url.startswith("https://")


def session_cookie(request: Request) -> str:
    """Its name: with https one that browsers accept from this host alone and over https alone."""
    return "__Host-kelaspay" if secure(request) else "kelaspay_session"


def form_cookie(request: Request) -> str:
    return f"__Host-{FORM_COOKIE}" if secure(request) else FORM_COOKIE


def keep_session(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        session_cookie(request),
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=secure(request),
        httponly=True,
        samesite="lax",
    )


def forget_session(request: Request, response: Response) -> None:
    response.delete_cookie(session_cookie(request), path="/", secure=secure(request), httponly=True, samesite="lax")


def address_of(request: Request) -> str:
    return request.client.host if request.client else "?"


def seal(request: Request, token: str) -> str:
    """The token that a form must bring, for this cookie."""
    outside: Outside = request.app.state.outside
    key = outside.secret_key.get_secret_value().encode()
    return hmac.new(key, f"form\n{token}".encode(), hashlib.sha256).hexdigest()


def form_token(request: Request) -> tuple[str, str]:
    """For a form before anybody is signed in: the cookie to set, and the form's token."""
    token = request.cookies.get(form_cookie(request)) or secrets.token_urlsafe(24)
    return token, seal(request, token)


def keep_form(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        form_cookie(request),
        token,
        max_age=FORM_SECONDS,
        path="/",
        secure=secure(request),
        httponly=True,
        samesite="strict",
    )


def check_form(request: Request, csrf: str) -> None:
    """Raises `FormExpired` unless the form is one that we gave to this browser."""
    token = request.cookies.get(form_cookie(request), "")
    if not token or not hmac.compare_digest(seal(request, token).encode(), csrf.encode()):
        raise FormExpired


def visitor_of(request: Request) -> Visitor | None:
    """Who is signed in in this browser, if anybody."""
    outside: Outside = request.app.state.outside
    token = request.cookies.get(session_cookie(request), "")
    operator = who(outside.database, token, outside.now()) if token else None
    return None if operator is None else Visitor(operator, token, seal(request, token), address_of(request))


def check_token(visitor: Visitor, csrf: str) -> None:
    """Raises `FormExpired` unless a form brings the token of this session."""
    if not hmac.compare_digest(visitor.csrf.encode(), csrf.encode()):
        raise FormExpired


def _looking(request: Request) -> Visitor:
    visitor = visitor_of(request)
    if visitor is None:
        raise NotSignedIn
    return visitor


def _acting(visitor: Annotated[Visitor, Depends(_looking)], csrf: Annotated[str, Form()] = "") -> Visitor:
    check_token(visitor, csrf)
    return visitor


def _owner_looking(visitor: Annotated[Visitor, Depends(_looking)]) -> Visitor:
    if not visitor.owner:
        raise NotAllowed
    return visitor


def _owner_acting(visitor: Annotated[Visitor, Depends(_acting)]) -> Visitor:
    if not visitor.owner:
        raise NotAllowed
    return visitor


Looking = Annotated[Visitor, Depends(_looking)]
"""Signed in."""
Acting = Annotated[Visitor, Depends(_acting)]
"""Signed in, and the form is ours."""
OwnerLooking = Annotated[Visitor, Depends(_owner_looking)]
OwnerActing = Annotated[Visitor, Depends(_owner_acting)]


def outside_of(request: Request) -> Outside:
    outside: Outside = request.app.state.outside
    return outside


def start_of(request: Request) -> Start:
    start: Start = request.app.state.start
    return start


def write_down(
    request: Request, visitor: Visitor, action: str, subject: str | None = None, text: str | None = None
) -> None:
    """Keep in the audit what was done."""
    outside = outside_of(request)
    operator = visitor.operator
    deed = Deed(outside.now(), operator.id, operator.name, visitor.address, action, subject, text)
    with outside.database.begin() as db:
        audit.write_down(db, deed)
