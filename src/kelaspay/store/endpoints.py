"""Webhook endpoints: where a school's integrators want to be told, of what, and signed with which sealed secret."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.notice_tables import deliveries, endpoints
from kelaspay.store.notices import EVERY

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


class Disabled(StrEnum):
    """Why an endpoint is told nothing any more."""

    BY_HAND = "by_hand"
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """Nothing reached it for days."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint without its secrets."""

    id: str
    school: str
    url: str
    types: str
    """Separated by spaces, or `*` for all."""
    made_at: datetime
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: Disabled | None = None
    old_secret_until: datetime | None = None

    @property
    def listed(self) -> list[str]:
        return self.types.split()


ENDPOINT_COLUMNS = [endpoints.c[field.name] for field in fields(Endpoint)]


def add_endpoint(db: Db, endpoint: Endpoint, secret: bytes) -> None:
    values = {column.name: getattr(endpoint, column.name) for column in ENDPOINT_COLUMNS}
    db.execute(sa.insert(endpoints).values(**values, secret=secret))


def list_endpoints(db: Db, school: str | None = None) -> list[Endpoint]:
    """The endpoints of one school, or with None of all, oldest first."""
    query = sa.select(*ENDPOINT_COLUMNS).order_by(endpoints.c.made_at, endpoints.c.id)
    if school is not None:
        query = query.where(endpoints.c.school == school)
    return [_endpoint(row) for row in db.execute(query)]


def find_endpoint(db: Db, endpoint_id: str, school: str | None = None) -> Endpoint | None:
    query = sa.select(*ENDPOINT_COLUMNS).where(endpoints.c.id == endpoint_id)
    if school is not None:
        query = query.where(endpoints.c.school == school)
    row = db.execute(query).one_or_none()
    return None if row is None else _endpoint(row)


def secrets_of(db: Db, endpoint_id: str, *, lock: bool = False) -> tuple[bytes, bytes | None] | None:
    """The sealed secret, and the sealed one before it; None when there is no such endpoint."""
    query = sa.select(endpoints.c.secret, endpoints.c.old_secret).where(endpoints.c.id == endpoint_id)
    row = db.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else (row.secret, row.old_secret)


def set_endpoint(db: Db, endpoint_id: str, **values: Any) -> bool:
    """Write down what changed; False when there is no such endpoint."""
    return db.execute(sa.update(endpoints).where(endpoints.c.id == endpoint_id).values(**values)).rowcount == 1


def remove_endpoint(db: Db, endpoint_id: str) -> bool:
    """Forget an endpoint, its secret and its deliveries; False when there is none."""
    db.execute(sa.delete(deliveries).where(deliveries.c.endpoint_id == endpoint_id))
    return db.execute(sa.delete(endpoints).where(endpoints.c.id == endpoint_id)).rowcount == 1


def reached(db: Db, endpoint_id: str) -> None:
    """It took something."""
    failing = endpoints.c.failing_since.is_not(None)
    db.execute(sa.update(endpoints).where(endpoints.c.id == endpoint_id, failing).values(failing_since=None))


def not_reached(db: Db, endpoint_id: str, now: datetime, limit: datetime) -> bool:
    """It did not take something; True when that has been so since before `limit`, and disables it."""
    known = endpoints.c.id == endpoint_id
    db.execute(sa.update(endpoints).where(known, endpoints.c.failing_since.is_(None)).values(failing_since=now))
    return disable(db, endpoint_id, Disabled.FAILING, now, endpoints.c.failing_since <= limit)


def disable(db: Db, endpoint_id: str, reason: Disabled, now: datetime, *conditions: sa.ColumnElement[bool]) -> bool:
    """Tell it nothing any more; False when that is so already."""
    disabled = sa.update(endpoints).where(endpoints.c.id == endpoint_id, endpoints.c.disabled_at.is_(None), *conditions)
    return db.execute(disabled.values(disabled_at=now, disabled_reason=reason)).rowcount == 1


def given_up(db: Db, school: str | None = None) -> list[Endpoint]:
    """Endpoints that were disabled and not by a person: somebody should look."""
    query = sa.select(*ENDPOINT_COLUMNS).where(endpoints.c.disabled_reason.in_([Disabled.GONE, Disabled.FAILING]))
    if school is not None:
        query = query.where(endpoints.c.school == school)
    return [_endpoint(row) for row in db.execute(query.order_by(endpoints.c.disabled_at))]


def wants_all(types: str) -> bool:
    return types == EVERY


def _endpoint(row: sa.Row[Any]) -> Endpoint:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    reason = values["disabled_reason"]
    return Endpoint(**values | {"disabled_reason": Disabled(reason) if reason else None})
