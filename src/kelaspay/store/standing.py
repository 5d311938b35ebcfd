"""How everything stands, in a few counts for whoever watches. Each has an index, however many payments there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import EnrollmentState, Status
from kelaspay.store.endpoints import Disabled
from kelaspay.store.notice_tables import deliveries, endpoints
from kelaspay.store.tables import enrollments, inbox, jobs, messages, payments

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts, and ages in seconds."""

    paid_not_enrolled: int
    oldest_paid_not_enrolled_seconds: float
    jobs_waiting: int
    oldest_job_seconds: float
    events_waiting: int
    messages_waiting: int
    messages_failed: int
    deliveries_waiting: int
    deliveries_failed: int
    endpoints_disabled: int
    needing_attention: int


def read(db: Db, now: datetime) -> Standing:
    unfinished, paid_at = _unfinished(db)
    waiting, wake_at = _first(db, jobs.c.wake_at, jobs.c.active, jobs.c.wake_at <= now)
    given_up = endpoints.c.disabled_reason.in_([Disabled.GONE, Disabled.FAILING])
    return Standing(
        paid_not_enrolled=unfinished,
        oldest_paid_not_enrolled_seconds=_age(paid_at, now),
        jobs_waiting=waiting,
        oldest_job_seconds=_age(wake_at, now),
        events_waiting=_count(db, inbox, inbox.c.started_at.is_(None)),
        messages_waiting=_count(db, messages, messages.c.state == "waiting", messages.c.due_at <= now),
        messages_failed=_count(db, messages, messages.c.state == "failed"),
        deliveries_waiting=_count(db, deliveries, deliveries.c.state == "waiting"),
        deliveries_failed=_count(db, deliveries, deliveries.c.state == "failed"),
        endpoints_disabled=_count(db, endpoints, given_up),
        needing_attention=_count(db, payments, payments.c.attention.is_not(None)),
    )


def _unfinished(db: Db) -> tuple[int, datetime | None]:
    """Paid payments whose buyer is not in the course, and when the first of them was paid."""
    query = (
        sa.select(sa.func.count(), sa.func.min(payments.c.paid_at))
        .select_from(payments)
        .outerjoin(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
        .where(
            payments.c.status.in_((Status.PAID, Status.REVIEW)),
            payments.c.paid_at.is_not(None),
            sa.func.coalesce(enrollments.c.state, EnrollmentState.PENDING) != EnrollmentState.ENROLLED,
        )
    )
    row = db.execute(query).one()
    return row[0], row[1]


def _first(db: Db, column: sa.Column[Any], *conditions: sa.ColumnElement[bool]) -> tuple[int, datetime | None]:
    row = db.execute(sa.select(sa.func.count(), sa.func.min(column)).where(*conditions)).one()
    return row[0], row[1]


def _count(db: Db, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    return db.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())
