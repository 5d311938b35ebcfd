"""Schools that were connected by OAuth, their tokens as sealed bytes, and attempts to connect."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.database import database_clock
from kelaspay.store.tables import oauth_states, schools
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


class Connection(StrEnum):
    NONE = "none"
    """Never connected by OAuth: it has a key, or waits to be connected."""
    CONNECTED = "connected"
    RECONNECT = "reconnect"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Connected:
    """A school's connection. `generation` counts its pairs of tokens."""

    subdomain: str
    state: Connection
    gid: str | None
    access_token: bytes | None
    refresh_token: bytes | None
    expires_at: datetime | None
    generation: int
    connected_at: datetime


@dataclass(frozen=True, slots=True)
class Attempted:
    """An attempt to connect; its state and its browser's secret are kept as digests only."""

    digest: str
    subdomain: str
    browser: str
    verifier: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """A school's own merchant, its keys, sealed, and who sells there."""

    subdomain: str
    merchant_code: str | None
    duitku_api_key: bytes | None
    api_key: bytes | None
    callback_path: str | None
    seller_name: str | None
    seller_address: str | None
    seller_email: str | None
    seller_phone: str | None
    seller_refund_policy: str | None
    whatsapp_phone_number_id: str | None
    whatsapp_token: bytes | None


CREDENTIALS_COLUMNS = [schools.c[field.name] for field in fields(Credentials)]
CONNECTED_COLUMNS = [schools.c[field.name] for field in fields(Connected)]
ATTEMPTED_COLUMNS = [oauth_states.c[field.name] for field in fields(Attempted)]


def add_attempt(db: Db, attempted: Attempted, now: datetime) -> None:
    """Keep an attempt, and forget those that have lapsed."""
    db.execute(sa.delete(oauth_states).where(oauth_states.c.expires_at < now))
    values = {name: getattr(attempted, name) for name in Attempted.__slots__}
    db.execute(sa.insert(oauth_states).values(**values))


def take_attempt(db: Db, digest: str) -> Attempted | None:
    """The attempt with this state, which is used up by that; None when there is none any more."""
    taken = sa.delete(oauth_states).where(oauth_states.c.digest == digest).returning(*ATTEMPTED_COLUMNS)
    rows = db.execute(taken).all()
    return Attempted(*rows[0]) if rows else None


def attempt_of_browser(db: Db, browser: str) -> str | None:
    """The subdomain that this browser last tried to connect."""
    query = sa.select(oauth_states.c.subdomain).where(oauth_states.c.browser == browser)
    return db.execute(query.order_by(oauth_states.c.expires_at.desc()).limit(1)).scalar_one_or_none()


def put_school(db: Db, school: Connected) -> None:
    """Connect a school, or connect it again: its tokens of before are gone, when it first came stays."""
    insert = upsert(db, schools)
    values = {name: getattr(school, name) for name in Connected.__slots__ if name != "generation"}
    renewed = {name: value for name, value in values.items() if name != "connected_at"}
    again = renewed | {"generation": schools.c.generation + 1, "refresh_lease_until": None}
    db.execute(
        insert.values(**values, generation=school.generation).on_conflict_do_update(
            index_elements=[schools.c.subdomain], set_=again
        )
    )


def find_school(db: Db, subdomain: str) -> Connected | None:
    row = db.execute(sa.select(*CONNECTED_COLUMNS).where(schools.c.subdomain == subdomain)).one_or_none()
    return None if row is None else _connected(row)


def find_by_gid(db: Db, gid: str) -> Connected | None:
    """The school with this global id of Thinkific's."""
    row = db.execute(sa.select(*CONNECTED_COLUMNS).where(schools.c.gid == gid)).one_or_none()
    return None if row is None else _connected(row)


def first_school(db: Db) -> Connected | None:
    """The school that was connected before all others and has no merchant of its own: anybody may connect a site of
    theirs, and must not become or shut out the one that sells here.
    """
    query = sa.select(*CONNECTED_COLUMNS).where(schools.c.merchant_code.is_(None), schools.c.state != Connection.NONE)
    row = db.execute(query.order_by(schools.c.connected_at, schools.c.subdomain).limit(1)).one_or_none()
    return None if row is None else _connected(row)


