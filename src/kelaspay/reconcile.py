"""Put right what no event has: ask after payments that should have heard from Duitku, and start again what is paid and
not enrolled or to end and not ended, however it came about.

Asks are few: at most six while a payment is not paid, six after a callback about one that was marked paid by hand, and
`HOURLY_BUDGET` an hour for a school, for Duitku blocks who polls.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from kelaspay.confirm import ask_times, ask_told_after, confirm
from kelaspay.faults import (
    AmountDiffers,
    DatabaseDamaged,
    Fault,
    InvoiceUnknown,
    NotConfigured,
    NotPaidYet,
    SchoolUnknown,
)
from kelaspay.payment import UNPAID, Status
from kelaspay.store import jobs, payments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from kelaspay.confirm import Enqueue, Start
    from kelaspay.duitku import Duitku
    from kelaspay.payment import MerchantOrderId, Payment
    from kelaspay.school import SchoolOf
    from kelaspay.store.database import Database

log = structlog.get_logger()

HOURLY_BUDGET = 60
BATCH = 20
AGAIN = timedelta(minutes=5)
"""The shortest gap between two tries to ask after one payment."""
OVERDUE = timedelta(minutes=2)
"""How late a run may be before it is looked for; a queue that is merely long is told by the engine."""


@dataclass(slots=True)
class Reconciled:
    """What one pass did, or with a dry run would do: order ids."""

    asked: list[MerchantOrderId] = field(default_factory=list)
    paid: list[MerchantOrderId] = field(default_factory=list)
    lapsed: list[MerchantOrderId] = field(default_factory=list)
    restarted: list[MerchantOrderId] = field(default_factory=list)
    stopped_by: str | None = None


def reconcile(
    *,
    database: Database,
    school_of: SchoolOf,
    start: Start,
    enqueue: Enqueue,
    alive: Callable[[list[tuple[MerchantOrderId, int]]], set[MerchantOrderId]],
    now: Callable[[], datetime],
    dry_run: bool = False,
    seen: Callable[[], None] = lambda: None,
) -> Reconciled:
    """Both passes once. `alive` tells which of these runs the engine still has; `seen` hears of each payment that is
    asked after. Safe to repeat and to interrupt.
    """
    done = Reconciled()
    with _unless_damaged(done, "ask"):
        with database.read() as db:
            keys = payments.schools_to_ask(db, now())
        for key in keys:
            _ask_school(
                done, key, database=database, school_of=school_of, start=start, now=now, dry_run=dry_run, seen=seen
            )
    with _unless_damaged(done, "restart"):
        _restart(done, database=database, start=start, enqueue=enqueue, alive=alive, now=now, dry_run=dry_run)
    return done


@contextmanager
def _unless_damaged(done: Reconciled, what: str) -> Iterator[None]:
    """A pass that comes upon a damaged page of SQLite's file ends there; the other one may never see that page."""
    try:
        yield
    except DatabaseDamaged as damaged:
        log.error("pass_set_aside", part=what, fault=damaged.code())  # noqa: TRY400 - the place tells nothing
        done.stopped_by = damaged.code()


def _ask_school(
    done: Reconciled,
    key: str,
    *,
    database: Database,
    school_of: SchoolOf,
    start: Start,
    now: Callable[[], datetime],
    dry_run: bool,
    seen: Callable[[], None],
) -> None:
    """One school's payments. A school whose keys are missing asks nothing, and its asks are not spent."""
    try:
        duitku = school_of(key).duitku
    except (NotConfigured, SchoolUnknown) as fault:
        log.warning("school_not_asked", school=key, fault=fault.code())
        return
    _ask(done, key, database=database, duitku=duitku, start=start, now=now, dry_run=dry_run, seen=seen)


