"""Deliveries: one row for each notice and endpoint, claimed under a lease on the database's clock."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.database import database_clock
from kelaspay.store.notice_tables import deliveries, endpoints, notices
from kelaspay.store.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from kelaspay.store.database import Db


class State(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Not taken, and not tried again by itself."""


LISTED = (
    deliveries.c.id,
    deliveries.c.endpoint_id,
    deliveries.c.notice_id,
    notices.c.type,
    notices.c.merchant_order_id,
    deliveries.c.school,
    deliveries.c.state,
    deliveries.c.attempts,
    deliveries.c.due_at,
    deliveries.c.answer,
    deliveries.c.fault,
    deliveries.c.tried_at,
    notices.c.raised_at,
)


def due(db: Db, now: datetime, limit: int, *, skipping: Collection[str] = ()) -> list[sa.Row[Any]]:
    """What to deliver now and nobody is delivering, the oldest first, to enabled endpoints but those to skip; each with
    `body`, `url`, both sealed secrets, and the `traceparent` of its order's work.
    """
    free = sa.or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < database_clock())
    query = _whole().where(
        deliveries.c.state == State.WAITING, deliveries.c.due_at <= now, free, endpoints.c.disabled_at.is_(None)
    )
    if skipping:
        query = query.where(deliveries.c.endpoint_id.not_in(skipping))
    return list(db.execute(query.order_by(deliveries.c.due_at, deliveries.c.id).limit(limit)))


def of_notice(db: Db, notice_id: str) -> sa.Row[Any]:
    """The one delivery of a notice that was made for one endpoint, as `due` gives it."""
    return db.execute(_whole().where(deliveries.c.notice_id == notice_id)).one()


def claim(db: Db, row: Any, lease: float, now: datetime) -> bool:
    """Take on the attempt that follows those of `row`; False when somebody else has."""
    free = sa.or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < database_clock())
    mine = sa.and_(
        deliveries.c.id == row.id,
        deliveries.c.state == State.WAITING,
        deliveries.c.attempts == row.attempts,
        free,
    )
    values = {"lease_until": database_clock() + lease, "attempts": row.attempts + 1, "tried_at": now}
    return db.execute(sa.update(deliveries).where(mine).values(**values)).rowcount == 1


def write_down(db: Db, row: Any, **values: Any) -> bool:
    """What became of the attempt after those of `row`; False when another has been begun since."""
    mine = sa.and_(deliveries.c.id == row.id, deliveries.c.attempts == row.attempts + 1)
    return db.execute(sa.update(deliveries).where(mine).values(**values, lease_until=None)).rowcount == 1


def again(db: Db, delivery_id: int, now: datetime) -> bool:
    """Deliver it once more from the beginning; False while it is being delivered."""
    free = sa.or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < database_clock())
    repeated = sa.update(deliveries).where(deliveries.c.id == delivery_id, free)
    values = {"state": State.WAITING, "due_at": now, "attempts": 0, "lease_until": None, "fault": None, "answer": None}
    return db.execute(repeated.values(**values)).rowcount == 1


def find_delivery(db: Db, delivery_id: int, school: str | None = None) -> sa.Row[Any] | None:
    query = _listed().where(deliveries.c.id == delivery_id)
    if school is not None:
        query = query.where(deliveries.c.school == school)
    return db.execute(query).one_or_none()


def list_deliveries(
    db: Db,
    *,
    school: str | None = None,
    endpoint_id: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[sa.Row[Any]]:
    """The newest first; `before` an id, for the next page."""
    query = _listed().order_by(deliveries.c.id.desc()).limit(limit)
    wanted = {deliveries.c.school: school, deliveries.c.endpoint_id: endpoint_id, deliveries.c.state: state}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(deliveries.c.id < before)
    return list(db.execute(query))


def forget(db: Db, before: datetime, limit: int) -> int:
    """Delete what was raised before then, with its deliveries; returned is how many notices, `limit` at the most."""
    old = db.execute(sa.select(notices.c.id).where(notices.c.raised_at < before).limit(limit)).scalars().all()
    db.execute(sa.delete(deliveries).where(deliveries.c.notice_id.in_(old)))
    db.execute(sa.delete(notices).where(notices.c.id.in_(old)))
    return len(old)


def _listed() -> sa.Select[Any]:
    return sa.select(*LISTED).join(notices, notices.c.id == deliveries.c.notice_id)


def _whole() -> sa.Select[Any]:
    sealed = (endpoints.c.url, endpoints.c.secret, endpoints.c.old_secret, endpoints.c.old_secret_until)
    return (
        sa.select(*LISTED, notices.c.body, *sealed, jobs.c.traceparent)
        .join(notices, notices.c.id == deliveries.c.notice_id)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .outerjoin(jobs, jobs.c.merchant_order_id == notices.c.merchant_order_id)
    )
