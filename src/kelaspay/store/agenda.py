"""Payments' work, listed for an operator: what runs, what waits, what is tried again and what was given up."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import MerchantOrderId, Status
from kelaspay.store.console import only
from kelaspay.store.database import database_clock
from kelaspay.store.tables import jobs, payments

if TYPE_CHECKING:
    from kelaspay.store.database import Db


MOST_AT_ONCE = 500
"""For how many it is done at once: what a person can answer for."""


class Standing(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    DEAD = "dead"


_held = sa.and_(jobs.c.active, jobs.c.lease_until.is_not(None), jobs.c.lease_until > database_clock())
_conditions: dict[Standing, sa.ColumnElement[bool]] = {
    Standing.RUNNING: _held,
    Standing.WAITING: sa.and_(jobs.c.active, jobs.c.fault.is_(None), sa.not_(sa.func.coalesce(_held, sa.false()))),
    Standing.RETRYING: sa.and_(jobs.c.active, jobs.c.fault.is_not(None)),
    Standing.DEAD: sa.and_(sa.not_(jobs.c.active), jobs.c.fault.is_not(None), payments.c.status == Status.REVIEW),
}
_joined = payments.join(jobs, jobs.c.merchant_order_id == payments.c.merchant_order_id)


def list_work(db: Db, school: str | None, standing: Standing, fault: str, limit: int) -> list[sa.Row[Any]]:
    """Whatever wakes first comes first."""
    query = (
        sa.select(
            *[column for column in jobs.c if column.name not in {"holder", "lease_until", "poked"}],
            payments.c.status,
            payments.c.product_details,
            payments.c.paid_at,
        )
        .select_from(_joined)
        .where(_conditions[standing], only(payments.c.school, school))
        .order_by(jobs.c.wake_at, jobs.c.merchant_order_id)
        .limit(limit)
    )
    return list(db.execute(query.where(jobs.c.fault == fault) if fault else query))


def count_work(db: Db, school: str | None) -> dict[Standing, int]:
    return {
        standing: db.execute(
            sa.select(sa.func.count()).select_from(_joined).where(condition, only(payments.c.school, school))
        ).scalar_one()
        for standing, condition in _conditions.items()
    }


def kinds(db: Db, school: str | None, standing: Standing) -> list[tuple[str, int]]:
    """By which fault how many stand so."""
    rows = db.execute(
        sa.select(jobs.c.fault, sa.func.count())
        .select_from(_joined)
        .where(_conditions[standing], jobs.c.fault.is_not(None), only(payments.c.school, school))
        .group_by(jobs.c.fault)
        .order_by(jobs.c.fault)
    )
    return [(str(row[0]), int(row[1])) for row in rows]


def of_kind(db: Db, school: str | None, standing: Standing, fault: str, limit: int) -> list[MerchantOrderId]:
    """The payments whose work stands so by this fault."""
    return [MerchantOrderId(row.merchant_order_id) for row in list_work(db, school, standing, fault, limit)]
