"""End a payment's access. Nothing can be deleted at Thinkific: the enrollment gets an end in the past, its progress
stays. Where another paid order covers the same course, the access stays and only the refund is recorded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from kelaspay.faults import (
    MoveRefused,
    PaymentUnknown,
    Superseded,
    ThinkificBusy,
    ThinkificRefused,
    ThinkificUnauthorized,
    ThinkificUnavailable,
    ThinkificUnreachable,
)
from kelaspay.payment import EnrollmentState, ExternalOrderState, Status
from kelaspay.store import enrollments, payments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.enroll import School, Step
    from kelaspay.payment import Enrollment, MerchantOrderId, Payment
    from kelaspay.store.database import Database, Db

log = structlog.get_logger()

PAST = timedelta(days=1)
"""An end today may still let the user in until midnight (thinkific.md 2.5)."""


def ask_to_revoke(
    merchant_order_id: MerchantOrderId,
    *,
    database: Database,
    start: Start,
    now: Callable[[], datetime],
    reason: str,
    actor: str,
) -> None:
    """Mark the payment refunded and set the work going, in one commit.

    Duitku has no refund API: the money is sent back by hand. Raises `MoveRefused` unless it was paid; repeating it
    changes nothing.
    """
    at = now()
    with database.begin() as db:
        payment = payments.find_payment(db, merchant_order_id)
        if payment is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        if not payments.move(db, merchant_order_id, Status.REFUNDED, at, actor=actor, text=reason):
            if payment.status is Status.REFUNDED:
                return
            raise MoveRefused(f"It is {payment.status}.", merchant_order_id=merchant_order_id)
        enrollments.save_enrollment(db, merchant_order_id, revoke_wanted=True)
        start(db, merchant_order_id, at)


def revoke(merchant_order_id: MerchantOrderId, *, school: School, step: Step, guard: Callable[[], None]) -> None:
    """End the access and record the refund; each step may be repeated."""
    step("end", lambda: end_access(merchant_order_id, school=school, guard=guard))
    step("refund", lambda: record_refund(merchant_order_id, school=school, guard=guard))


def end_access(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """Set the enrollment's end into the past, unless another paid order covers it. Repeating it is harmless."""
    customer = school.customers.recall(merchant_order_id)
    with school.database.read() as db:
        payment, found = _read(db, merchant_order_id)
        covered = payments.covered_elsewhere(db, payment, customer.email)
    if found.state is EnrollmentState.REVOKED:
        return
    if found.user_id is not None and not covered:
        _end(found, school=school, guard=guard)
    at = school.now()
    with school.database.begin() as db:
        enrollments.save_enrollment(db, merchant_order_id, state=EnrollmentState.REVOKED, revoked_at=at)
        text = "another paid order covers the course, so the access stays" if covered else None
        payments.tell(db, merchant_order_id, at, "thinkific", "revoked", text)


def record_refund(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """Record the refund with the external order, at most once, as the sale was."""
    with school.database.begin() as db:
        payment, found = _read(db, merchant_order_id)
        if found.external_order_id is None or not enrollments.claim_once(db, merchant_order_id, "refund_state"):
            return
    state, text = ExternalOrderState.RECORDED, None
    try:
        school.thinkific.refund_external_order(
            found.external_order_id, amount=payment.payment_amount, reference=merchant_order_id, guard=guard
        )
    except (ThinkificUnreachable, ThinkificBusy, Superseded):
        with school.database.begin() as db:
            enrollments.release_once(db, merchant_order_id, "refund_state")
        raise
    except ThinkificUnavailable as fault:
        state, text = ExternalOrderState.UNKNOWN, str(fault)
    except (ThinkificRefused, ThinkificUnauthorized) as fault:
        state, text = ExternalOrderState.REFUSED, str(fault)
    with school.database.begin() as db:
        enrollments.save_enrollment(db, merchant_order_id, refund_state=state)
        payments.tell(db, merchant_order_id, school.now(), "thinkific", f"refund_{state}", text)


def _end(found: Enrollment, *, school: School, guard: Callable[[], None]) -> None:
    times = {"activated_at": None, "expiry_date": school.now() - PAST}
    user_id = found.user_id or 0
    if found.bundle_id is not None:
        school.thinkific.change_bundle_enrollment(user_id, found.bundle_id, **times, guard=guard)
        return
    there = school.thinkific.find_enrollment(user_id, found.course_id or 0)
    if there is not None:
        school.thinkific.change_enrollment(there.enrollment_id, **times, guard=guard)


def _read(db: Db, merchant_order_id: MerchantOrderId) -> tuple[Payment, Enrollment]:
    payment = payments.find_payment(db, merchant_order_id)
    found = enrollments.find_enrollment(db, merchant_order_id)
    if payment is None or found is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return payment, found
