"""How a buyer proves to be whose orders they are: a six-digit code, sent to the address and good once.

The answer is the same whether an address is known or not; sending and guessing are limited before either is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.faults import SignInRefused, TooManyAttempts
from kelaspay.store import buyers, messages, sessions
from kelaspay.store.messages import CODE_LIFE
from kelaspay.wanted import checked_email

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

    from kelaspay.store.database import Database

WINDOW = timedelta(minutes=15)
"""The same that operators' attempts are counted in: they share a table."""
MOST_SENDS = 3
"""To one address, in a window."""
MOST_SENDS_A_DAY = 10
MOST_SENDS_FROM = 20
"""From one network address, behind which a mobile network may have many buyers."""
MOST_TRIES = 5
"""At one code."""
MOST_TRIES_AT = 10
"""At one address, in a window."""
MOST_TRIES_FROM = 40
DIGITS = 6


def send_code(database: Database, *, key: SecretStr, email: str, source: str, now: datetime) -> str:
    """Have a code sent to an address that has orders; an earlier one is no longer good. Returned is the address.

    Raises `InvalidInput` for what is no address, and `TooManyAttempts`.
    """
    address = checked_email("email", email)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    who = _keyed(key, "address", address)
    limits = {_keyed(key, "send to", address): MOST_SENDS, _keyed(key, "send from", source): MOST_SENDS_FROM}
    with database.begin() as db:
        counted = sessions.count_attempt(db, limits, now, now - WINDOW)
        if any(counted[each] > most for each, most in limits.items()):
            too_many = True
        else:
            sends = buyers.put_code(db, who, _keyed(key, "code", address, code), now + CODE_LIFE, now)
            too_many = sends > MOST_SENDS_A_DAY
        order_id = None if too_many else buyers.newest_order(db, address)
        if order_id is not None:
            messages.raise_message(db, order_id, f"sign_in:{secrets.token_hex(4)}", now, now, blank=code)
    if too_many:
        raise TooManyAttempts(wait=WINDOW.total_seconds())
    return address


def use_code(database: Database, *, key: SecretStr, email: str, code: str, source: str, now: datetime) -> str:
    """The address that the code proves; the code is used up by it, or after a few wrong tries.

    Raises `SignInRefused` or `TooManyAttempts`.
    """
    address = email.strip().lower()
    limits = {_keyed(key, "try at", address): MOST_TRIES_AT, _keyed(key, "try from", source): MOST_TRIES_FROM}
    digits = "".join(letter for letter in code if letter.isdigit())
    with database.begin() as db:
        counted = sessions.count_attempt(db, limits, now, now - WINDOW)
        too_many = any(counted[each] > most for each, most in limits.items())
        tried = not too_many and buyers.use_code(
            db, _keyed(key, "address", address), _keyed(key, "code", address, digits), MOST_TRIES, now
        )
    if too_many:
        raise TooManyAttempts(wait=WINDOW.total_seconds())
    if not tried:
        raise SignInRefused
    return address


def _keyed(key: SecretStr, *parts: str) -> str:
    """A digest that tells nobody without our key what it is of: six digits would be guessed from a plain one."""
    message = "\n".join(("sign in", *parts)).encode()
    return hmac.new(key.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
