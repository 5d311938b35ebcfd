"""The life of one run of a payment's work: hold it, do it, and say what comes next.

    claimed ─► enroll (or revoke) ─► finished
                      ├─ passing fault ─► put off: the next run, later
                      ├─ permanent fault ─► review: a person must look
                      ├─ superseded ─► nothing
                      └─ damaged page ─► set aside: `reconcile` starts the next

An outage never uses up a payment's attempts: it is waited out with growing gaps for `OUTAGE_LIMIT`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.enroll import enroll
from kelaspay.faults import (
    AmountDiffers,
    BuyerErased,
    CourseAmbiguous,
    CourseUnmapped,
    DatabaseDamaged,
    Defect,
    Fault,
    HeldElsewhere,
    InvoiceUnknown,
    NotConfigured,
    NotPaidYet,
    PaymentUnknown,
    SchoolNotReady,
    SchoolUnknown,
    Superseded,
    ThinkificBusy,
    TurnMissed,
)
from kelaspay.payment import UNPAID, Attention, EnrollmentState, Status
from kelaspay.revoke import end_former, revoke
from kelaspay.store import enrollments, jobs, payments
from kelaspay.tracing import ORDER, RUN, UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.confirm import Enqueue, Start
    from kelaspay.enroll import Step
    from kelaspay.payment import MerchantOrderId, Payment
    from kelaspay.school import School, SchoolOf
    from kelaspay.store.database import Database, Db
    from kelaspay.store.jobs import Job
    from kelaspay.tracing import Tracing

log = structlog.get_logger()

LEASE_SECONDS = 45.0
"""How long a run is held without a word; longer than a wait at the gate, or than a call to Thinkific, may take."""
FRESH_SECONDS = 2.0
"""How old a lease may be and still need no other before a call: most runs are over by then, and spare the commits."""
OUTAGE_LIMIT = timedelta(hours=24)
MOST_ATTEMPTS = 8
"""Attempts at what fails for this payment alone, outages aside."""
CONFIRM_GAPS = (1, 2, 4, 8, 16, 80, 220)
"""Between the asks after one callback that Duitku itself does not confirm yet, in the first of them."""
CONFIRM_ATTEMPTS = 6
"""Such asks, after which only the sparse pass asks; but there are two more, about ten and thirty minutes after the
callback, where it told of a success: how far the status lags behind is not known (duitku.md 3.4).
"""
PATIENT = frozenset(each.code() for each in Fault.every() if each.patient)
JITTER = 0.25


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds between attempts."""

    confirm: float
    base: float
    longest: float


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the end of a run is written down with."""

    database: Database
    holder: str
    now: Callable[[], datetime]
    waits: Waits
    enqueue: Enqueue
    tracing: Tracing


@dataclass(frozen=True, slots=True)
class _Held:
    """A run that is this process's to do, as it stood when it was taken."""

    job: Job
    payment: Payment | None
    revoke_wanted: bool


def attempt(
    merchant_order_id: MerchantOrderId,
    run: int,
    *,
    holder: str,
    database: Database,
    school_of: SchoolOf,
    now: Callable[[], datetime],
    waits: Waits,
    step: Step,
    start: Start,
    enqueue: Enqueue,
    tracing: Tracing = UNTRACED,
) -> None:
    """Do run number `run` of a payment's work, whatever its outcome; only a lost database escapes as a fault.

    A run whose outcome cannot be kept, because the page that it lies on is damaged, ends, and the process goes on with
    the others. Its job stays due, is counted as such, and is started again by `reconcile`, in vain until the file is
    mended.

    Raises `HeldElsewhere` when another process holds the run: try again when its lease has ended.
    """
    desk = _Desk(database, holder, now, waits, enqueue, tracing)
    try:
        held = _claimed(merchant_order_id, run, holder=holder, database=database)
        if held is not None:
            _execute(held, desk, school_of=school_of, step=step, start=start)
    except DatabaseDamaged as damaged:
        log.error("run_set_aside", merchant_order_id=merchant_order_id, run=run, fault=damaged.code())  # noqa: TRY400 - the place tells nothing


def _execute(held: _Held, desk: _Desk, *, school_of: SchoolOf, step: Step, start: Start) -> None:
    known: dict[str, str | int] = {ORDER: held.job.merchant_order_id, RUN: held.job.run}
    with desk.tracing.span("run", known, parent=held.job.traceparent) as span:
        try:
            _perform(held, desk, school_of=school_of, step=step, start=start)
        except Exception as error:  # noqa: BLE001 - the outermost loop of the work: whatever it was, the payment has a next step
            fault = _as_fault(error)
            span.failed(fault.code())
            _after(held, fault, desk, start)
        else:
            _finish(held, desk, start)


