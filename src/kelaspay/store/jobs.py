"""One row a payment: which run of its work counts, when it should wake, and which process holds it.

The run number is the fence: whatever starts work on a payment raises it, and a run whose number is no longer the
row's stops. The holder and its lease keep two processes from doing the same run; both are compared by the database's
clock. DBOS executes runs; this row says which of them means anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import EnrollmentState, MerchantOrderId, Status
from kelaspay.store.database import database_clock
from kelaspay.store.tables import ACCESS_TO_END, enrollments, jobs, payments
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kelaspay.store.database import Db


@dataclass(frozen=True, slots=True)
class Job:
    merchant_order_id: MerchantOrderId
    run: int
    active: bool
    wake_at: datetime
    attempts: int
    failing_since: datetime | None
    fault: str | None
    fault_text: str | None
    traceparent: str | None
    """The trace that its work belongs to."""


JOB_COLUMNS = [jobs.c[name] for name in Job.__slots__]


OF, ITS, BY = (
    sa.bindparam("of", type_=sa.Text),
    sa.bindparam("its", type_=sa.Integer),
    sa.bindparam("by", type_=sa.Text),
)
SECONDS = sa.bindparam("seconds", type_=sa.Float)
"""What the statements are run with that every step of a purchase needs; they are built once."""
CLAIM = (
    sa.update(jobs)
    .where(
        jobs.c.merchant_order_id == OF,
        jobs.c.run == ITS,
        jobs.c.active,
        sa.or_(jobs.c.holder.is_(None), jobs.c.holder == BY, jobs.c.lease_until < database_clock()),
    )
    .values(holder=BY, lease_until=database_clock() + SECONDS, poked=False)
    .returning(*JOB_COLUMNS)
)
HELD = sa.select(jobs.c.run).where(
    jobs.c.merchant_order_id == OF,
    jobs.c.run == ITS,
    jobs.c.active,
    jobs.c.holder == BY,
    jobs.c.lease_until > database_clock() + SECONDS,
)


def start_run(
    db: Db, merchant_order_id: MerchantOrderId, wake_at: datetime, traceparent: str | None = None
) -> int | None:
    """Raise the run number so that a run at `wake_at` is the one that counts; returned is its number.

    None when a run that wakes no later is already there; that one is told to look again before it gives up. Work that
    was under way stays in its trace; what begins belongs to the `traceparent` of whoever began it.
    """
    insert = upsert(db, jobs)
    instead = sa.or_(sa.not_(jobs.c.active), jobs.c.wake_at > wake_at)
    under_way = sa.case((jobs.c.active, jobs.c.traceparent))
    started = insert.values(
        merchant_order_id=merchant_order_id,
        run=1,
        active=True,
        wake_at=wake_at,
        attempts=0,
        traceparent=traceparent,
        poked=False,
    ).on_conflict_do_update(
        index_elements=[jobs.c.merchant_order_id],
        set_={
            "run": sa.case((instead, jobs.c.run + 1), else_=jobs.c.run),
            "active": True,
            "wake_at": sa.case((instead, wake_at), else_=jobs.c.wake_at),
            "traceparent": sa.case((instead, sa.func.coalesce(under_way, traceparent)), else_=jobs.c.traceparent),
            "poked": sa.not_(instead),
        },
    )
    row = db.execute(started.returning(jobs.c.run, jobs.c.poked)).one()
    return None if row.poked else int(row.run)


def overtake(db: Db, merchant_order_id: MerchantOrderId) -> None:
    """Have the next start raise the run number even over a run that is being executed: what that one has still to write
    down is no longer so. Its lease goes on, so that the next waits for its last call.
    """
    db.execute(sa.update(jobs).where(jobs.c.merchant_order_id == merchant_order_id).values(active=False))


def restart_run(db: Db, merchant_order_id: MerchantOrderId, run: int) -> int | None:
    """The run after `run`, in its place, due since then; None when `run` is no longer the one that counts."""
    row = db.execute(
        sa.update(jobs)
        .where(jobs.c.merchant_order_id == merchant_order_id, jobs.c.run == run)
        .values(run=run + 1, active=True, holder=None, lease_until=None)
        .returning(jobs.c.run)
    ).all()
    return run + 1 if row else None


def claim(db: Db, merchant_order_id: MerchantOrderId, run: int, holder: str, lease: float) -> Job | None:
    """Hold this run for `lease` seconds; None when it is superseded or held by another whose lease still runs."""
    row = db.execute(CLAIM, {"of": merchant_order_id, "its": run, "by": holder, "seconds": lease}).first()
    return None if row is None else Job(*row)


def held_for(db: Db, merchant_order_id: MerchantOrderId, run: int, holder: str, seconds: float) -> bool:
    """Whether this run is held for so many seconds yet."""
    return db.execute(HELD, {"of": merchant_order_id, "its": run, "by": holder, "seconds": seconds}).first() is not None


def extend(db: Db, merchant_order_id: MerchantOrderId, run: int, holder: str, lease: float) -> bool:
    """Hold on for `lease` seconds more; False when somebody else has taken over."""
    extended = db.execute(
        sa.update(jobs)
        .where(jobs.c.merchant_order_id == merchant_order_id, jobs.c.run == run, jobs.c.active, jobs.c.holder == holder)
        .values(lease_until=database_clock() + lease)
    )
    return extended.rowcount == 1


def put_off(
    db: Db,
    job: Job,
    holder: str,
    *,
    wake_at: datetime,
    attempts: int,
    failing_since: datetime | None,
    fault: str,
    fault_text: str,
    traceparent: str | None = None,
) -> bool:
    """End this run with a passing fault; the next one wakes at `wake_at`, in the same trace. False when it was
    superseded.
    """
    put_off = db.execute(
        sa.update(jobs)
        .where(jobs.c.merchant_order_id == job.merchant_order_id, jobs.c.run == job.run, jobs.c.holder == holder)
        .values(
            run=job.run + 1,
            wake_at=wake_at,
            attempts=attempts,
            failing_since=failing_since,
            fault=fault,
            fault_text=fault_text,
            traceparent=job.traceparent or traceparent,
            holder=None,
            lease_until=None,
            poked=False,
        )
    )
    return put_off.rowcount == 1


def finish(
    db: Db,
    job: Job,
    holder: str,
    *,
    fault: str | None = None,
    fault_text: str | None = None,
    unless_poked: bool = False,
) -> bool:
    """End this run and leave the payment at rest, with the reason where there is one.

    False when it was superseded, or `unless_poked` when an event came in since the run began.
    """
    condition = sa.and_(
        jobs.c.merchant_order_id == job.merchant_order_id, jobs.c.run == job.run, jobs.c.holder == holder
    )
    if unless_poked:
        condition = sa.and_(condition, sa.not_(jobs.c.poked))
    ended = db.execute(
        sa.update(jobs)
        .where(condition)
        .values(
            active=False,
            attempts=0,
            failing_since=None,
            fault=fault,
            fault_text=fault_text,
            holder=None,
            lease_until=None,
        )
    )
    return ended.rowcount == 1


def find_job(db: Db, merchant_order_id: str) -> Job | None:
    row = db.execute(sa.select(*JOB_COLUMNS).where(jobs.c.merchant_order_id == merchant_order_id)).one_or_none()
    return None if row is None else Job(*row)


def overdue(db: Db, before: datetime, limit: int) -> list[Job]:
    """Runs that should have woken before `before` and that no process holds, whichever of them chance takes: by their
    age a long line, or those that nothing comes of, would hide all others for ever.
    """
    rows = db.execute(
        sa.select(*JOB_COLUMNS)
        .where(
            jobs.c.active,
            jobs.c.wake_at < before,
            sa.or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < database_clock()),
        )
        .order_by(sa.func.random())
        .limit(limit)
    )
    return [Job(*row) for row in rows]


def release_of(db: Db, executor_ids: set[str]) -> int:
    """End the leases of processes that are dead, so that nobody waits for them."""
    released = 0
    for executor_id in executor_ids:
        held = sa.update(jobs).where(jobs.c.active, jobs.c.holder.startswith(f"{executor_id}/", autoescape=True))
        released += db.execute(held.values(lease_until=0.0)).rowcount
    return released


def at_rest_though_paid(db: Db, before: datetime, limit: int) -> list[MerchantOrderId]:
    """Payments that are paid and not enrolled, whose access is to end and has not, or that were given to another
    address that has it not yet, with nothing under way, however it came about. What stopped for a reason is not among
    them: that is for a person.
    """
    rows = db.execute(_at_rest_though_paid(), {"before": before, "most": limit})
    return [MerchantOrderId(row.merchant_order_id) for row in rows]


@cache
def _at_rest_though_paid() -> sa.CompoundSelect[Any]:
    paid_at = sa.func.coalesce(payments.c.paid_at, payments.c.created_at)
    resting = (
        sa.select(payments.c.merchant_order_id, paid_at.label("paid_at"))
        .select_from(payments)
        .outerjoin(jobs, jobs.c.merchant_order_id == payments.c.merchant_order_id)
        .where(paid_at < sa.bindparam("before"), sa.or_(jobs.c.active.is_(None), sa.not_(jobs.c.active)))
    )
    its_access = enrollments.c.merchant_order_id == payments.c.merchant_order_id
    unstopped = resting.join(enrollments, its_access).where(jobs.c.fault.is_(None))
    # Not as equal: SQLite would rather walk all that are completed than the few that are to be given.
    to_give = unstopped.where(payments.c.status.not_in([each for each in Status if each is not Status.COMPLETED]))
    looks = sa.union(  # each by an index of its own
        resting.where(payments.c.status == Status.PAID),
        unstopped.where(ACCESS_TO_END),
        to_give.where(enrollments.c.state == EnrollmentState.PENDING),
        to_give.where(enrollments.c.former_user_id.is_not(None)),
    )
    return looks.order_by("paid_at").limit(sa.bindparam("most"))


def waiting_for(db: Db, faults: Sequence[str], schools: Sequence[str]) -> list[MerchantOrderId]:
    """These schools' payments whose next run waits because of one of these faults."""
    query = sa.select(jobs.c.merchant_order_id).join(payments, payments.c.merchant_order_id == jobs.c.merchant_order_id)
    rows = db.execute(query.where(jobs.c.active, jobs.c.fault.in_(faults), payments.c.school.in_(schools)))
    return [MerchantOrderId(row.merchant_order_id) for row in rows]
