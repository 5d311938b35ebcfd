"""What came in, listed for an operator, and setting an event aside. `store.inbox` keeps events and hands them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import MERCHANT_ORDER_ID_PREFIX
from kelaspay.store.console import only
from kelaspay.store.inbox import find_event, find_same, of_orders, take
from kelaspay.store.tables import inbox, refusals, refusals_of_schools

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db

IGNORED = "ignored"
WAITING = "waiting"


def list_arrivals(
    db: Db,
    school: str | None,
    *,
    source: str = "",
    outcome: str = "",
    result: str = "",
    order: str = "",
    before: int | None,
    limit: int,
) -> list[sa.Row[Any]]:
    """Newest first, without bodies; `before` is the id where the page before ended."""
    query = sa.select(*[column for column in inbox.c if column.name != "body"]).order_by(inbox.c.id.desc()).limit(limit)
    asked = {inbox.c.source: source, inbox.c.result_code: result}
    conditions = [only(inbox.c.school, school), *(column == value for column, value in asked.items() if value)]
    if order:
        conditions.append(of_orders(order))
    if outcome == WAITING:
        conditions.append(inbox.c.started_at.is_(None))
    elif outcome:
        conditions.append(inbox.c.outcome == outcome)
    if before is not None:
        conditions.append(inbox.c.id < before)
    return list(db.execute(query.where(*conditions)))


def count_unknown(db: Db, school: str | None) -> int:
    """How many callbacks tell of money for an order that we made, by its id, and do not know; set aside they do not
    count.
    """
    unknown = sa.and_(inbox.c.outcome == "unknown_order", inbox.c.result_code == "00")
    ours = inbox.c.merchant_order_id.startswith(MERCHANT_ORDER_ID_PREFIX)
    return db.execute(sa.select(sa.func.count()).where(unknown, ours, only(inbox.c.school, school))).scalar_one()


def set_aside(db: Db, event_id: int, now: datetime) -> bool:
    """Nothing more comes of this event, unless it is opened again; False when there is none."""
    event = find_event(db, event_id)
    if event is not None:
        take(db, event, find_same(db, event), IGNORED, now)
    return event is not None


def refusals_by_reason(db: Db, school: str | None, since: datetime) -> list[sa.Row[str, int, datetime]]:
    """How many callbacks were refused, by reason, with the last hour in which one was; of a school those whose address
    named it.
    """
    table = refusals if school is None else refusals_of_schools
    query = (
        sa.select(table.c.reason, sa.func.sum(table.c.count).label("count"), sa.func.max(table.c.hour).label("hour"))
        .where(table.c.hour > since)
        .group_by(table.c.reason)
        .order_by(table.c.reason)
    )
    return list(db.execute(query if school is None else query.where(table.c.school == school)))


def refusals_by_school(db: Db, since: datetime) -> list[sa.Row[Any]]:
    """How many callbacks were refused at the address of each school."""
    table = refusals_of_schools
    query = sa.select(table.c.school, sa.func.sum(table.c.count).label("count")).where(table.c.hour > since)
    return list(db.execute(query.group_by(table.c.school).order_by(table.c.school)))
