"""An operator's second factor: a code from an app (RFC 6238), or one of ten recovery codes, each good for one time.

A code is counted as an attempt together with the passwords before it is looked at, and is used up in the commit that
lets its owner in, so that of two who bring the same one at once one gets in.
"""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import pyotp

from kelaspay.faults import InvalidInput
from kelaspay.limits import network_of
from kelaspay.operator_faults import SecondFactorDemanded, SecondFactorRefused, SignInLapsed
from kelaspay.operators import allow, begin_session, check_password, digest, forget_pair, limits_of
from kelaspay.store import audit, operators, second_factors, sessions
from kelaspay.store.audit import Deed

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Database, Db
    from kelaspay.store.operators import Operator
    from kelaspay.vault import Vault

PATIENCE = timedelta(minutes=10)
"""How long after the password the code may come."""
SKEW = 1
"""Half minutes by which the operator's clock may be off."""
MOST = 10
"""Codes that are looked at in a quarter of an hour for one operator, from wherever they come."""
CODES = 10
CODE_BYTES = 15
"""120 random bits: a plain hash of it is enough (ASVS 6.5.2)."""
GROUP = 6
DIGITS = 6


def is_owed(database: Database, operator: Operator) -> bool:
    """Whether a second factor is demanded of who has none."""
    if operator.second_factor_at is not None:
        return False
    with database.read() as db:
        return second_factors.is_demanded(db, operator.school)


def propose(database: Database, vault: Vault, operator: Operator, *, password: str, now: datetime) -> str:
    """A new key for the operator's app, not in use until a code of it was seen; raises `InvalidInput` for another's
    password.
    """
    check_password(database, operator, password, now)
    secret = pyotp.random_base32()
    with database.begin() as db:
        second_factors.put_secret(db, operator.id, vault.seal(secret, _place(operator)))
    return secret


def proposed(database: Database, vault: Vault, operator: Operator) -> str | None:
    """The key that waits for its first code."""
    if operator.second_factor_at is not None:
        return None
    with database.read() as db:
        sealed = second_factors.secret_of(db, operator.id)
    return None if sealed is None else vault.open(sealed, _place(operator))


