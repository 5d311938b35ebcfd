"""End a payment's access. Nothing can be deleted at Thinkific: the enrollment gets an end in the past, its progress
stays. Where another paid order covers the same course, the access lasts as long as that one's; what the buyer had
before, by no order of ours, is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.enroll import QUEUED
from kelaspay.faults import AnotherOrderUnderWay, BundlePending, MoveRefused, PaymentUnknown
from kelaspay.once import send_once
from kelaspay.payment import Attention, Enrollment, EnrollmentState, ExternalOrderState, Status
from kelaspay.record_sale import STOPPED, sale_unknown
from kelaspay.store import enrollments, messages, payments, restored, same_buyer
from kelaspay.thinkific import FOR_EVER, end_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.enroll import Found, Step
    from kelaspay.payment import MerchantOrderId, Payment
    from kelaspay.school import School
    from kelaspay.store.database import Database, Db
    from kelaspay.thinkific import Thinkific

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
        wanted = Enrollment(merchant_order_id, course_id=payment.course_id, bundle_id=payment.bundle_id)
        enrollments.begin_enrollment(db, wanted)
        enrollments.save_enrollment(db, merchant_order_id, revoke_wanted=True)
        found = enrollments.find_enrollment(db, merchant_order_id)
        if found is not None and found.state is EnrollmentState.REVOKED:  # ended before: nothing is left to wait for
            _tell_refund(db, payment, at, kept=same_buyer.kept(db, payment, at) is not None)
        start(db, merchant_order_id, at)


def ask_to_end(
    merchant_order_id: MerchantOrderId,
    *,
    database: Database,
    start: Start,
    now: Callable[[], datetime],
    reason: str,
    actor: str,
) -> None:
    """Have the access ended and leave the sale as it is: nothing is given back, nothing recorded at Thinkific.

    Raises `MoveRefused` unless the buyer is enrolled; repeating it changes nothing.
    """
    at = now()
    with database.begin() as db:
        payment = payments.find_for_update(db, merchant_order_id)
        found = enrollments.find_enrollment(db, merchant_order_id)
        if payment is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        if payment.status is not Status.COMPLETED or found is None:
            raise MoveRefused(f"It is {payment.status}.", merchant_order_id=merchant_order_id)
        if found.revoke_wanted:
            return
        payments.tell(db, merchant_order_id, at, actor, "end_wanted", reason)
        enrollments.save_enrollment(db, merchant_order_id, revoke_wanted=True)
        start(db, merchant_order_id, at)


def revoke(merchant_order_id: MerchantOrderId, *, school: School, step: Step, guard: Callable[[], None]) -> None:
    """End the access and record the refund; each step may be repeated."""
    step("end", lambda: end_access(merchant_order_id, school=school, guard=guard))
    step("refund", lambda: record_refund(merchant_order_id, school=school, guard=guard))


def end_access(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """Set the enrollment's end into the past, or to where other paid orders of the same person or what they had before
    still reach. Whose money goes back is told then, with what became of the access.

    Repeating it is harmless.
    """
    with school.database.read() as db:
        before, found = enrollments.given(db, merchant_order_id)
    if found.state is EnrollmentState.REVOKED:
        return
    spared, looked = None, []
    for user_id in (found.former_user_id, found.user_id):  # the former's where a new address had no turn before
        if user_id is not None:
            spared, others = _end(merchant_order_id, user_id, school=school, guard=guard)
            looked.append((user_id, others))
    if not looked:
        spared = _by_address(before, found, school)
    at, text = school.now(), str(spared) if spared else None
    by, had_until = (spared.by, spared.had_until) if spared else (None, None)
    ended: dict[str, Any] = {"revoked_at": at, "kept_by": by, "had_until": had_until}
    ended |= {"former_user_id": None, "former_had_until": None}
    with school.database.begin() as db:
        payment = payments.find_for_update(db, merchant_order_id)  # a refund that comes just now is told by one of both
        for user_id, others in looked:
            _still_there(db, payment or before, user_id, others, at)
        if enrollments.move_enrollment(db, merchant_order_id, EnrollmentState.REVOKED, at, **ended):
            payments.tell(db, merchant_order_id, at, "thinkific", "revoked", text)
            if payment is not None and payment.status is Status.REFUNDED:
                _tell_refund(db, payment, at, kept=spared is not None)


def _tell_refund(db: Db, payment: Payment, at: datetime, *, kept: bool) -> None:
    """Nothing where no money moved and the access stays."""
    if not (payment.free and kept):
        kind = "refunded_kept" if kept else "refunded"
        messages.raise_message(db, payment.merchant_order_id, kind, at, at)


def end_former(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """End the access of the user whom the order was given away from, once the new address has it; then tell the buyer,
    unless the order was completed since, which told them.

    What other paid orders of that user cover stays, and what they had before. Repeating it is harmless.
    """
    with school.database.read() as db:
        payment, found = enrollments.given(db, merchant_order_id)
    former = found.former_user_id
    if former is None or found.state is not EnrollmentState.ENROLLED:
        return
    spared: _Spared | None = None
    others: Sequence[Any] = ()
    if former != found.user_id:
        spared, others = _end(merchant_order_id, former, school=school, guard=guard)
    at = school.now()
    with school.database.begin() as db:
        _still_there(db, payment, former, others, at)
        enrollments.save_enrollment(db, merchant_order_id, former_user_id=None, former_had_until=None)
        payments.tell(db, merchant_order_id, at, "thinkific", "former_ended", str(spared or f"user {former}"))
        changed_at = payments.told_at(db, merchant_order_id, "email_changed")
        if changed_at is None or payment.completed_at is None or payment.completed_at <= changed_at:
            messages.raise_message(db, merchant_order_id, f"access_ready:{found.user_id}", at, at)


def record_refund(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """Record the refund with the external order, at most once, as the sale was; where that cannot be known a person is
    told. So is one where it cannot be known whether there is a sale to be refunded.
    """
    with school.database.begin() as db:
        payment, found = enrollments.given(db, merchant_order_id)
        if found.refund_state is ExternalOrderState.SENDING:
            _refund_unknown(db, merchant_order_id, STOPPED, school.now())
        if payment.status is Status.REFUNDED and found.external_order_state is ExternalOrderState.SENDING:
            sale_unknown(db, merchant_order_id, STOPPED, school.now())
        if payment.status is not Status.REFUNDED or found.external_order_id is None or found.refund_state is not None:
            return
        if restored.refund_was_under_way(db, merchant_order_id):
            _refund_unknown(db, merchant_order_id, "it may have been sent before the restore", school.now())
            return
    send = partial(
        school.thinkific.refund_external_order,
        found.external_order_id,
        amount=payment.payment_amount,
        reference=merchant_order_id,
    )
    sent = send_once(merchant_order_id, "refund_state", lambda last: send(guard=last), school=school, guard=guard)
    with school.database.begin() as db:
        if sent.state is ExternalOrderState.UNKNOWN:
            _refund_unknown(db, merchant_order_id, sent.why or "", school.now())
        else:
            enrollments.save_enrollment(db, merchant_order_id, refund_state=sent.state)
            payments.tell(db, merchant_order_id, school.now(), "thinkific", f"refund_{sent.state}", sent.why)


def _refund_unknown(db: Db, merchant_order_id: MerchantOrderId, why: str, now: datetime) -> None:
    enrollments.save_enrollment(db, merchant_order_id, refund_state=ExternalOrderState.UNKNOWN)
    text = f"Whether Thinkific recorded the refund is not known: {why}"
    payments.flag(db, merchant_order_id, Attention.EXTERNAL_ORDER_UNKNOWN, text, now)


@dataclass(frozen=True, slots=True)
class _Spared:
    """What was not ended: by which other order the buyer keeps it the longest, None where they had it before, and until
    when.
    """

    by: MerchantOrderId | None
    until: datetime

    @property
    def had_until(self) -> datetime | None:
        return self.until if self.by is None else None

    def __str__(self) -> str:
        if self.by is None:
            ends = "" if self.until == FOR_EVER else f" until {self.until:%Y-%m-%d}"
            return f"the buyer had access before the order, so that stays{ends}"
        if self.until == FOR_EVER:
            return "another paid order covers it, so the access stays"
        return f"another paid order covers it until {self.until:%Y-%m-%d}"


def _end(
    merchant_order_id: MerchantOrderId, user_id: int, *, school: School, guard: Callable[[], None]
) -> tuple[_Spared | None, Sequence[Any]]:
    """End what this order gave to a user, that no other does and that they had not before; returned is what was spared,
    and the other orders that were looked at.

    Ending a bundle ends each of its courses: those that other orders cover for longer go on until then. Where another
    order has come since the look, nothing is ended; one that comes later waits while this run is held.
    """
    with school.database.read() as db:
        payment, found = enrollments.given(db, merchant_order_id)
        others = same_buyer.other_paid_orders(db, payment, user_id, school.now())
    left = user_id == found.former_user_id
    gave = left or found.enroll_tried or found.state is EnrollmentState.ENROLLED
    had_until = found.former_had_until if left else found.had_until
    if had_until is not None and had_until <= school.now():
        had_until = None
    found = replace(found, user_id=user_id, had_until=had_until)
    inside = _courses_inside(found, others, school.thinkific)
    covering = [other for other in others if _covers(other, found, inside)]
    parts = {
        each: [other for other in others if _gives(other, each, inside)] for each in inside.get(found.bundle_id, ())
    }
    _wait_for([*covering, *(other for each in parts.values() for other in each)])
    until, spared = _latest(covering), _spared_by(covering)
    if until == FOR_EVER or not gave:
        return spared, others

    def last_look() -> None:
        guard()
        with school.database.read() as db:
            if same_buyer.other_paid_orders(db, payment, user_id, school.now()) != others:
                raise AnotherOrderUnderWay(merchant_order_id=merchant_order_id)

    end = _set_end(found, until or school.now() - PAST, school=school, guard=last_look)
    for course_id, giving in parts.items():
        longer = _latest(giving)
        if longer is not None and longer != until and (end is None or longer > end):
            _keep_course(user_id, course_id, longer, FOR_EVER, school=school, guard=guard)  # whatever it has beyond
    return _Spared(None, end) if end is not None and end > (until or school.now()) else spared, others


def _by_address(payment: Payment, found: Enrollment, school: School) -> _Spared | None:
    """What buyers whose order never had a user go on having, by another order with their address."""
    with school.database.read() as db:
        others = same_buyer.other_paid_orders(db, payment, None, school.now())
    given = [other for other in others if other.state == EnrollmentState.ENROLLED]
    inside = _courses_inside(found, given, school.thinkific)
    return _spared_by([other for other in given if _covers(other, found, inside)])


def _spared_by(covering: Sequence[Any]) -> _Spared | None:
    """What the one of them that lasts longest spares."""
    if not covering:
        return None
    longest = max(covering, key=end_of)
    return _Spared(longest.merchant_order_id, end_of(longest))


def _still_there(db: Db, payment: Payment, user_id: int, others: Sequence[Any], at: datetime) -> None:
    """Raises `AnotherOrderUnderWay` where one of them covers nothing any more: it may have ended before we wrote down
    until when its access lasts. The next run looks again.
    """
    there = (
        {each.merchant_order_id for each in same_buyer.other_paid_orders(db, payment, user_id, at)} if others else {}
    )
    if not all(each.merchant_order_id in there for each in others):
        raise AnotherOrderUnderWay(merchant_order_id=payment.merchant_order_id)


def _latest(covering: Sequence[Any]) -> datetime | None:
    """How far they reach; None where there are none."""
    return max(map(end_of, covering), default=None)


def _wait_for(covering: Sequence[Any]) -> None:
    """Raises `AnotherOrderUnderWay` while one that is to cover it has not given its access yet: were it counted on and
    then refunded too, nobody would end what this one gave.
    """
    for other in covering:
        if other.state != EnrollmentState.ENROLLED:
            raise AnotherOrderUnderWay(merchant_order_id=other.merchant_order_id)


def _courses_inside(found: Enrollment, others: Sequence[Any], thinkific: Thinkific) -> dict[int | None, set[int]]:
    """The courses of each bundle that matters here; asked for only where orders may share some of them."""
    if all(other.bundle_id == found.bundle_id for other in others):
        return {}
    bundles = {found.bundle_id, *(other.bundle_id for other in others)} - {None}
    return {bundle_id: thinkific.bundle_courses(bundle_id) for bundle_id in bundles}


def _covers(other: Any, found: Enrollment, inside: dict[int | None, set[int]]) -> bool:
    """Whether another order gives all that this one gave."""
    if found.bundle_id is not None:
        return bool(other.bundle_id == found.bundle_id)
    return _gives(other, found.course_id, inside)


def _gives(other: Any, course_id: int | None, inside: dict[int | None, set[int]]) -> bool:
    if other.bundle_id is not None:
        return course_id in inside.get(other.bundle_id, set())
    return bool(other.course_id == course_id)


def _set_end(found: Enrollment, until: datetime, *, school: School, guard: Callable[[], None]) -> datetime | None:
    """The end that it has then; None where nothing is there.

    Raises `BundlePending` while a bundle enrollment that was asked for may be queued unseen.
    """
    user_id, bundle_id, had_until = found.user_id or 0, found.bundle_id, found.had_until
    if bundle_id is None:
        return _keep_course(user_id, found.course_id or 0, until, had_until, school=school, guard=guard)
    there = school.thinkific.find_bundle_enrollment(user_id, bundle_id)
    if there is None:
        _wait_for_queue(found, school)
        return None
    end = _end_of(there, until, had_until)
    if end != end_of(there) or had_until is None:
        school.thinkific.change_bundle_enrollment(user_id, bundle_id, activated_at=None, expiry_date=end, guard=guard)
    return end


def _wait_for_queue(found: Enrollment, school: School) -> None:
    """Raises `BundlePending` until what was asked for before the end was wanted, or before the address was changed, has
    had its time in Thinkific's queue.
    """
    left = found.former_user_id == found.user_id
    if found.state is EnrollmentState.ENROLLED and not left:  # it was seen
        return
    with school.database.read() as db:
        lines = ["email_changed"] if left else [Status.REFUNDED, "end_wanted"]
        told = [at for what in lines if (at := payments.told_at(db, found.merchant_order_id, what)) is not None]
    wait = (max(told) + QUEUED - school.now()).total_seconds() if told else 0.0
    if wait > 0:
        raise BundlePending(merchant_order_id=found.merchant_order_id, wait=wait)


def _keep_course(
    user_id: int,
    course_id: int,
    until: datetime,
    had_until: datetime | None,
    *,
    school: School,
    guard: Callable[[], None],
) -> datetime | None:
    """The end that it has then; None where nothing is there."""
    there = school.thinkific.find_enrollment(user_id, course_id)
    if there is None:
        return None
    end = _end_of(there, until, had_until)
    if end != end_of(there) or had_until is None:
        school.thinkific.change_enrollment(there.enrollment_id, activated_at=None, expiry_date=end, guard=guard)
    return end


def _end_of(there: Found, until: datetime, had_until: datetime | None) -> datetime:
    """Where access that is there shall end: at `until`, or where what its user had before ends later. For the sake of
    that nothing is put off: Thinkific may have ended it since.
    """
    return until if had_until is None else max(until, min(had_until, end_of(there)))
