"""The workflow that the whole project exists for: whoever paid is in the course.

    confirm ─► course ─► user ─► enroll ─► external_order ─► complete

Each step may run twice, here or in another process: what Thinkific answered is written down before the next step, what
could double is looked for before it is made, and `guard` stops a run that another has overtaken.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from kelaspay.catalogue import find_course
from kelaspay.confirm import ask
from kelaspay.faults import (
    AnotherOrderUnderWay,
    BundlePending,
    BuyerErased,
    Superseded,
    ThinkificRefused,
    ThinkificUnauthorized,
    ThinkificUserMissing,
)
from kelaspay.keep_longer import keep_longer, longer_inside
from kelaspay.payment import ERASED, Enrollment, EnrollmentState, Status
from kelaspay.record_sale import record_sale
from kelaspay.store import enrollments, longer, payments
from kelaspay.thinkific import CLOSE, FOR_EVER, CourseEnrollment, EmailTaken, end_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.payment import MerchantOrderId, Payment
    from kelaspay.school import School
    from kelaspay.store.database import Db
    from kelaspay.thinkific import BundleEnrollment

    Found = CourseEnrollment | BundleEnrollment

log = structlog.get_logger()

QUEUED = timedelta(minutes=2)
"""How long a bundle enrollment that was asked for may be queued unseen before it is asked for again."""


class Step(Protocol):
    """Runs one named step; whoever runs the workflow decides what is noted around it."""

    def __call__(self, name: str, function: Callable[[], Any]) -> Any: ...


def enroll(payment: Payment, *, school: School, start: Start, step: Step, guard: Callable[[], None]) -> None:
    """Bring a payment, just read, from "Duitku has called" to completed.

    Raises a fault whose `retry` says whether the same again may help. Safe to repeat from the start at any time.
    """
    merchant_order_id = payment.merchant_order_id
    status = step(
        "confirm",
        lambda: ask(payment, database=school.database, duitku=school.duitku, start=start, now=school.now, counted=True),
    )
    if status not in {Status.PAID, Status.COMPLETED}:
        return
    if school.watching.watched(merchant_order_id):
        school = replace(school, thinkific=school.thinkific.hurried())
    wanted = step("course", lambda: map_course(merchant_order_id, school=school))
    step("user", lambda: find_or_create_user(wanted, school=school, guard=guard))
    step("enroll", lambda: enroll_user(merchant_order_id, school=school, guard=guard))
    try:
        step("external_order", lambda: record_sale(merchant_order_id, school=school, guard=guard))
    except ThinkificUnauthorized:  # the buyer is in the course; recording the sale may wait for another key
        step("complete", lambda: complete(merchant_order_id, school=school))
        raise
    step("complete", lambda: complete(merchant_order_id, school=school))


def map_course(merchant_order_id: MerchantOrderId, *, school: School) -> Enrollment:
    """Fix the real ids of what was sold, by the offer or, where it names none, by the exact name in the catalogue.
    Returned is the access as it is kept then; mostly it was fixed when the payment became paid.

    Raises `CourseUnmapped` or `CourseAmbiguous`.
    """
    with school.database.read() as db:
        payment, wanted = enrollments.sold(db, merchant_order_id)
    if wanted is not None and _mapped(payment, wanted):
        return wanted
    with school.database.begin() as db:
        payment, _wanted = enrollments.sold(db, merchant_order_id)
        course_id, bundle_id = payment.course_id, payment.bundle_id
        if course_id is None and bundle_id is None:
            product = find_course(db, school.key, payment.product_details)
            course_id = product.productable_id if product.productable_type == "Course" else None
            bundle_id = product.productable_id if product.productable_type == "Bundle" else None
            sold = {"course_id": course_id, "bundle_id": bundle_id, "product_id": product.product_id}
            payments.set_sold(db, merchant_order_id, **sold)
        enrollments.begin_enrollment(db, Enrollment(merchant_order_id, course_id=course_id, bundle_id=bundle_id))
        return enrollments.given(db, merchant_order_id)[1]


def _mapped(payment: Payment, wanted: Enrollment) -> bool:
    """Whether it is kept already what this payment gives access to, as it is when the payment became paid."""
    sold = (payment.course_id, payment.bundle_id)
    same = sold == (wanted.course_id, wanted.bundle_id)
    return same and sold != (None, None) and wanted.state is not EnrollmentState.BLOCKED


def find_or_create_user(wanted: Enrollment, *, school: School, guard: Callable[[], None]) -> None:
    """Write down the Thinkific user of the buyer: known to us, made, or found by exactly this e-mail address. `wanted`
    is the access, just read.

    New buyers are the common case, so making comes before looking. Safe to repeat: Thinkific keeps addresses unique.
    """
    if wanted.user_id is not None:
        return
    merchant_order_id = wanted.merchant_order_id
    with school.database.read() as db:
        changed = payments.customer_changed(db, merchant_order_id)
    customer = changed or school.customers.recall(merchant_order_id)
    if customer.email.endswith(f"@{ERASED}"):
        raise BuyerErased(merchant_order_id=merchant_order_id)
    with school.database.read() as db:
        known, newest_event = enrollments.known_user(db, school.key, customer.email)
    user_id, created = known, False
    if user_id is None:
        try:
            user_id, created = school.thinkific.create_user(customer, guard=guard), True
        except EmailTaken:
            user_id = school.thinkific.find_user(customer.email)
    if user_id is None:
        raise ThinkificUserMissing(merchant_order_id=merchant_order_id)
    with school.database.begin() as db:
        still = payments.email_for_update(db, merchant_order_id) == customer.email
        if not still or not enrollments.save_for_user(
            db, merchant_order_id, None, user_id=user_id, user_created=created
        ):
            raise Superseded(merchant_order_id=merchant_order_id)
        if known is None:  # what was not asked may be doubted by now
            enrollments.remember_user(db, school.key, customer.email, user_id, school.now(), newest_event=newest_event)
        what = "user_created" if created else "user_found"
        payments.tell(db, merchant_order_id, school.now(), "thinkific", what, f"user {user_id}")


def enroll_user(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """Give the user access, looked for first wherever it could be there already.

    What is aimed at (activated, until when) is fixed and kept before the first call, so that a repeat aims at the same
    and buying again adds to the time left exactly once. Of what came to nothing a later repeat begins anew, or the
    buyer would pay for the days it took.
    """
    with school.database.read() as db:
        payment, wanted = enrollments.given(db, merchant_order_id)
        if wanted.state is EnrollmentState.ENROLLED:
            return
        new = wanted.user_created and not wanted.enroll_tried and enrollments.only_order_of(db, wanted)
        known = [] if new else enrollments.known_orders(db, wanted)
    if wanted.user_id is None:
        raise Superseded(merchant_order_id=merchant_order_id)
    access = _Access(wanted, school=school, guard=guard)
    found = None if new else access.find()  # of a user made for this order there is nothing to find
    if access.came_to_nothing(found):
        wanted, known = access.untry(), [each for each in known if each.merchant_order_id != merchant_order_id]
        access = _Access(wanted, school=school, guard=guard)
    if wanted.enroll_tried:
        access.aimed(known)
    else:
        access.aim(_aim(payment, wanted, found, school.now()), found, known, look_inside=not new)
    found = _give(access, found)
    keep_longer(wanted, school=school, guard=guard)
    at, enrollment_id = school.now(), found.enrollment_id if isinstance(found, CourseEnrollment) else None
    with school.database.begin() as db:
        if not enrollments.move_enrollment(
            db,
            merchant_order_id,
            EnrollmentState.ENROLLED,
            at,
            of_user=wanted.user_id,
            enrollment_id=enrollment_id,
            enrolled_at=at,
        ):
            raise Superseded(merchant_order_id=merchant_order_id)
        payments.tell(db, merchant_order_id, at, "thinkific", "enrolled")
    if payment.paid_at is not None:
        school.enrolled((at - payment.paid_at).total_seconds())
    log.info("enrolled", merchant_order_id=merchant_order_id, user_id=wanted.user_id)


def complete(merchant_order_id: MerchantOrderId, *, school: School) -> None:
    """The buyer is in the course: the payment is completed."""
    at = school.now()
    with school.database.begin() as db:
        payments.move(
            db, merchant_order_id, Status.COMPLETED, at, actor="kelaspay", allowed=[Status.PAID], completed_at=at
        )


class _Access:
    """The two ways of giving access, course and bundle, seen alike."""

    def __init__(self, wanted: Enrollment, *, school: School, guard: Callable[[], None]) -> None:
        self._wanted = wanted
        self._school = school
        self._guard = guard
        self._user_id = wanted.user_id or 0
        self._activated_at = wanted.activated_at or school.now()
        self._expiry_date = wanted.expiry_date

    def find(self) -> Found | None:
        thinkific = self._school.thinkific
        if self._wanted.bundle_id is not None:
            return thinkific.find_bundle_enrollment(self._user_id, self._wanted.bundle_id)
        return thinkific.find_enrollment(self._user_id, self._wanted.course_id or 0)

    def aim(
        self, expiry_date: datetime | None, found: Found | None, known: Sequence[Any], *, look_inside: bool
    ) -> None:
        """Fix and keep what is aimed at, and what there was before, ahead of the first call that changes something.

        Raises `AnotherOrderUnderWay` while another order is giving the same, or has given it since we looked which were
        `known`: both would add their days to the same day, or the later would take back what the earlier gave. So it
        does while one is being ended, or has been since: what we found may be gone.
        """
        self._expiry_date = expiry_date
        inside = longer_inside(self._wanted, expiry_date, school=self._school) if look_inside else {}
        before = {"had_until": _had_until(found, known, self._school.now()), "inside_until": longer.as_kept(inside)}
        aimed = {"activated_at": self._activated_at, "expiry_date": expiry_date}
        with self._school.database.begin() as db:
            if enrollments.changed_beside(db, self._wanted, known):
                raise AnotherOrderUnderWay(merchant_order_id=self._wanted.merchant_order_id)
            self._save(db, enroll_tried=True, **aimed, **before)

    def aimed(self, known: Sequence[Any]) -> None:
        """What `aim` raises where an end may have taken what we found, for an order that has aimed before."""
        with self._school.database.read() as db:
            if enrollments.ends_beside(db, self._wanted, known):
                raise AnotherOrderUnderWay(merchant_order_id=self._wanted.merchant_order_id)

    def reached(self, found: Found | None) -> bool:
        """Whether what is there is what was aimed at, or more."""
        return found is not None and found.grants(self._school.now()) and self._lasts(found)

    def _lasts(self, found: Found) -> bool:
        return found.expiry_date is None or found.expiry_date >= (self._expiry_date or FOR_EVER) - CLOSE

    def came_to_nothing(self, found: Found | None) -> bool:
        """Whether an earlier attempt, whose answer was lost, surely has given nothing: what it asked for has had its
        time, and is not there. What was given to another address lasts until the same day, whenever it is given.
        """
        wanted = self._wanted
        if not wanted.enroll_tried or wanted.former_user_id is not None:
            return False
        late = self._school.now() >= self._activated_at + QUEUED
        return late and (found is None or not self._lasts(found))

    def untry(self) -> Enrollment:
        """The same access as if it had never been tried."""
        self._guard()  # a run that has overtaken this one may have given it
        with self._school.database.begin() as db:
            self._save(db, **self._untried())
        return replace(self._wanted, expiry_date=None, **self._untried())

    def make(self) -> Found:
        thinkific, activated_at, expiry_date = self._school.thinkific, self._activated_at, self._expiry_date
        if self._wanted.bundle_id is None:
            return thinkific.enroll_user(
                self._user_id,
                self._wanted.course_id or 0,
                activated_at=activated_at,
                expiry_date=expiry_date,
                guard=self._guard,
            )
        if self._wanted.enroll_tried and self._school.now() < activated_at + QUEUED:
            raise BundlePending(merchant_order_id=self._wanted.merchant_order_id)
        thinkific.enroll_user_in_bundle(
            self._user_id,
            self._wanted.bundle_id,
            activated_at=activated_at,
            expiry_date=expiry_date,
            guard=self._guard,
        )
        return self._shown()

    def change(self, found: Found) -> Found:
        """Reactivate or extend; an end that is there is put off, never left to stand where none was sold."""
        thinkific, activated_at = self._school.thinkific, self._activated_at
        expiry_date = self._expiry_date or (FOR_EVER if found.expiry_date else None)
        if isinstance(found, CourseEnrollment):
            thinkific.change_enrollment(
                found.enrollment_id, activated_at=activated_at, expiry_date=expiry_date, guard=self._guard
            )
        else:
            thinkific.change_bundle_enrollment(
                self._user_id,
                self._wanted.bundle_id or 0,
                activated_at=activated_at,
                expiry_date=expiry_date,
                guard=self._guard,
            )
        return found

    def forget_user(self) -> None:
        """Thinkific no longer has the user that we remembered; the next attempt looks for the address again."""
        with self._school.database.begin() as db:
            enrollments.forget_user(db, self._school.key, self._user_id)
            self._save(db, user_id=None, **self._untried())

    def gave_nothing(self) -> None:
        """Thinkific refused; unless an earlier attempt's answer was lost, this order gave this user nothing."""
        if not self._wanted.enroll_tried:
            self.untry()

    def _untried(self) -> dict[str, Any]:
        """The next attempt looks first and aims anew; an order that was given to another address keeps its aim."""
        kept = self._wanted.activated_at if self._wanted.former_user_id is not None else None
        return {"user_created": False, "enroll_tried": False, "activated_at": kept}

    def _save(self, db: Db, **values: Any) -> None:
        """Raises `Superseded` where the order was given to another address meanwhile."""
        if not enrollments.save_for_user(db, self._wanted.merchant_order_id, self._wanted.user_id, **values):
            raise Superseded(merchant_order_id=self._wanted.merchant_order_id)

    def _shown(self) -> Found:
        """The bundle's enrollment once Thinkific shows it: it may have been queued (202)."""
        found = self.find()
        if found is None:
            raise BundlePending(merchant_order_id=self._wanted.merchant_order_id)
        return found