def _perform(held: _Held, desk: _Desk, *, school_of: SchoolOf, step: Step, start: Start) -> None:
    order_id, run = held.job.merchant_order_id, held.job.run

    def guard() -> None:
        with desk.database.read() as db:
            if jobs.held_for(db, order_id, run, desk.holder, LEASE_SECONDS - FRESH_SECONDS):
                return
        with desk.database.begin() as db:
            if not jobs.extend(db, order_id, run, desk.holder, LEASE_SECONDS):
                raise Superseded(merchant_order_id=order_id)

    def traced(name: str, function: Callable[[], Any]) -> Any:
        with desk.tracing.span(name):
            return step(name, function)

    if held.payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    school = _school(held.payment, school_of)
    school = replace(school, thinkific=school.thinkific.about(order_id))
    if held.revoke_wanted:
        revoke(order_id, school=school, step=traced, guard=guard)
        return
    enroll(held.payment, school=school, start=start, step=traced, guard=guard)
    if _given_away(order_id, desk.database):
        traced("former", lambda: end_former(order_id, school=school, guard=guard))


def _finish(held: _Held, desk: _Desk, start: Start) -> None:
    """Leave the payment at rest; one that is not paid yet is asked after again when an event came in meanwhile, and one
    that was refunded meanwhile goes on with that.
    """
    order_id = held.job.merchant_order_id
    with desk.database.begin() as db:
        payment = payments.find_payment(db, order_id)
        unpaid = payment is not None and payment.status in UNPAID
        finished = jobs.finish(db, held.job, desk.holder, unless_poked=unpaid)
        if finished and _to_end(db, order_id):
            start(db, order_id, desk.now())
    if unpaid and not finished:
        _after(held, NotPaidYet(), desk, start)


def _to_end(db: Db, merchant_order_id: MerchantOrderId) -> bool:
    """Whether the access is to end. To be asked once the job's row is ours: until then a refund can still come."""
    found = enrollments.find_enrollment(db, merchant_order_id)
    return found is not None and found.revoke_wanted and found.state is not EnrollmentState.REVOKED


def _school(payment: Payment, school_of: SchoolOf) -> School:
    """The school that sold it. Raises `SchoolNotReady` while its keys are missing: the payment waits for them."""
    try:
        return school_of(payment.school)
    except (NotConfigured, SchoolUnknown) as fault:
        raise SchoolNotReady(fault.detail) from fault


