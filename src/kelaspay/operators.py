"""How an operator gets in: a one-time link, a password, a session; and how they are kept out.

Every attempt is counted before the password is looked at, so that guessing is slow however many processes there are.
An unknown address takes as long as a wrong password and gets the same answer.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from email_validator import EmailNotValidError, validate_email

from kelaspay.faults import InvalidInput, InvitationUnknown, SignInRefused, TooManyAttempts
from kelaspay.limits import network_of
from kelaspay.operator_faults import LastOwner
from kelaspay.passwords import is_tried_first
from kelaspay.store import audit, operators, second_factors, sessions
from kelaspay.store.audit import EVERYWHERE, Deed

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Database, Db
    from kelaspay.store.operators import Operator, Role

IDLE = timedelta(hours=12)
"""A session that was not used for so long has ended."""
LONGEST = timedelta(days=14)
TOUCH = timedelta(minutes=5)
"""How stale "last seen" may be: not every page view writes."""
INVITATION = timedelta(days=2)
WINDOW = timedelta(minutes=15)
MOST_BY_PAIR = 5
MOST_BY_ADDRESS = 30
MOST_BY_EMAIL = 50
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
TRIED_FIRST = "is easy to guess"

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""Argon2id with the least that OWASP's password cheat sheet asks for: sign-in is throttled besides."""
_nobody = _hasher.hash(secrets.token_hex(16))
_at_once = threading.BoundedSemaphore(2)
"""Each hash takes 19 MiB: a rush of attempts must not take the machine's memory."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a browser gets for the right password: a session's token, or half a one's while a code is to come."""

    token: str
    half: bool = False


def digest(token: str) -> str:
    """What is kept of a token; it is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def invite(database: Database, *, email: str, name: str, role: Role, now: datetime, school: str = EVERYWHERE) -> str:
    """Add an operator, or let one who forgot the password choose another; returned is the one-time link's token.

    Raises `InvalidInput` for an operator of another school, or of all: their password is not this school's to reset.
    """
    try:
        address = validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise InvalidInput.one("email", "is not an e-mail address") from None
    token = secrets.token_urlsafe(24)
    with database.begin() as db:
        named = name or address.split("@")[0]
        operator = operators.add_operator(db, email=address, name=named, role=role, school=school, now=now)
        if school not in {EVERYWHERE, operator.school}:
            raise InvalidInput.one("email", "is an operator elsewhere")
        sessions.add_invitation(db, digest(token), operator.id, now + INVITATION)
    return token


def invited(database: Database, token: str, now: datetime) -> Operator:
    """Whom a one-time link is for; raises `InvitationUnknown` when it was used or has ended."""
    with database.read() as db:
        operator_id = sessions.find_invitation(db, digest(token), now)
        operator = operators.find_operator(db, operator_id) if operator_id is not None else None
    if operator is None:
        raise InvitationUnknown
    return operator


def accept(database: Database, token: str, password: str, *, address: str, now: datetime) -> Entry:
    """Set the password that was chosen behind a one-time link, end all other sessions and sign in; whoever has a second
    factor is asked for it here too.
    """
    operator = invited(database, token, now)
    password_hash = hashed(password, operator)
    with database.begin() as db:
        if not sessions.use_invitation(db, digest(token)):
            raise InvitationUnknown
        operators.set_password(db, operator.id, password_hash)
        sessions.end_sessions_of(db, operator.id)
        return _enter(db, operator, address=address, now=now, action="accepted_invitation")


def sign_in(
    database: Database, *, email: str, password: str, address: str, earlier: str | None, now: datetime
) -> Entry:
    """A fresh session; the one that the browser came with ends. For who has a second factor only half a one.

    Raises `TooManyAttempts` before the password is looked at, `SignInRefused` when it is wrong.
    """
    email = email.strip().lower()
    network = network_of(address)
    allow(database, limits_of(email, network), now)
    with database.read() as db:
        operator = operators.find_by_email(db, email)
    if not _right(operator.password_hash if operator else None, password) or operator is None:
        with database.begin() as db:
            deed = Deed(now, None, "?", address, "refused")
            if operator is not None:
                deed = replace(deed, operator_id=operator.id, operator=operator.name, school=operator.school)
            audit.write_down(db, deed)
        raise SignInRefused
    with database.begin() as db:
        sessions.end_old_sessions(db, now - IDLE)
        if earlier:
            sessions.end_session(db, digest(earlier))
        if operator.second_factor_at is None:
            forget_pair(db, email, network)
        return _enter(db, operator, address=address, now=now, action="signed_in")


def limits_of(email: str, network: str) -> dict[str, int]:
    """How many attempts to sign in are looked at: by somebody from somewhere, from somewhere, by somebody."""
    pair, address, of_email = _key("pair", email, network), _key("address", network), _key("email", email)
    return {pair: MOST_BY_PAIR, address: MOST_BY_ADDRESS, of_email: MOST_BY_EMAIL}


def allow(database: Database, limits: dict[str, int], now: datetime) -> None:
    """Count an attempt under each key; raises `TooManyAttempts` when there were more than it allows."""
    with database.begin() as db:
        counted = sessions.count_attempt(db, limits, now, now - WINDOW)
    if any(counted[key] > most for key, most in limits.items()):
        raise TooManyAttempts(wait=WINDOW.total_seconds())


def forget_pair(db: Db, email: str, network: str) -> None:
    """Who got in may mistype again."""
    sessions.forget_attempts(db, _key("pair", email, network))


def who(database: Database, token: str, now: datetime, *, touch: bool = True) -> Operator | None:
    """The operator behind a session that holds; without `touch` this look does not count as use of it."""
    key = digest(token)
    with database.read() as db:
        found = sessions.find_session(db, key, made_after=now - LONGEST, seen_after=now - IDLE)
        operator = operators.find_operator(db, found[0]) if found else None
    if touch and found is not None and operator is not None and now - found[1] > TOUCH:
        with database.begin() as db:
            sessions.touch_session(db, key, now)
    return operator


def sign_out(database: Database, token: str, operator: Operator, *, address: str, now: datetime) -> None:
    with database.begin() as db:
        sessions.end_session(db, digest(token))
        audit.write_down(db, Deed(now, operator.id, operator.name, address, "signed_out", school=operator.school))


def change_password(database: Database, operator: Operator, *, old: str, new: str, address: str, now: datetime) -> str:
    """Set a new password; every session of the operator ends, and a fresh one begins for this browser."""
    check_password(database, operator, old, now)
    password_hash = hashed(new, operator)
    with database.begin() as db:
        operators.set_password(db, operator.id, password_hash)
        sessions.end_sessions_of(db, operator.id)
        sessions.end_invitations_of(db, operator.id)
        return begin_session(db, operator, address=address, now=now, action="changed_password")


def check_password(database: Database, operator: Operator, password: str, now: datetime) -> None:
    """Raises `InvalidInput` unless it is the operator's own, `TooManyAttempts` before it is looked at."""
    key = _key("change", str(operator.id))
    allow(database, {key: MOST_BY_PAIR}, now)
    if not _right(operator.password_hash, password):
        raise InvalidInput.one("old", "is not the present password")
    with database.begin() as db:
        sessions.forget_attempts(db, key)


