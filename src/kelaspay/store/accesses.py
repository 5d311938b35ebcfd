"""The list of enrollments: who is in which course, how far, and until when, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import EnrollmentState
from kelaspay.store.database import UtcDateTime
from kelaspay.store.listing import found
from kelaspay.store.tables import customers, enrollments, payments

if TYPE_CHECKING:
    from kelaspay.store.database import Db
    from kelaspay.store.listing import After


@dataclass(frozen=True, slots=True)
class Asked:
    """Which enrollments; "" asks for nothing, and None means every school."""

    q: str = ""
    state: str = ""
    school: str | None = None


COLUMNS = (
    payments.c.merchant_order_id,
    payments.c.created_at,
    payments.c.school,
    payments.c.offer,
    payments.c.product_details,
    customers.c.name,
    customers.c.email,
    enrollments.c.state,
    enrollments.c.user_id,
    enrollments.c.course_id,
    enrollments.c.bundle_id,
    enrollments.c.enrollment_id,
    enrollments.c.percentage_completed,
    enrollments.c.enrolled_at,
    enrollments.c.completed_at,
    enrollments.c.revoked_at,
    enrollments.c.told_at,
    sa.case((enrollments.c.told_at.is_(None), enrollments.c.activated_at), else_=enrollments.c.told_activated_at).label(
        "activated_at"
    ),
    sa.case((enrollments.c.told_at.is_(None), enrollments.c.expiry_date), else_=enrollments.c.told_expiry_date).label(
        "expiry_date"
    ),
)
"""The times are Thinkific's own where it has told us, and otherwise those that we asked it for."""


def list_accesses(db: Db, asked: Asked, *, after: After | None, limit: int) -> list[sa.Row[Any]]:
    """The newest `limit` enrollments that are asked for, of payments made before `after`."""
    query = (
        sa.select(*COLUMNS)
        .select_from(payments)
        .join(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
        .outerjoin(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
        .where(*_conditions(asked))
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
        .limit(limit)
    )
    if after is not None:
        made = sa.tuple_(payments.c.created_at, payments.c.merchant_order_id)
        query = query.where(made < sa.tuple_(sa.literal(after[0], UtcDateTime), sa.literal(after[1])))
    return list(db.execute(query))


def find_access(db: Db, merchant_order_id: str) -> sa.Row[Any] | None:
    """One, with how far and until when."""
    joined = payments.join(enrollments).outerjoin(
        customers, customers.c.merchant_order_id == payments.c.merchant_order_id
    )
    its: sa.Select[Any] = sa.select(*COLUMNS).where(payments.c.merchant_order_id == merchant_order_id)
    return db.execute(its.select_from(joined)).one_or_none()


def _conditions(asked: Asked) -> list[sa.ColumnElement[bool]]:
    conditions = [] if asked.school is None else [payments.c.school == asked.school]
    if asked.state == EnrollmentState.ENROLLED:  # most are: read by date, not by this
        conditions.append(sa.func.coalesce(enrollments.c.state, "") == asked.state)
    elif asked.state:
        few = sa.select(enrollments.c.merchant_order_id).where(enrollments.c.state == asked.state)
        conditions.append(payments.c.merchant_order_id.in_(few))
    if asked.q.strip():
        conditions.append(payments.c.merchant_order_id.in_(found(asked.q.strip(), asked.school)))
    return conditions