def _as_fault(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    log.error("defect", error=type(error).__name__, exc_info=error)
    return Defect(type(error).__name__)


def _claimed(merchant_order_id: MerchantOrderId, run: int, *, holder: str, database: Database) -> _Held | None:
    """The job, held for this run, and what it is about; None when another run counts now."""
    with database.begin() as db:
        job = jobs.claim(db, merchant_order_id, run, holder, LEASE_SECONDS)
        if job is None:
            there = jobs.find_job(db, merchant_order_id)
            if there is None or there.run != run or not there.active:
                return None
            raise HeldElsewhere(merchant_order_id=merchant_order_id)
        found = enrollments.find_with_payment(db, merchant_order_id)
    payment, enrollment = found or (None, None)
    return _Held(job, payment, revoke_wanted=enrollment is not None and enrollment.revoke_wanted)


def _after(held: _Held, fault: Fault, desk: _Desk, start: Start) -> None:
    if isinstance(fault, Superseded):
        log.info("run_superseded", merchant_order_id=held.job.merchant_order_id, run=held.job.run)
    elif fault.retry:
        _put_off(held, fault, desk, start)
    else:
        _send_to_review(held, fault, desk, start)


def _given_away(merchant_order_id: MerchantOrderId, database: Database) -> bool:
    """Whether somebody has the access to whom the order belongs no more."""
    with database.read() as db:
        found = enrollments.find_enrollment(db, merchant_order_id)
    return found is not None and found.former_user_id is not None


def _put_off(held: _Held, fault: Fault, desk: _Desk, start: Start) -> None:
    """The next run, later, in one commit with the reason; or the end of trying. An end that was asked for meanwhile
    does not wait for what the giving came upon.
    """
    job, now = held.job, desk.now()
    waited = job.fault in PATIENT and not fault.patient  # what begins now has not lasted as long as that has
    failing_since = now if waited else job.failing_since or now
    attempts = job.attempts if fault.outage else job.attempts + 1
    unpaid = isinstance(fault, NotPaidYet | InvoiceUnknown)
    if unpaid and attempts >= CONFIRM_ATTEMPTS and (attempts > len(CONFIRM_GAPS) or not _success_told(job, desk)):
        with desk.database.begin() as db:
            if jobs.finish(db, job, desk.holder, fault=fault.code(), fault_text=str(fault), unless_poked=True):
                return
    elif attempts >= MOST_ATTEMPTS or (now - failing_since >= OUTAGE_LIMIT and not fault.patient):
        _send_to_review(held, fault, desk, start, attention=Attention.GAVE_UP)
        return
    wait = _wait(fault, waits=desk.waits, attempts=attempts, failing=now - failing_since)
    with desk.database.begin() as db:
        if jobs.put_off(
            db,
            job,
            desk.holder,
            wake_at=now + timedelta(seconds=wait),
            attempts=attempts,
            failing_since=failing_since,
            fault=fault.code(),
            fault_text=str(fault),
            traceparent=desk.tracing.here(),
        ):
            desk.enqueue(db, job.merchant_order_id, job.run + 1, wait)
            if job.fault != fault.code() and not isinstance(fault, TurnMissed):  # who stands in line has no news
                payments.tell(db, job.merchant_order_id, now, "kelaspay", fault.code(), str(fault))
            if not held.revoke_wanted and _to_end(db, job.merchant_order_id):
                start(db, job.merchant_order_id, now)
    log.warning(
        "run_put_off", merchant_order_id=job.merchant_order_id, run=job.run, fault=fault.code(), seconds=round(wait, 1)
    )


def _success_told(job: Job, desk: _Desk) -> bool:
    """Whether Duitku has called back about a success."""
    with desk.database.read() as db:
        return bool(payments.receipts(db, job.merchant_order_id))


def _wait(fault: Fault, *, waits: Waits, attempts: int, failing: timedelta) -> float:
    """Seconds until the next attempt: doubling, with jitter, never sooner than the other side asked for.

    In an outage each wait is as long as it has lasted already, which doubles too. A full limit is no outage but a line:
    whoever stood in it for long must not be sent away for longer, and whoever missed a turn stands in it again at once,
    or the last of them would leave the limit idle.
    """
    if isinstance(fault, NotPaidYet | InvoiceUnknown):
        wait = waits.confirm * CONFIRM_GAPS[min(max(attempts, 1), len(CONFIRM_GAPS)) - 1]
    elif isinstance(fault, TurnMissed):
        wait = fault.wait or 0.0
    elif isinstance(fault, ThinkificBusy):
        wait = waits.base
    elif fault.outage:
        wait = max(waits.base, failing.total_seconds())
    else:
        wait = waits.base * 2.0 ** max(0, attempts - 1)
    share = random.uniform(0.0, JITTER)  # noqa: S311 - spreads callers, guards nothing
    spread = min(wait, waits.longest) * (1.0 + share)
    told = fault.wait + share * min(wait, waits.base) if fault.wait else 0.0
    return max(spread, told)


def _send_to_review(
    held: _Held, fault: Fault, desk: _Desk, start: Start, *, attention: Attention | None = None
) -> None:
    """Stop, with the reason, and ask for a person; the payment's money is never in doubt by this. An end that was asked
    for meanwhile goes on instead, whatever the giving came upon.
    """
    job, now = held.job, desk.now()
    named: dict[type[Fault], Attention] = {
        AmountDiffers: Attention.AMOUNT_DIFFERS,
        BuyerErased: Attention.BUYER_ERASED,
        CourseUnmapped: Attention.COURSE_UNMAPPED,
        CourseAmbiguous: Attention.COURSE_UNMAPPED,
    }
    why = attention or named.get(type(fault), Attention.THINKIFIC_REFUSED)
    with desk.database.begin() as db:
        found = payments.find_for_update(db, job.merchant_order_id)  # payment before job, as everybody locks them
        if not jobs.finish(db, job, desk.holder, fault=fault.code(), fault_text=str(fault)):
            return
        if not held.revoke_wanted and _to_end(db, job.merchant_order_id):
            start(db, job.merchant_order_id, now)
            return
        if found is not None and found.status in {Status.PAID, Status.REVIEW, Status.COMPLETED, Status.REFUNDED}:
            payments.move(
                db, job.merchant_order_id, Status.REVIEW, now, actor="kelaspay", text=str(fault), allowed=[Status.PAID]
            )
            payments.flag(db, job.merchant_order_id, why, str(fault), now)
            enrollments.move_enrollment(
                db, job.merchant_order_id, EnrollmentState.BLOCKED, now, allowed=[EnrollmentState.PENDING]
            )
    log.error("run_stopped", merchant_order_id=job.merchant_order_id, run=job.run, fault=fault.code())
