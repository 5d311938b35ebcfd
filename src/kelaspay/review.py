"""What a person does with a payment that needs one: try again, say that it is paid, or that a matter is settled."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kelaspay.confirm import note_second_payment
from kelaspay.faults import CourseAmbiguous, CourseUnmapped, MoveRefused, PaymentUnknown, ThinkificRefused
from kelaspay.payment import UNPAID, Attention, Enrollment, EnrollmentState, Status
from kelaspay.store import enrollments, jobs, offers, payments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.payment import MerchantOrderId, Payment
    from kelaspay.store.database import Database, Db

DONE = frozenset({Status.COMPLETED, Status.REFUNDED})


def retry(
    merchant_order_id: MerchantOrderId, *, database: Database, start: Start, now: Callable[[], datetime], actor: str
) -> None:
    """Set the work going again, where it stopped; what stopped for its course takes its corrected ids along.

    What got stuck after that, ending an access or giving it to another address, goes on. Raises `MoveRefused` when it
    is not paid, when its amount is in doubt (`mark_paid` settles that), or when it is done. Repeating it starts nothing
    twice.
    """
    at = now()
    with database.begin() as db:
        payment = _payment(db, merchant_order_id)
        found = enrollments.find_enrollment(db, merchant_order_id)
        if not may_retry(payment, found):
            differs = payment.attention is Attention.AMOUNT_DIFFERS and payment.status not in DONE
            why = "Its amount differs; mark it paid if that is right." if differs else f"It is {payment.status}."
            raise MoveRefused(why, merchant_order_id=merchant_order_id)
        if payment.status not in DONE:
            set_going(db, payment, start=start, at=at, actor=actor, what="retried", text=None)
            return
        if payment.status is Status.COMPLETED and found is not None and found.state is not EnrollmentState.ENROLLED:
            enrollments.save_enrollment(db, merchant_order_id, state=EnrollmentState.PENDING)
        payments.tell(db, merchant_order_id, at, actor, "retried")
        payments.clear_attention(db, merchant_order_id)
        start(db, merchant_order_id, at)


def may_retry(payment: Payment, enrollment: Enrollment | None) -> bool:
    """Whether there is something to set going: a paid order that is not through, an access that is still to be ended,
    or a new address that is still to get it.
    """
    if payment.status not in DONE:
        return payment.status not in UNPAID and payment.attention is not Attention.AMOUNT_DIFFERS
    if enrollment is None or enrollment.state is EnrollmentState.REVOKED:
        return False
    to_be_given = payment.status is Status.COMPLETED and enrollment.state is not EnrollmentState.ENROLLED
    return to_be_given or enrollment.revoke_wanted or enrollment.former_user_id is not None


def hurry(
    merchant_order_id: MerchantOrderId, *, database: Database, start: Start, now: Callable[[], datetime], actor: str
) -> bool:
    """Do not wait for the time that was set: ask Duitku, or try again to enroll. False where nothing is to be done.

    Raises `PaymentUnknown`. Repeating it starts nothing twice.
    """
    with database.begin() as db:
        payment = _payment(db, merchant_order_id)
        if payment.status in UNPAID:
            start(db, merchant_order_id, now())
            return True
    with suppress(MoveRefused):
        retry(merchant_order_id, database=database, start=start, now=now, actor=actor)
        return True
    return False


def mark_paid(
    merchant_order_id: MerchantOrderId,
    *,
    database: Database,
    start: Start,
    now: Callable[[], datetime],
    actor: str,
    reason: str,
) -> None:
    """Take a person's word that it is paid, with the reason, and enroll. Raises `MoveRefused` when it is not needed."""
    at = now()
    with database.begin() as db:
        payment = _payment(db, merchant_order_id)
        if payment.status not in UNPAID | {Status.REVIEW}:
            raise MoveRefused(f"It is {payment.status}.", merchant_order_id=merchant_order_id)
        set_going(db, payment, start=start, at=at, actor=actor, what="marked_paid", text=reason)


def settle(
    merchant_order_id: MerchantOrderId, *, database: Database, now: Callable[[], datetime], actor: str, reason: str
) -> None:
    """Take the payment off the list of what a person should look at, with what was done about it (the second payment
    sent back, the sale found in the school's list).

    Raises `MoveRefused` when nothing is flagged, or when the payment cannot go on without `retry` or `mark_paid`.
    """
    with database.begin() as db:
        payment = _payment(db, merchant_order_id)
        if payment.attention is None:
            raise MoveRefused("Nothing is flagged.", merchant_order_id=merchant_order_id)
        if payment.status is Status.REVIEW:
            raise MoveRefused("It is in review; try it again or mark it paid.", merchant_order_id=merchant_order_id)
        payments.tell(db, merchant_order_id, now(), actor, "settled", f"{payment.attention}: {reason}")
        payments.clear_attention(db, merchant_order_id)


def set_going(db: Db, payment: Payment, *, start: Start, at: datetime, actor: str, what: str, text: str | None) -> None:
    """Make a payment paid and start its work; what stopped for its course takes its corrected ids along."""
    order_id = payment.merchant_order_id
    sold: dict[str, int | None] = {"course_id": payment.course_id, "bundle_id": payment.bundle_id}
    offer = offers.find_offer(db, payment.offer) if _stopped_by_its_course(db, payment) else None
    if offer is not None:
        sold = {"course_id": offer.course_id, "bundle_id": offer.bundle_id}
        payments.set_sold(db, order_id, **sold, product_id=offer.product_id)
    payments.tell(db, order_id, at, actor, what, text)
    from_states = [state for state in Status if state in UNPAID or state is Status.REVIEW]
    paid_at = payment.paid_at or at
    moved: dict[str, Any] = {"paid_at": paid_at} | ({"next_ask_at": None} if payment.status in UNPAID else {})
    payments.move(db, order_id, Status.PAID, at, actor=actor, allowed=from_states, **moved)
    payments.clear_attention(db, order_id)
    note_second_payment(db, order_id, at)  # that is not settled by this
    before = enrollments.find_enrollment(db, order_id)
    enrollments.begin_enrollment(db, Enrollment(order_id, course_id=sold["course_id"], bundle_id=sold["bundle_id"]))
    if before is not None and (before.course_id, before.bundle_id) != (sold["course_id"], sold["bundle_id"]):
        looks_first = {"enroll_tried": False, "activated_at": None, "user_created": False}
        enrollments.save_enrollment(db, order_id, **looks_first)
    start(db, order_id, at)


def _stopped_by_its_course(db: Db, payment: Payment) -> bool:
    """Whether it is in review for the course or bundle that it gives: none was found by its name, or Thinkific refused
    to enroll the user in it. Then what the offer was corrected to counts, and in no other case: it may be something
    else today.
    """
    job = jobs.find_job(db, payment.merchant_order_id)
    if payment.status is not Status.REVIEW or job is None or payment.attention is Attention.AMOUNT_DIFFERS:
        return False
    found = enrollments.find_enrollment(db, payment.merchant_order_id)
    refused = job.fault == ThinkificRefused.code() and found is not None and found.user_id is not None
    return refused or job.fault in {CourseUnmapped.code(), CourseAmbiguous.code()}


def _payment(db: Db, merchant_order_id: MerchantOrderId) -> Payment:
    payment = payments.find_for_update(db, merchant_order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return payment
