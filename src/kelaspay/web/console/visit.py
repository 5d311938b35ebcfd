"""Who is looking at the console: the session's cookie, the forms' tokens, and who may do what.

A form's token is made from the browser's cookie with our key, so that no other site can know it and nothing of it is
kept. Every route of the console but sign-in asks for one of the dependencies at the end of this file.
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
from kelaspay.operator_faults import SecondFactorMissing
from kelaspay.operators import LONGEST, who
from kelaspay.outside import Outside
from kelaspay.school import DEFAULT
from kelaspay.second_factor import PATIENCE, is_owed
from kelaspay.store import audit, payments
from kelaspay.store.audit import EVERYWHERE, Deed
from kelaspay.store.operators import Operator, Role
from kelaspay.web.console.whose import check_whose

if TYPE_CHECKING:
    from kelaspay.confirm import Start
    from kelaspay.store.database import Database, Db

LANGUAGE_COOKIE = "kelaspay_language"
SCHOOL_COOKIE = "kelaspay_school"
THIS = "="
"""Stands before the chosen school's key in its cookie, for the key of the environment's school is empty."""
FORM_COOKIE = "kelaspay_form"
FORM_SECONDS = 3600
YEAR = 365 * 24 * 3600
RENEW = "Kelaspay-Renew"
"""A page that fetches parts of itself says so: nobody is there because of that."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in operator, with what a page of theirs needs."""

    operator: Operator
    token: str
    csrf: str
    address: str
    chosen: str | None = None
    """The school whose things who sees all of them wants to see now; None for all."""
    owes: bool = False
    """A second factor is demanded of them, and they have none: all that is open to them is to set one up."""

    @property
    def owner(self) -> bool:
        return self.operator.role is Role.OWNER

    @property
    def everywhere(self) -> bool:
        return self.operator.school == EVERYWHERE

    @property
    def only(self) -> str | None:
        """The school whose things are listed; None for all."""
        return self.chosen if self.everywhere else self.operator.school

    @property
    def here(self) -> str:
        """The school that a new thing is for, and whose keys and catalogue are shown."""
        return DEFAULT if self.only is None else self.only


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


def half_cookie(request: Request) -> str:
    """The name of the cookie of who brought the password and not the code yet."""
    return "__Host-kelaspay-half" if secure(request) else "kelaspay_half"


def keep_half(request: Request, response: Response, token: str) -> None:
    """Until the code comes; without a token no longer."""
    response.set_cookie(
        half_cookie(request),
        token,
        max_age=int(PATIENCE.total_seconds()) if token else 0,
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
    touch = RENEW not in request.headers
    operator = who(outside.database, token, outside.now(), touch=touch) if token else None
    if operator is None:
        return None
    chosen = request.cookies.get(SCHOOL_COOKIE)
    key = None if chosen is None else chosen.removeprefix(THIS)
    owes = is_owed(outside.database, operator)
    return Visitor(operator, token, seal(request, token), address_of(request), key, owes)


def check_token(visitor: Visitor, csrf: str) -> None:
    """Raises `FormExpired` unless a form brings the token of this session."""
    if not hmac.compare_digest(visitor.csrf.encode(), csrf.encode()):
        raise FormExpired


def looking_at_all(request: Request) -> Visitor:
    """Who is signed in, even without a second factor that is demanded: for what sets one up, and for leaving."""
    visitor = visitor_of(request)
    if visitor is None:
        raise NotSignedIn
    return visitor


def looking(request: Request) -> Visitor:
    """Who is signed in; raises `NotSignedIn`, or that there is no such thing where it is another school's."""
    visitor = looking_at_all(request)
    if visitor.owes:
        raise SecondFactorMissing
    if not visitor.everywhere:
        check_whose(outside_of(request).database, request.path_params, visitor.operator.school)
    return visitor


def _acting(visitor: Annotated[Visitor, Depends(looking)], csrf: Annotated[str, Form()] = "") -> Visitor:
    check_token(visitor, csrf)
    return visitor


def _acting_at_all(visitor: Annotated[Visitor, Depends(looking_at_all)], csrf: Annotated[str, Form()] = "") -> Visitor:
    check_token(visitor, csrf)
    return visitor


def _owner_looking(visitor: Annotated[Visitor, Depends(looking)]) -> Visitor:
    if not visitor.owner:
        raise NotAllowed
    return visitor


def _owner_acting(visitor: Annotated[Visitor, Depends(_acting)]) -> Visitor:
    if not visitor.owner:
        raise NotAllowed
    return visitor


Looking = Annotated[Visitor, Depends(looking)]
"""Signed in."""
Acting = Annotated[Visitor, Depends(_acting)]
"""Signed in, and the form is ours."""
LookingAtAll = Annotated[Visitor, Depends(looking_at_all)]
ActingAtAll = Annotated[Visitor, Depends(_acting_at_all)]
"""The same for who has yet to set up a second factor that is demanded."""
OwnerLooking = Annotated[Visitor, Depends(_owner_looking)]
OwnerActing = Annotated[Visitor, Depends(_owner_acting)]


def outside_of(request: Request) -> Outside:
    outside: Outside = request.app.state.outside
    return outside


def start_of(request: Request) -> Start:
    start: Start = request.app.state.start
    return start


def write_down(
    request: Request,
    visitor: Visitor,
    action: str,
    subject: str | None = None,
    text: str | None = None,
    *,
    db: Db | None = None,
) -> None:
    """Keep in the audit what was done: in the commit of it where it has one, `db`."""
    outside = outside_of(request)
    if db is None:
        with outside.database.begin() as own:
            write_down(request, visitor, action, subject, text, db=own)
        return
    operator = visitor.operator
    payment = payments.find_payment(db, subject) if subject else None
    school = payment.school if payment else operator.school if not visitor.everywhere else visitor.only
    known = EVERYWHERE if school is None else school
    audit.write_down(db, Deed(outside.now(), operator.id, operator.name, visitor.address, action, subject, text, known))


def audited(
    request: Request, visitor: Visitor, action: str, subject: str | None = None, text: str | None = None
) -> Database:
    """The database for a flow that does this, and commits it together with the audit's line."""

    def write(db: Db) -> None:
        write_down(request, visitor, action, subject, text, db=db)

    return audit.Audited(outside_of(request).database, write)
