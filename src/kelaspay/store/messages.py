"""Messages to buyers: one row for each order and kind, written in the commit of what it tells of, sent afterwards."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.formats import WIB
from kelaspay.payment import Status
from kelaspay.store.database import database_clock
from kelaspay.store.preferences import quiet_hours_of
from kelaspay.store.tables import enrollments, jobs, messages, payments
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db
    from kelaspay.store.preferences import Hours

REMIND_AFTER = timedelta(minutes=30)
REMIND_BEFORE = timedelta(hours=3)
CODE_LIFE = timedelta(minutes=10)
"""How long a code to sign in with is good."""
LATE_AFTER = timedelta(minutes=15)
ENDS_SOON = {"access_ends_14": timedelta(days=14), "access_ends_3": timedelta(days=3)}
REMINDERS = ("reminder", "last_reminder")
LAPSES = {
    Status.PAID: REMINDERS,
    Status.REVIEW: REMINDERS,
    Status.EXPIRED: REMINDERS,
    Status.FAILED: REMINDERS,
    Status.COMPLETED: ("access_late",),
    Status.REFUNDED: ("access_late", *ENDS_SOON),
}
"""What a payment in this state will never be told, so that nobody who looks reads that it waits."""


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    KEPT = "kept"
    """Made and readable, with nothing to send it by."""
    DROPPED = "dropped"
    """What it would have told was no longer so."""
    FAILED = "failed"


def raise_message(
    db: Db, merchant_order_id: str, kind: str, due_at: datetime, now: datetime, *, blank: str | None = None
) -> None:
    """Have a message sent at `due_at`; the same kind for the same order is raised once."""
    _raise(db, merchant_order_id, {kind: due_at}, now, blank=blank)


def _raise(
    db: Db, merchant_order_id: str, due_at: dict[str, datetime], now: datetime, *, blank: str | None = None
) -> None:
    """Several messages, each kind with the time that it is due at."""
    same = {"merchant_order_id": merchant_order_id, "its_order": merchant_order_id, "raised_at": now, "blank": blank}
    db.execute(_raising(db.dialect.name), [same | {"kind": kind, "due_at": at} for kind, at in due_at.items()])


@cache
def _raising(dialect: str) -> sa.Insert:
    """Built once, for one message at a time: with several rows of values it was compiled anew at each purchase, for a
    tenth of all the time that a purchase takes.
    """
    its = sa.select(payments.c.school).where(payments.c.merchant_order_id == sa.bindparam("its_order"))
    school = sa.func.coalesce(its.scalar_subquery(), "")
    insert = upsert(dialect, messages).values(school=school, state=State.WAITING, attempts=0)
    return insert.on_conflict_do_nothing(index_elements=[messages.c.merchant_order_id, messages.c.kind])


def raise_for_invoice(db: Db, merchant_order_id: str, expires_at: datetime, now: datetime) -> None:
    """How to pay, once more where another channel was chosen, and two reminders that disturb nobody's night."""
    once_more(db, merchant_order_id, "order_made", now)
    quiet = quiet_hours_of(db, merchant_order_id)
    wanted = {"reminder": now + REMIND_AFTER, "last_reminder": expires_at - REMIND_BEFORE}
    reminders = {kind: by_day(at, quiet) for kind, at in wanted.items()}
    _raise(
        db,
        merchant_order_id,
        {"order_made": now} | {k: at for k, at in reminders.items() if now < at < expires_at},
        now,
    )


def raise_for_move(db: Db, merchant_order_id: str, to: Status, now: datetime) -> None:
    """What the buyer is told of a payment's new state, and is not told any more."""
    if lapsed := LAPSES.get(to):
        its = sa.and_(messages.c.merchant_order_id == merchant_order_id, messages.c.kind.in_(lapsed))
        waiting = sa.and_(its, messages.c.state == State.WAITING)
        db.execute(sa.update(messages).where(waiting).values(state=State.DROPPED))
    if to is Status.PAID:
        _raise(db, merchant_order_id, {"paid": now, "access_late": now + LATE_AFTER}, now)
    elif to is Status.COMPLETED:
        raise_message(db, merchant_order_id, "access_ready", now, now)
        _raise_ends_soon(db, merchant_order_id, now)
    elif to is Status.EXPIRED:
        raise_message(db, merchant_order_id, to, now, now)


def by_day(at: datetime, quiet: Hours) -> datetime:
    """`at`, or the end of the quiet hours, WIB, that it falls into."""
    start, end = quiet
    local = at.astimezone(WIB)
    within = start <= local.hour < end if start < end else local.hour >= start or local.hour < end
    if start == end or not within:
        return at
    morning = local.replace(hour=end, minute=0, second=0, microsecond=0)
    return (morning if local.hour < end else morning + timedelta(days=1)).astimezone(at.tzinfo)


