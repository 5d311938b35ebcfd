"""Give an order to another e-mail address, for a buyer who mistyped theirs and cannot get in.

Once the buyer has signed in it is theirs to change at Thinkific, which tells us of it. Until then the new address gets
a user of its own with the same access until the same day, and only then the old user's access ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.faults import AlreadySignedIn, InvalidInput, MoveRefused, PaymentUnknown
from kelaspay.payment import UNPAID, Attention, EnrollmentState, Status
from kelaspay.review import may_retry, set_going
from kelaspay.store import buyers, enrollments, jobs, messages, payments
from kelaspay.wanted import checked_email

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.payment import Enrollment, MerchantOrderId, Payment
    from kelaspay.school import School
    from kelaspay.store.database import Db


def change_email(merchant_order_id: MerchantOrderId, email: str, *, school: School, start: Start, actor: str) -> str:
    """The new address as it is kept. What was paid for is given to it by the payment's work, set going here, in
    review as by `retry`; while its amount is in doubt the change alone is kept.

    Raises `InvalidInput` for no address or the same, `AlreadySignedIn`, and `MoveRefused` for a refunded order, for
    ended access, or while the address before is still being left, unless the next could be given nothing. Repeating it
    with the same address is refused.
    """
    address = checked_email("email", email)
    with school.database.read() as db:
        payment, found = _read(db, merchant_order_id)
        user_id = found.user_id if found else None
        signed_in = user_id is not None and enrollments.signed_in(db, payment.school, user_id)
    _refuse(payment, found)
    if signed_in or (found is not None and _started(found, school)):
        raise AlreadySignedIn(merchant_order_id=merchant_order_id)
    school.customers.forget(merchant_order_id)
    at = school.now()
    with school.database.begin() as db:
        payment = payments.find_for_update(db, merchant_order_id) or payment
        found = enrollments.find_enrollment(db, merchant_order_id)
        _refuse(payment, found)
        before = payments.find_customer(db, merchant_order_id)
        if before is None or before.email == address:
            raise InvalidInput.one("email", "is the address that it has already")
        payments.set_email(db, merchant_order_id, address, at)
        buyers.want_email(db, merchant_order_id, None)
        payments.unflag(db, merchant_order_id, Attention.EMAIL_WRONG)
        payments.tell(db, merchant_order_id, at, actor, "email_changed", f"{before.email} → {address}")
        if payment.status is Status.PENDING:
            messages.once_more(db, merchant_order_id, "order_made", at)
        elif payment.status not in UNPAID:
            _go_on(db, payment, found, start=start, at=at, actor=actor)
        enrollments.leave_user(db, merchant_order_id)
    return address


def _go_on(db: Db, payment: Payment, found: Enrollment | None, *, start: Start, at: datetime, actor: str) -> None:
    if payment.status is Status.REVIEW and not may_retry(payment, found):
        return
    jobs.overtake(db, payment.merchant_order_id)
    if payment.status is Status.REVIEW:
        set_going(db, payment, start=start, at=at, actor=actor, what="retried", text=None)
    else:
        start(db, payment.merchant_order_id, at)


def _refuse(payment: Payment, found: Enrollment | None) -> None:
    if payment.status is Status.REFUNDED or (found is not None and found.ended):
        raise MoveRefused("Its access has ended.", merchant_order_id=payment.merchant_order_id)
    if found is not None and moving(found):
        raise MoveRefused("The last change is not through yet.", merchant_order_id=payment.merchant_order_id)


def moving(found: Enrollment) -> bool:
    """Whether the order is on its way from one address to another. Not where the next surely got nothing and Thinkific
    refuses it: then it may go to another still.
    """
    stopped = found.state is EnrollmentState.BLOCKED and not found.enroll_tried
    return found.former_user_id is not None and not stopped


def _started(found: Enrollment, school: School) -> bool:
    """Whether Thinkific says that the learner has opened the course."""
    if found.state is not EnrollmentState.ENROLLED or found.user_id is None or found.course_id is None:
        return False
    there = school.thinkific.about(found.merchant_order_id).find_enrollment(found.user_id, found.course_id)
    return there is not None and there.started_at is not None


def _read(db: Db, merchant_order_id: MerchantOrderId) -> tuple[Payment, Enrollment | None]:
    payment = payments.find_payment(db, merchant_order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return payment, enrollments.find_enrollment(db, merchant_order_id)
