"""API keys: how a program gets in, with how much it may do. A key is shown once, kept as its hash alone, and works for
one school and for the environment it was made in: `kp_test_` with Duitku's sandbox, `kp_live_` with the real one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.api_faults import KeyRefused
from kelaspay.faults import InvalidInput
from kelaspay.store import keys

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from kelaspay.store.database import Database, Db
    from kelaspay.store.keys import ApiKey, Scope

PREFIXES = {"sandbox": "kp_test_", "production": "kp_live_"}
RANDOM_BYTES = 20
SHOWN = 4
"""Characters of the random part that stay readable, to tell one key from another."""
LONGEST_NAME = 60
TOUCH = timedelta(minutes=1)
"""How stale "last used" may be: not every request writes."""


def make_key(
    db: Db, *, name: str, scopes: Collection[Scope], school: str, environment: str, now: datetime
) -> tuple[str, ApiKey]:
    """A new key, in the only moment in which it can be read, and what is kept of it."""
    named = " ".join(name.split())
    if not 1 <= len(named) <= LONGEST_NAME or not named.isprintable():
        raise InvalidInput.one("name", f"takes 1 to {LONGEST_NAME} characters")
    if not scopes:
        raise InvalidInput.one("scopes", "is missing")
    prefix = PREFIXES[environment]
    random = base64.b32encode(secrets.token_bytes(RANDOM_BYTES)).decode().lower()
    text = prefix + random
    kept = keys.add_key(
        db,
        digest=digest(text),
        hint=prefix + random[:SHOWN],
        name=named,
        scopes=scopes,
        school=school,
        now=now,
    )
    return text, kept


def key_behind(database: Database, text: str, *, environment: str, now: datetime) -> ApiKey:
    """The key that was sent. Raises `KeyRefused` for every other text, without telling why."""
    if not text.startswith(PREFIXES[environment]):
        raise KeyRefused
    with database.read() as db:
        found = keys.find_by_digest(db, digest(text))
    if found is None:
        raise KeyRefused
    if found.last_used_at is None or now - found.last_used_at > TOUCH:
        with database.begin() as db:
            keys.touch_key(db, found.id, now)
    return found


def digest(text: str) -> str:
    """What is kept of a key; it has 160 random bits, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()
