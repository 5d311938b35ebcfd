"""What the console's first page counts and tells. Every count has an index to stand on, however many payments there
are.

What needs a person is defined once, in `needing`, for the counters and for the lists behind them alike.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import Attention, Status
from kelaspay.store.tables import inbox, jobs, offers, payments, products, refusals, refusals_of_schools, schools

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kelaspay.store.database import Db

BEING_ENROLLED = timedelta(minutes=2)
"""A payment that was paid this recently is on its way, not left behind."""
LATEST = 200
"""Among how many payments the last question to Duitku is looked for."""
SOLD = (Status.PAID, Status.COMPLETED, Status.REVIEW)


class Need(StrEnum):
    """Why payments stand in one of the lists of what a person should look at."""

    NOT_ENROLLED = "not_enrolled"
    BLOCKED = "blocked"
    PAID_TWICE = "paid_twice"
    PAID_LATE = "paid_late"
    EMAIL_WRONG = "email_wrong"
    SALE_UNKNOWN = "sale_unknown"
    RECONNECT = "reconnect"


ATTENTIONS = {
    Need.BLOCKED: (
        Attention.COURSE_UNMAPPED,
        Attention.THINKIFIC_REFUSED,
        Attention.BUYER_ERASED,
        Attention.GAVE_UP,
    ),
    Need.PAID_TWICE: (Attention.PAID_TWICE, Attention.AMOUNT_DIFFERS),
    Need.PAID_LATE: (Attention.PAID_LATE,),
    Need.EMAIL_WRONG: (Attention.EMAIL_WRONG,),
    Need.SALE_UNKNOWN: (Attention.EXTERNAL_ORDER_UNKNOWN,),
}
KEY_REFUSED = ("thinkific_unauthorized", "sale_unauthorized", "school_disconnected", "duitku_unauthorized")


@dataclass(frozen=True, slots=True)
class Day:
    """What was paid in one span of time, and how many orders were made in it."""

    since: datetime
    count: int
    amount: int
    made: int


@dataclass(frozen=True, slots=True)
class Queue:
    under_way: int
    failing: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Heard:
    """When we last heard from Duitku by itself, and when we last asked."""

    callback_at: datetime | None
    asked_at: datetime | None
    enrolled_at: datetime | None
    synced_at: datetime | None


def only(column: sa.ColumnElement[Any], school: str | None) -> sa.ColumnElement[bool]:
    """The condition that a row is this school's, with None any; never by an index: other conditions pick fewer."""
    return sa.true() if school is None else sa.func.coalesce(column, "") == school


def needing(need: Need, now: datetime) -> sa.ColumnElement[bool]:
    """The condition on `payments` behind a counter."""
    if need is Need.NOT_ENROLLED:
        moving = sa.and_(payments.c.status == Status.PAID, payments.c.paid_at >= now - BEING_ENROLLED)
        return sa.and_(
            payments.c.status.in_([Status.PAID, Status.REVIEW]), payments.c.paid_at.is_not(None), sa.not_(moving)
        )
    if need is Need.RECONNECT:
        waiting = sa.select(jobs.c.merchant_order_id).where(jobs.c.active, jobs.c.fault.in_(KEY_REFUSED))
        return payments.c.merchant_order_id.in_(waiting)
    return payments.c.attention.in_(ATTENTIONS[need])


def counters(db: Db, school: str | None, now: datetime) -> dict[Need, int]:
    """How many payments need a person, by reason."""
    of_school = sa.select(sa.func.count()).select_from(payments).where(only(payments.c.school, school))
    return {need: db.execute(of_school.where(needing(need, now))).scalar_one() for need in Need}


def dead_jobs(db: Db, school: str | None) -> int:
    """How many payments' work was given up."""
    return db.execute(
        sa.select(sa.func.count())
        .select_from(payments.join(jobs, jobs.c.merchant_order_id == payments.c.merchant_order_id))
        .where(
            payments.c.status == Status.REVIEW,
            sa.not_(jobs.c.active),
            jobs.c.fault.is_not(None),
            only(payments.c.school, school),
        )
    ).scalar_one()


def refused_calls(db: Db, school: str | None, since: datetime) -> int:
    """How many callbacks were refused, to the hour; of a school those whose address named it."""
    table = refusals if school is None else refusals_of_schools
    counted = sa.select(sa.func.coalesce(sa.func.sum(table.c.count), 0)).where(table.c.hour > since)
    if school is not None:
        counted = counted.where(table.c.school == school)
    return int(db.execute(counted).scalar_one())


