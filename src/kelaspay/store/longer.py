"""What of a bundle its buyer has for longer than the bundle: kept ahead of the call that sets the ends anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import EnrollmentState
from kelaspay.store.tables import enrollments

if TYPE_CHECKING:
    from kelaspay.payment import Enrollment, MerchantOrderId
    from kelaspay.store.database import Db

APART = timedelta(minutes=5)
"""How far the clocks of two processes may be apart."""


def as_kept(ends: dict[int, datetime]) -> dict[str, str] | None:
    """The end of each course as `enrollments.inside_until` has it."""
    return {str(course_id): end.isoformat() for course_id, end in ends.items()} or None


def kept(db: Db, merchant_order_id: MerchantOrderId) -> dict[int, datetime]:
    query = sa.select(enrollments.c.inside_until).where(enrollments.c.merchant_order_id == merchant_order_id)
    ends = db.execute(query).scalar_one_or_none() or {}
    return {int(course_id): datetime.fromisoformat(end) for course_id, end in ends.items()}


def given_since(db: Db, enrollment: Enrollment) -> list[sa.Row[Any]]:
    """The orders of the same user that give something else for longer, and gave it after this one aimed or are about
    to: what each gives, until when.
    """
    if enrollment.activated_at is None or enrollment.expiry_date is None:  # nothing reaches further than for ever
        return []
    since = enrollment.activated_at - APART
    query = sa.select(enrollments.c.course_id, enrollments.c.bundle_id, enrollments.c.expiry_date).where(
        enrollments.c.user_id == enrollment.user_id,
        enrollments.c.merchant_order_id != enrollment.merchant_order_id,
        enrollments.c.bundle_id.is_distinct_from(enrollment.bundle_id),
        enrollments.c.enroll_tried,
        sa.not_(enrollments.c.revoke_wanted),
        sa.or_(
            enrollments.c.state == EnrollmentState.PENDING,
            sa.and_(enrollments.c.state == EnrollmentState.ENROLLED, enrollments.c.enrolled_at >= since),
        ),
        sa.or_(enrollments.c.expiry_date.is_(None), enrollments.c.expiry_date > enrollment.expiry_date),
    )
    return list(db.execute(query))