def _ask(
    done: Reconciled,
    key: str,
    *,
    database: Database,
    duitku: Duitku,
    start: Start,
    now: Callable[[], datetime],
    dry_run: bool,
    seen: Callable[[], None],
) -> None:
    with database.read() as db:
        budget = HOURLY_BUDGET - payments.sparse_asks_since(db, key, now() - timedelta(hours=1))
        due = payments.due_to_ask(db, key, now(), min(BATCH, budget)) if budget > 0 else []
    for payment in due:
        seen()
        if dry_run:
            done.asked.append(payment.merchant_order_id)
            continue
        spent = _spend(payment.merchant_order_id, database=database, now=now())
        if spent is None:
            continue
        done.asked.append(payment.merchant_order_id)
        outage = _asked(done, spent, database=database, duitku=duitku, start=start, now=now)
        if outage is not None:
            done.stopped_by = outage.code()
            with database.begin() as db:
                payments.give_ask_back(db, payment.merchant_order_id, _ask_again(spent, outage, now()))
            return


@dataclass(frozen=True, slots=True)
class _Spent:
    """An ask that is ours to make, of a payment as it stood when it was taken."""

    payment: Payment
    times: list[datetime]
    """All at which it is asked after."""
    last: bool


def _spend(merchant_order_id: MerchantOrderId, *, database: Database, now: datetime) -> _Spent | None:
    """The ask, spent before it is asked: a crash asks once too little, never too much. None where it is not ours."""
    with database.begin() as db:
        payment = payments.find_for_update(db, merchant_order_id)
        if payment is None:
            return None
        times = ask_times(db, payment)
        later = [at for at in times if at > now]
        if not payments.spend_ask(db, merchant_order_id, later[0] if later else None, now):
            return None
    return _Spent(payment, times, last=not later) if times else None


def _asked(
    done: Reconciled,
    spent: _Spent,
    *,
    database: Database,
    duitku: Duitku,
    start: Start,
    now: Callable[[], datetime],
) -> Fault | None:
    """Ask after one payment. Returned is the outage that ends this school's asks, where there is one."""
    payment = spent.payment
    try:
        if payment.status not in UNPAID:
            ask_told_after(payment, database=database, duitku=duitku, now=now, last=spent.last)
            return None
        status = confirm(payment.merchant_order_id, database=database, duitku=duitku, start=start, now=now)
    except (NotPaidYet, InvoiceUnknown, AmountDiffers):
        return None
    except Fault as fault:
        log.warning("ask_failed", merchant_order_id=payment.merchant_order_id, fault=fault.code())
        return fault if fault.outage else None
    except Exception:  # one payment's, whatever it was: the others are asked after all the same
        log.exception("defect", merchant_order_id=payment.merchant_order_id)
        return None
    if status is Status.PAID:
        done.paid.append(payment.merchant_order_id)
    elif status in {Status.EXPIRED, Status.FAILED}:
        done.lapsed.append(payment.merchant_order_id)
    return None


def _ask_again(spent: _Spent, fault: Fault, now: datetime) -> datetime:
    """When to repeat an ask that got no answer: when Duitku's block ends, or after as long again as it is overdue, so
    that an outage costs few.
    """
    if fault.wait:
        return now + timedelta(seconds=fault.wait)
    due = [at for at in spent.times if at <= now]
    overdue = now - due[-1] if due else timedelta()
    return now + max(AGAIN, overdue)


def _restart(
    done: Reconciled,
    *,
    database: Database,
    start: Start,
    enqueue: Enqueue,
    alive: Callable[[list[tuple[MerchantOrderId, int]]], set[MerchantOrderId]],
    now: Callable[[], datetime],
    dry_run: bool,
) -> None:
    """Runs that nobody has any more, and payments without one that are not enrolled or whose access is to end."""
    before = now() - OVERDUE
    with database.read() as db:
        late = jobs.overdue(db, before, BATCH)
        resting = jobs.at_rest_though_paid(db, before, BATCH)
    held = alive([(job.merchant_order_id, job.run) for job in late])
    lost = [job for job in late if job.merchant_order_id not in held]
    done.restarted += [job.merchant_order_id for job in lost] + resting
    if dry_run:
        return
    for job in lost:
        with database.begin() as db:
            run = jobs.restart_run(db, job.merchant_order_id, job.run)
            if run is not None:
                enqueue(db, job.merchant_order_id, run, 0.0)
    for order_id in resting:
        with database.begin() as db:
            start(db, order_id, now())
    for order_id in done.restarted:
        log.warning("run_restarted", merchant_order_id=order_id)
