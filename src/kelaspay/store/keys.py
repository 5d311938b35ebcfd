"""API keys. Of each only a digest is kept, and enough of its beginning to tell it from others; one that was revoked
stays for the history.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.program_tables import api_keys

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from kelaspay.store.database import Db


class Scope(StrEnum):
    """What a key may do with its school's offers, payments, enrollments and events."""

    READ = "read"
    """See them, buyers' names and addresses included."""
    WRITE = "write"
    """Sell, and set work going again; nothing that takes anyone's word for money."""
    MONEY = "money"
    """Say that money arrived or was sent back, which gives access or ends it."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: int
    hint: str
    """How it begins."""
    name: str
    scopes: frozenset[Scope]
    school: str
    made_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> str:
        """How a payment's story and the history name it."""
        return f"API key {self.name}"


KEY_COLUMNS = [api_keys.c[field.name] for field in fields(ApiKey)]


def add_key(
    db: Db, *, digest: str, hint: str, name: str, scopes: Collection[Scope], school: str, now: datetime
) -> ApiKey:
    listed = " ".join(scope for scope in Scope if scope in scopes)
    values = {"digest": digest, "hint": hint, "name": name, "scopes": listed, "school": school, "made_at": now}
    db.execute(sa.insert(api_keys).values(**values))
    return _key(db.execute(sa.select(*KEY_COLUMNS).where(api_keys.c.digest == digest)).one())


def find_by_digest(db: Db, digest: str) -> ApiKey | None:
    """The key that this is the digest of, when it was not revoked."""
    query = sa.select(*KEY_COLUMNS).where(api_keys.c.digest == digest, api_keys.c.revoked_at.is_(None))
    row = db.execute(query).one_or_none()
    return None if row is None else _key(row)


def list_keys(db: Db, school: str | None = None) -> list[ApiKey]:
    """The keys of one school, or with None of all, revoked ones included, newest first."""
    query = sa.select(*KEY_COLUMNS).order_by(api_keys.c.id.desc())
    if school is not None:
        query = query.where(api_keys.c.school == school)
    return [_key(row) for row in db.execute(query)]


def touch_key(db: Db, key_id: int, now: datetime) -> None:
    db.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))


def revoke_key(db: Db, key_id: int, now: datetime, *, school: str | None = None) -> bool:
    """End a key at once; False when there is none, or it has ended."""
    revoked = sa.update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    if school is not None:
        revoked = revoked.where(api_keys.c.school == school)
    return db.execute(revoked).rowcount == 1


def _key(row: sa.Row[Any]) -> ApiKey:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return ApiKey(**values | {"scopes": frozenset(Scope(each) for each in values["scopes"].split())})