def remove(database: Database, operator_id: int, now: datetime) -> None:
    """End an operator's rights and sessions at once. Raises `LastOwner`."""
    with database.begin() as db:
        if not operators.remove_operator(db, operator_id, now):
            raise LastOwner
        second_factors.turn_off(db, operator_id)
        sessions.end_sessions_of(db, operator_id)
        sessions.end_invitations_of(db, operator_id)


def hashed(password: str, operator: Operator) -> str:
    """What is kept of a new password; raises `InvalidInput` for one that is too short or would be tried first."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInput.one("password", f"takes {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if is_tried_first(password, operator.name, operator.email, *operator.email.split("@")):
        raise InvalidInput.one("password", TRIED_FIRST)
    with _at_once:
        return _hasher.hash(password)


def _right(password_hash: str | None, password: str) -> bool:
    with _at_once:
        try:
            _hasher.verify(password_hash or _nobody, password[:LONGEST_PASSWORD])
        except VerificationError:
            return False
        return password_hash is not None


def _enter(db: Db, operator: Operator, *, address: str, now: datetime, action: str) -> Entry:
    if operator.second_factor_at is None:
        return Entry(begin_session(db, operator, address=address, now=now, action=action))
    token = secrets.token_urlsafe(32)
    second_factors.add_half_session(db, digest(token), operator.id, now)
    return Entry(token, half=True)


def begin_session(db: Db, operator: Operator, *, address: str, now: datetime, action: str) -> str:
    """A fresh session's token, for who has brought all that is asked of them."""
    token = secrets.token_urlsafe(32)
    sessions.add_session(db, digest(token), operator.id, now)
    audit.write_down(db, Deed(now, operator.id, operator.name, address, action, school=operator.school))
    return token


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