def _aim(payment: Payment, wanted: Enrollment, found: Found | None, at: datetime) -> datetime | None:
    """Until when the access shall last: the days sold, added to what is left of an enrollment that runs and ends. An
    order that was given to another address lasts as long as before.
    """
    if wanted.activated_at is not None:
        return wanted.expiry_date
    if payment.access_days is None:
        return None
    left = end_of(found) if found is not None and found.grants(at) else at
    return (left if left < FOR_EVER - CLOSE else at) + timedelta(days=payment.access_days)


def _had_until(found: Found | None, known: Sequence[Any], at: datetime) -> datetime | None:
    """Until when there is full access that no order of ours has given, `FOR_EVER` where it has no end; None where there
    is none. Of what our orders have built upon, they know; what ends later than any of them is not by them, nor is what
    ends before a bundle that would have given it for longer.
    """
    if found is None or not found.grants(at):
        return None
    end = end_of(found)
    of_bundle = not isinstance(found, CourseEnrollment)  # which is given by nothing but itself
    ours = [(end_of(each), each) for each in known if each.same or not of_bundle]
    ours = [(until, each) for until, each in ours if until > at and (each.same or until <= end + CLOSE)]
    if all(until < end - CLOSE for until, _each in ours):
        return end
    return max((each.had_until for _until, each in ours if each.same and each.had_until is not None), default=None)


def _give(access: _Access, found: Found | None) -> Found:
    """What is there then."""
    try:
        if found is None:
            return access.make()
        return found if access.reached(found) else access.change(found)
    except ThinkificRefused as refusal:
        return _after_refusal(refusal, access)


def _after_refusal(refusal: ThinkificRefused, access: _Access) -> Found:
    """A refusal that means "is there already" or "that user is gone"; any other is for a person."""
    reason = str(refusal).lower()
    there = any(word in reason for word in ("already", "taken"))
    of_course = "user could not be found" in reason and "course" not in reason.replace("user could not", "")
    if of_course or ("user_id" in reason and not there):  # a bundle names the field (thinkific.md 2.2, 2.6)
        access.forget_user()
        raise ThinkificUserMissing from refusal
    if not there:
        access.gave_nothing()
        raise refusal
    found = access.find()
    if found is None:
        raise refusal
    return found if access.reached(found) else access.change(found)