def address_of(secret: str, operator: Operator) -> str:
    """The otpauth address that an app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=operator.email, issuer_name="Kelaspay")


def confirm(
    database: Database, vault: Vault, operator: Operator, *, code: str, address: str, now: datetime
) -> tuple[str, list[str]]:
    """Turn the second factor on; returned are a fresh session's token, all others having ended, and recovery codes.

    Raises `SecondFactorRefused` when the code is not one of the proposed key's.
    """
    allow(database, {_key(operator): MOST}, now)
    secret = proposed(database, vault, operator)
    codes = _new_codes()
    with database.begin() as db:
        if secret is None or not _use_app_code(db, operator, secret, _plain(code), now):
            raise SecondFactorRefused
        if not second_factors.turn_on(db, operator.id, now):
            raise SecondFactorRefused
        second_factors.put_recovery_codes(db, operator.id, map(_digest_of, codes))
        sessions.end_sessions_of(db, operator.id)
        sessions.forget_attempts(db, _key(operator))
        token = begin_session(db, operator, address=address, now=now, action="second_factor_on")
    return token, codes


def renew_codes(
    database: Database, vault: Vault, operator: Operator, *, password: str, code: str, address: str, now: datetime
) -> list[str]:
    """Ten new recovery codes in place of those of before."""
    codes = _new_codes()
    _check(database, operator, password, now)
    with database.begin() as db:
        if not _use(db, vault, operator, code, now):
            raise SecondFactorRefused
        second_factors.put_recovery_codes(db, operator.id, map(_digest_of, codes))
        sessions.forget_attempts(db, _key(operator))
        audit.write_down(db, _deed(operator, "recovery_codes_made", address, now))
    return codes


def turn_off(
    database: Database, vault: Vault, operator: Operator, *, password: str, code: str, address: str, now: datetime
) -> str:
    """Do without from now on; returned is a fresh session's token, all others having ended.

    Raises `SecondFactorDemanded` where everybody must have one.
    """
    _check(database, operator, password, now)
    with database.begin() as db:
        if second_factors.is_demanded(db, operator.school):
            raise SecondFactorDemanded
        if not _use(db, vault, operator, code, now):
            raise SecondFactorRefused
        second_factors.turn_off(db, operator.id)
        sessions.end_sessions_of(db, operator.id)
        return begin_session(db, operator, address=address, now=now, action="second_factor_off")


def reset(database: Database, operator: Operator, by: Deed) -> bool:
    """Take away the second factor of somebody who lost it, and end their sessions; False when they have none."""
    with database.begin() as db:
        if not second_factors.turn_off(db, operator.id):
            return False
        sessions.end_sessions_of(db, operator.id)
        audit.write_down(db, by)
        return True


def waiting(database: Database, half: str, now: datetime) -> Operator | None:
    """Whose code is waited for in a browser that brought the right password."""
    with database.read() as db:
        operator_id = second_factors.find_half_session(db, digest(half), now - PATIENCE)
        return None if operator_id is None else operators.find_operator(db, operator_id)


def answer(
    database: Database, vault: Vault, half: str, *, code: str, address: str, earlier: str | None, now: datetime
) -> str:
    """A fresh session's token for who brought the password and now the code; the `earlier` session ends.

    Raises `SignInLapsed`, `TooManyAttempts` before the code is looked at, `SecondFactorRefused` when it is wrong.
    """
    operator = waiting(database, half, now)
    if operator is None:
        raise SignInLapsed
    allow(database, limits_of(operator.email, network_of(address)) | {_key(operator): MOST}, now)
    with database.begin() as db:
        if _use(db, vault, operator, code, now):
            if not second_factors.use_half_session(db, digest(half)):
                raise SignInLapsed
            forget_pair(db, operator.email, network_of(address))
            sessions.forget_attempts(db, _key(operator))
            if earlier:
                sessions.end_session(db, digest(earlier))
            if len(_plain(code)) != DIGITS:
                audit.write_down(db, _deed(operator, "recovery_code_used", address, now))
            return begin_session(db, operator, address=address, now=now, action="signed_in")
        audit.write_down(db, _deed(operator, "refused", address, now))
    raise SecondFactorRefused


def _check(database: Database, operator: Operator, password: str, now: datetime) -> None:
    """Raises `InvalidInput` unless the password is right and there is a second factor to ask for."""
    allow(database, {_key(operator): MOST}, now)
    check_password(database, operator, password, now)
    if operator.second_factor_at is None:
        raise InvalidInput.one("code", "there is no second factor")


def _use(db: Db, vault: Vault, operator: Operator, code: str, now: datetime) -> bool:
    """Use a code up, the app's or one for recovery; False when it is none of them, or used already. Recovery codes work
    even when the app's key cannot be opened any more.
    """
    plain = _plain(code)
    if len(plain) != DIGITS:
        return second_factors.use_recovery_code(db, operator.id, _digest_of(plain))
    sealed = second_factors.secret_of(db, operator.id)
    return sealed is not None and _use_app_code(db, operator, vault.open(sealed, _place(operator)), plain, now)


def _use_app_code(db: Db, operator: Operator, secret: str, plain: str, now: datetime) -> bool:
    try:
        at = int(now.timestamp())
        step = pyotp.TOTP(secret).verify_and_get_timecode(plain, for_time=at, valid_window=SKEW)
    except pyotp.OTPVerificationError:
        return False
    return second_factors.use_step(db, operator.id, step)


def _new_codes() -> list[str]:
    """To be written down: twenty-four letters and digits in groups."""
    found = []
    for _ in range(CODES):
        text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
        found.append("-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP)))
    return found


def _plain(code: str) -> str:
    """However it was typed."""
    return "".join(letter for letter in code[:100].lower() if letter.isascii() and letter.isalnum())


def _digest_of(code: str) -> str:
    return digest(_plain(code))


def _key(operator: Operator) -> str:
    return digest(f"second\n{operator.id}")


def _place(operator: Operator) -> str:
    return f"operators/{operator.id}/totp_secret"


def _deed(operator: Operator, action: str, address: str, now: datetime) -> Deed:
    return Deed(now, operator.id, operator.name, address, action, school=operator.school)
