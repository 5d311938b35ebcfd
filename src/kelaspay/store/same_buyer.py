"""What else an order's buyer has here: other orders of the same person, by their address or their Thinkific user."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import EnrollmentState, Payment, Status
from kelaspay.store import payments
from kelaspay.store.tables import customers, enrollments, users
from kelaspay.store.tables import payments as paid

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from kelaspay.store.database import Db

_gives = sa.and_(
    sa.or_(
        sa.and_(
            paid.c.status.in_([Status.PAID, Status.COMPLETED]),
            sa.func.coalesce(enrollments.c.state, "") != EnrollmentState.BLOCKED,
        ),
        sa.and_(paid.c.status == Status.REVIEW, enrollments.c.state == EnrollmentState.ENROLLED),
    ),
    sa.not_(sa.func.coalesce(enrollments.c.revoke_wanted, sa.false())),
)
"""Paid, with access that is given or on its way; it may be the sale's record alone that a person must look at. Not
where the access is stopped, for it is given anew when a person has it go on; nor where its end is wanted.
"""
_of_ended = enrollments.alias("of_ended")
_ENDED = (
    sa.select(
        _of_ended.c.had_until,
        _of_ended.c.kept_by,
        enrollments.c.state,
        enrollments.c.expiry_date,
        _gives.label("gives"),
    )
    .select_from(_of_ended)
    .outerjoin(enrollments, enrollments.c.merchant_order_id == _of_ended.c.kept_by)
    .outerjoin(paid, paid.c.merchant_order_id == _of_ended.c.kept_by)
    .where(_of_ended.c.merchant_order_id == sa.bindparam("sought"), _of_ended.c.state == EnrollmentState.REVOKED)
)
"""What was left of an order that has ended, with the order by which it was."""


def other_paid_orders(db: Db, payment: Payment, user_id: int | None, now: datetime) -> list[sa.Row[Any]]:
    """The other orders of the same Thinkific user at this school that are paid and whose access has not ended: what
    they gave, until when. One that has no user yet is theirs by its address; so is every one where `user_id` is None.
    """
    its = sa.select(customers.c.email).where(customers.c.merchant_order_id == payment.merchant_order_id)
    known = sa.select(users.c.email).where(users.c.school == payment.school, users.c.user_id == user_id)
    by_address = sa.select(customers.c.merchant_order_id).where(
        customers.c.email.in_(its if user_id is None else known)
    )
    by_user = sa.select(enrollments.c.merchant_order_id).where(enrollments.c.user_id == user_id)
    query = (
        sa.select(
            paid.c.merchant_order_id,
            sa.func.coalesce(enrollments.c.course_id, paid.c.course_id).label("course_id"),
            sa.func.coalesce(enrollments.c.bundle_id, paid.c.bundle_id).label("bundle_id"),
            enrollments.c.expiry_date,
            enrollments.c.state,
        )
        .select_from(paid)
        .outerjoin(enrollments, enrollments.c.merchant_order_id == paid.c.merchant_order_id)
        .where(
            paid.c.merchant_order_id.in_(sa.union(by_user, by_address)),
            paid.c.merchant_order_id != payment.merchant_order_id,
            paid.c.school == payment.school,
            _gives,
            sa.or_(enrollments.c.expiry_date.is_(None), enrollments.c.expiry_date > now),
            sa.func.coalesce(enrollments.c.state, "") != EnrollmentState.REVOKED,
        )
        .order_by(paid.c.created_at, paid.c.merchant_order_id)
    )
    if user_id is not None:
        query = query.where(sa.func.coalesce(enrollments.c.user_id, user_id) == user_id)
    return list(db.execute(query))


class Kept(StrEnum):
    """Why who has an order no more goes on having access: another order of theirs, or what they had before it."""

    BY_ANOTHER = "by_another"
    FROM_BEFORE = "from_before"


def kept(db: Db, payment: Payment, now: datetime) -> Kept | None:
    """Whether access was left to the buyer when this order ended: for another paid order that is still good, and for
    whatever it was left to then, where that one ended in turn; or for what the buyer had before.
    """
    ended, order_id = set[str](), str(payment.merchant_order_id)
    while order_id not in ended:
        ended.add(order_id)
        found = db.execute(_ENDED, {"sought": order_id}).one_or_none()
        if found is None:
            return None
        if found.had_until is not None:
            return Kept.FROM_BEFORE if found.had_until > now else None
        if found.state is None:  # nothing keeps it
            return None
        if found.state != EnrollmentState.REVOKED:
            good = found.gives and (found.expiry_date is None or found.expiry_date > now)
            return Kept.BY_ANOTHER if good else None
        order_id = found.kept_by
    return None


def orders_of_user(db: Db, school: str, user_id: int) -> set[str]:
    """The public ids of all orders of a Thinkific user at this school."""
    query = sa.select(paid.c.public_id).where(
        enrollments.c.user_id == user_id,
        enrollments.c.merchant_order_id == paid.c.merchant_order_id,
        paid.c.school == school,
    )
    return set(db.execute(query).scalars())


def access_of(db: Db, email: str, wanted: Payment, now: datetime) -> Any:
    """The `public_id` and `expiry_date` of an order of this person's that gives what `wanted` would; or None."""
    same = [paid.c.offer == wanted.offer]
    if wanted.course_id is not None:
        same.append(sa.func.coalesce(enrollments.c.course_id, paid.c.course_id) == wanted.course_id)
    query = (
        sa.select(paid.c.public_id, enrollments.c.expiry_date)
        .join(customers, customers.c.merchant_order_id == paid.c.merchant_order_id)
        .outerjoin(enrollments, enrollments.c.merchant_order_id == paid.c.merchant_order_id)
        .where(
            customers.c.email == email,
            paid.c.school == wanted.school,
            sa.or_(*same),
            paid.c.status.in_([Status.PAID, Status.COMPLETED, Status.REVIEW]),
            sa.or_(enrollments.c.expiry_date.is_(None), enrollments.c.expiry_date > now),
            sa.func.coalesce(enrollments.c.state, "") != EnrollmentState.REVOKED,
            sa.not_(sa.func.coalesce(enrollments.c.revoke_wanted, sa.false())),
        )
        .order_by(paid.c.created_at.desc())
    )
    return db.execute(query.limit(1)).one_or_none()


def unpaid_of(db: Db, email: str, wanted: Payment, now: datetime, among: Collection[str]) -> Payment | None:
    """An unpaid order of this person's for the same thing at the same price, coupon and all, while it can be paid; only
    `among` these public ids, for an address proves nobody.
    """
    query = (
        sa.select(*payments.PAYMENT_COLUMNS)
        .join(customers, customers.c.merchant_order_id == paid.c.merchant_order_id)
        .where(
            customers.c.email == email,
            paid.c.public_id.in_(among),
            paid.c.offer == wanted.offer,
            paid.c.payment_amount == wanted.payment_amount,
            paid.c.coupon.is_not_distinct_from(wanted.coupon),
            paid.c.status == Status.PENDING,
            paid.c.expires_at > now,
        )
        .order_by(paid.c.created_at.desc())
    )
    row = db.execute(query.limit(1)).one_or_none()
    return None if row is None else payments.as_payment(row)