def unmapped_offers(db: Db, school: str | None) -> dict[str, str]:
    """Offers on sale that lead to no course of the catalogue, each with why: `unmapped` or `gone`."""
    rows = db.execute(
        sa.select(offers.c.slug, offers.c.folded_name, offers.c.course_id, offers.c.bundle_id, offers.c.school).where(
            offers.c.retired_at.is_(None), only(offers.c.school, school)
        )
    ).all()
    known = db.execute(
        sa.select(
            products.c.productable_type, products.c.productable_id, products.c.folded_name, products.c.school
        ).where(products.c.gone_at.is_(None), only(products.c.school, school))
    ).all()
    there = {(row.school, row.productable_type, row.productable_id) for row in known}
    names = Counter((row.school, row.folded_name) for row in known)
    synced = {row.school for row in known}
    found: dict[str, str] = {}
    for row in rows:
        wanted = ("Bundle", row.bundle_id) if row.bundle_id is not None else ("Course", row.course_id)
        if wanted[1] is None and names[row.school, row.folded_name] != 1:
            found[row.slug] = "unmapped"
        elif wanted[1] is not None and row.school in synced and (row.school, *wanted) not in there:
            found[row.slug] = "gone"
    return found


def queue(db: Db, school: str | None) -> Queue:
    """What the engine has before it."""
    waiting = sa.select(sa.func.count(), sa.func.count(jobs.c.fault), sa.func.min(jobs.c.wake_at)).where(jobs.c.active)
    if school is not None:
        waiting = waiting.join_from(jobs, payments).where(payments.c.school == school)
    row = db.execute(waiting).one()
    return Queue(row[0], row[1], row[2])


def heard(db: Db, school: str | None) -> Heard:
    newest = (
        sa.select(inbox.c.received_at)
        .where(sa.func.coalesce(inbox.c.source, "") == "duitku", only(inbox.c.school, school))  # walked from its end
        .order_by(inbox.c.id.desc())
        .limit(1)
    )
    latest = (
        sa.select(payments.c.asked_at, payments.c.completed_at)
        .where(only(payments.c.school, school))
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
        .limit(LATEST)
        .subquery()
    )
    row = db.execute(sa.select(sa.func.max(latest.c.asked_at), sa.func.max(latest.c.completed_at))).one()
    synced = db.execute(sa.select(sa.func.max(products.c.synced_at)).where(only(products.c.school, school))).scalar()
    return Heard(db.execute(newest).scalar_one_or_none(), row[0], row[1], synced)


def sales(db: Db, school: str | None, marks: Sequence[datetime]) -> list[Day]:
    """What was paid, and how many orders were made, between each mark and the next; marks go upward."""
    of_school = sa.true() if school is None else payments.c.school == school
    sold = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(payments.c.payment_amount), 0)).where(
        sa.func.coalesce(payments.c.status, "").in_(SOLD),  # found by when, not by this
        of_school,
    )
    made = sa.select(sa.func.count()).select_from(payments).where(only(payments.c.school, school))
    sold, made = sold.where(_within(payments.c.paid_at)), made.where(_within(payments.c.created_at))
    days = []
    for since, until in itertools.pairwise(marks):
        between = {"since": since, "until": until}
        row, orders = db.execute(sold, between).one(), db.execute(made, between).scalar_one()
        days.append(Day(since, row[0], int(row[1]), orders))
    return days


def _within(at: sa.Column[datetime]) -> sa.ColumnElement[bool]:
    """To be run with `since` and `until`, for one stretch of time after the other."""
    return sa.and_(at >= sa.bindparam("since"), at < sa.bindparam("until"))


def any_completed(db: Db, school: str | None) -> bool:
    return (
        db.execute(
            sa.select(payments.c.merchant_order_id)
            .where(payments.c.status == Status.COMPLETED, only(payments.c.school, school))
            .limit(1)
        ).first()
        is not None
    )


def connected_schools(db: Db, school: str | None) -> list[sa.Row[Any]]:
    """The schools beside the environment's, and those that were connected by OAuth, without their tokens and keys."""
    query = sa.select(
        schools.c.subdomain,
        schools.c.state,
        schools.c.connected_at,
        schools.c.merchant_code,
        schools.c.callback_path,
        schools.c.duitku_api_key.is_not(None).label("has_duitku_key"),
        schools.c.api_key.is_not(None).label("has_api_key"),
    ).where(only(schools.c.subdomain, school))
    return list(db.execute(query.order_by(schools.c.subdomain)))
