"""Notices to integrators: written in the commit of what they tell of, one delivery for each endpoint that wants them.

Without an endpoint a state change costs one look at an empty table.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.notice import ENROLLMENT_FIELDS, FIELDS, NoticeType, body, written
from kelaspay.payment import EnrollmentState, Status
from kelaspay.store.notice_tables import deliveries, endpoints, notices
from kelaspay.store.tables import enrollments, payments
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from kelaspay.store.database import Db

BY_STATUS = {
    Status.PAID: NoticeType.ORDER_PAID,
    Status.EXPIRED: NoticeType.ORDER_EXPIRED,
    Status.FAILED: NoticeType.ORDER_EXPIRED,
    Status.REFUNDED: NoticeType.ORDER_REFUNDED,
}
BY_STATE = {
    EnrollmentState.ENROLLED: NoticeType.ENROLLMENT_CREATED,
    EnrollmentState.BLOCKED: NoticeType.ENROLLMENT_FAILED,
    EnrollmentState.REVOKED: NoticeType.ENROLLMENT_REVOKED,
}
ENABLED = (
    sa.select(endpoints.c.id, endpoints.c.types, endpoints.c.school)
    .join(payments, payments.c.school == endpoints.c.school)
    .where(payments.c.merchant_order_id == sa.bindparam("sought"), endpoints.c.disabled_at.is_(None))
)
EVERY = "*"
"""What an endpoint has for its types that wants all there are, and will be."""


def raise_for_move(db: Db, merchant_order_id: str, to: Status, now: datetime) -> None:
    """What integrators are told of a payment's new state; each once in an order's life."""
    if to in BY_STATUS:
        raise_notice(db, BY_STATUS[to], merchant_order_id, now, once=True)


def raise_for_enrollment(db: Db, merchant_order_id: str, to: EnrollmentState, now: datetime) -> None:
    """What integrators are told of an access's new state; it may fail more than once."""
    if to in BY_STATE:
        raise_notice(db, BY_STATE[to], merchant_order_id, now)


def raise_notice(db: Db, kind: NoticeType, merchant_order_id: str, now: datetime, *, once: bool = False) -> None:
    """Have every enabled endpoint of the order's school told, unless it does not want this `kind`.

    `once`: not again for the same order. A paid order that goes from a review back to paid was paid before.
    """
    found = db.execute(ENABLED, {"sought": merchant_order_id}).all()
    told = [row for row in found if row.types == EVERY or kind in row.types.split()]
    if told:
        text = body(kind, now, _data(db, merchant_order_id))
        key = f"{kind} {merchant_order_id}" if once else None
        add_notice(db, kind, text, [row.id for row in told], now, once=key, about=(told[0].school, merchant_order_id))


def add_notice(
    db: Db,
    kind: NoticeType,
    text: str,
    endpoint_ids: Collection[str],
    now: datetime,
    *,
    once: str | None = None,
    about: tuple[str, str | None],
) -> str | None:
    """Keep a notice with a delivery for each endpoint; None when `once` was told before. `about`: school and order."""
    notice_id = f"msg_{secrets.token_hex(12)}"
    insert = upsert(db, notices)
    school, merchant_order_id = about
    values = {"id": notice_id, "type": kind, "body": text, "raised_at": now, "once": once}
    told = insert.values(**values, school=school, merchant_order_id=merchant_order_id)
    if not db.execute(told.on_conflict_do_nothing(index_elements=[notices.c.once]).returning(notices.c.id)).all():
        return None
    fresh = {"notice_id": notice_id, "school": school, "state": "waiting", "due_at": now, "attempts": 0}
    db.execute(sa.insert(deliveries), [fresh | {"endpoint_id": each} for each in endpoint_ids])
    return notice_id


def _data(db: Db, merchant_order_id: str) -> dict[str, Any]:
    """The order and its access as they stand in this transaction."""
    query = (
        sa.select(payments, *(enrollments.c[name].label(f"its_{name}") for name in ENROLLMENT_FIELDS))
        .outerjoin(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
        .where(payments.c.merchant_order_id == merchant_order_id)
    )
    row = db.execute(query).mappings().one()
    known = dict(row) | {"amount": row["payment_amount"], "currency": "IDR", "enrollment": None}
    if row["its_state"] is not None:
        known["enrollment"] = {name: row[f"its_{name}"] for name in ENROLLMENT_FIELDS}
        known["enrollment"]["expiry_date"] = written(row["its_expiry_date"])
    return {name: known[name] for name in FIELDS}