def due(db: Db, now: datetime, limit: int) -> list[sa.Row[Any]]:
    """Waiting messages whose time has come and that nobody is sending, the oldest first; each with the trace of its
    order's work.
    """
    free = sa.or_(messages.c.lease_until.is_(None), messages.c.lease_until < database_clock())
    its_job = jobs.c.merchant_order_id == messages.c.merchant_order_id
    query = sa.select(messages, jobs.c.traceparent).outerjoin(jobs, its_job)
    query = query.where(messages.c.state == State.WAITING, messages.c.due_at <= now, free)
    return list(db.execute(query.order_by(messages.c.due_at, messages.c.id).limit(limit)))


def claim(db: Db, row: Any, lease: float) -> bool:
    """Take on the attempt that follows those of `row`; False when somebody else has, or has put it off."""
    free = sa.or_(messages.c.lease_until.is_(None), messages.c.lease_until < database_clock())
    as_read = (messages.c.id == row.id, messages.c.attempts == row.attempts, messages.c.due_at == row.due_at)
    values = {"lease_until": database_clock() + lease, "attempts": row.attempts + 1}
    mine = sa.and_(*as_read, messages.c.state == State.WAITING, free)
    return db.execute(sa.update(messages).where(mine).values(**values)).rowcount == 1


def write_down(db: Db, row: Any, **values: Any) -> None:
    """What became of the attempt after those of `row`, unless the message was asked for anew since."""
    mine = sa.and_(messages.c.id == row.id, messages.c.attempts == row.attempts + 1)
    db.execute(sa.update(messages).where(mine).values(**values, lease_until=None))


def again(db: Db, merchant_order_id: str, kind: str, now: datetime, spacing: timedelta) -> bool:
    """Have a message sent once more; False when it was sent only just now, or never was."""
    repeated = db.execute(
        sa.update(messages)
        .where(
            messages.c.merchant_order_id == merchant_order_id,
            messages.c.kind == kind,
            messages.c.state.in_([State.SENT, State.KEPT, State.FAILED]),
            sa.or_(messages.c.sent_at.is_(None), messages.c.sent_at <= now - spacing),
        )
        .values(state=State.WAITING, due_at=now, attempts=0, fault=None)
    )
    return repeated.rowcount == 1


def send_again(db: Db, message_id: int, now: datetime) -> bool:
    """Have a message made and sent once more; False while it waits already."""
    done = messages.c.state.in_([State.SENT, State.KEPT, State.FAILED])
    fresh = {"state": State.WAITING, "due_at": now, "attempts": 0, "fault": None}
    return db.execute(sa.update(messages).where(messages.c.id == message_id, done).values(**fresh)).rowcount == 1


def once_more(db: Db, merchant_order_id: str, kind: str, now: datetime) -> None:
    """Have a message that went to a wrong address, or told what has changed since, made anew by whichever way it goes.

    One that waits may be on its way just now: the count of its attempts goes on, so that the sender's word for the
    letter before is none for this one.
    """
    its = sa.and_(
        messages.c.merchant_order_id == merchant_order_id,
        sa.or_(messages.c.kind == kind, messages.c.kind.startswith(f"{kind}@", autoescape=True)),
    )
    attempts = sa.case((messages.c.state == State.WAITING, messages.c.attempts + 1), else_=0)
    fresh = {"state": State.WAITING, "due_at": now, "attempts": attempts, "fault": None, "lease_until": None}
    db.execute(sa.update(messages).where(its).values(**fresh))


def list_messages(db: Db, merchant_order_id: str | None = None, limit: int = 100) -> list[sa.Row[Any]]:
    """The newest first."""
    query = sa.select(messages).order_by(messages.c.id.desc()).limit(limit)
    if merchant_order_id is not None:
        query = query.where(messages.c.merchant_order_id == merchant_order_id)
    return list(db.execute(query))


def _raise_ends_soon(db: Db, merchant_order_id: str, now: datetime) -> None:
    expiry = sa.select(enrollments.c.expiry_date).where(enrollments.c.merchant_order_id == merchant_order_id)
    ends = db.execute(expiry).scalar()
    if ends is None:
        return
    quiet = quiet_hours_of(db, merchant_order_id)
    for kind, before in ENDS_SOON.items():
        when = by_day(ends - before, quiet)
        if when > now:
            raise_message(db, merchant_order_id, kind, when, now)