def put_credentials(db: Db, subdomain: str, callback_path: str, given: dict[str, object], now: datetime) -> Credentials:
    """Keep a school's keys; a school that is there keeps its callback path, its connection and what is not given."""
    insert = upsert(db, schools)
    made = {"subdomain": subdomain, "state": Connection.NONE, "generation": 0, "connected_at": now}
    there = sa.func.coalesce(schools.c.callback_path, callback_path)
    kept = insert.values(**made, callback_path=callback_path, **given).on_conflict_do_update(
        index_elements=[schools.c.subdomain], set_={"callback_path": there, **given}
    )
    return Credentials(*db.execute(kept.returning(*CREDENTIALS_COLUMNS)).one())


def find_credentials(db: Db, subdomain: str) -> Credentials | None:
    return _credentials(db, schools.c.subdomain == subdomain)


def find_by_callback_path(db: Db, path: str) -> Credentials | None:
    return _credentials(db, schools.c.callback_path == path)


def list_credentials(db: Db) -> list[Credentials]:
    """All schools that have a merchant of their own."""
    query = sa.select(*CREDENTIALS_COLUMNS).where(schools.c.merchant_code.is_not(None))
    return [Credentials(*row) for row in db.execute(query.order_by(schools.c.subdomain))]


def own_by_gid(db: Db, gid: str) -> str | None:
    """The subdomain of the school with this global id, when it has a merchant of its own."""
    query = sa.select(schools.c.subdomain).where(schools.c.gid == gid, schools.c.merchant_code.is_not(None))
    return db.execute(query).scalar_one_or_none()


def claim_refresh(db: Db, subdomain: str, generation: int, lease: float) -> bool:
    """Be the one that refreshes this pair of tokens: a refresh token works once (thinkific.md 1.6)."""
    claimed = db.execute(
        sa.update(schools)
        .where(
            schools.c.subdomain == subdomain,
            schools.c.generation == generation,
            schools.c.state == Connection.CONNECTED,
            sa.or_(schools.c.refresh_lease_until.is_(None), schools.c.refresh_lease_until < database_clock()),
        )
        .values(refresh_lease_until=database_clock() + lease)
    )
    return claimed.rowcount == 1


def release_refresh(db: Db, subdomain: str, generation: int) -> None:
    """Let another try: the refresh token surely was not used."""
    db.execute(
        sa.update(schools)
        .where(schools.c.subdomain == subdomain, schools.c.generation == generation)
        .values(refresh_lease_until=None)
    )


def set_tokens(
    db: Db, subdomain: str, generation: int, *, access_token: bytes, refresh_token: bytes, expires_at: datetime
) -> bool:
    """The next pair of tokens; False when the school was connected anew meanwhile."""
    values = {"access_token": access_token, "refresh_token": refresh_token, "expires_at": expires_at}
    renewed = db.execute(
        sa.update(schools)
        .where(schools.c.subdomain == subdomain, schools.c.generation == generation)
        .values(**values, generation=generation + 1, refresh_lease_until=None)
    )
    return renewed.rowcount == 1


def disconnect(db: Db, subdomain: str, generation: int, state: Connection) -> bool:
    """End a connection, its tokens forgotten; False when the school was connected anew meanwhile."""
    ended = db.execute(
        sa.update(schools)
        .where(schools.c.subdomain == subdomain, schools.c.generation == generation)
        .values(state=state, access_token=None, refresh_token=None, refresh_lease_until=None, generation=generation + 1)
    )
    return ended.rowcount == 1


def _credentials(db: Db, where: sa.ColumnElement[bool]) -> Credentials | None:
    row = db.execute(sa.select(*CREDENTIALS_COLUMNS).where(where)).one_or_none()
    return None if row is None else Credentials(*row)


def _connected(row: sa.Row[tuple[object, ...]]) -> Connected:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    values["state"] = Connection(values["state"])
    return Connected(**values)
