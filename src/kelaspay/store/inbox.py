"""Raw events as they came in. One that comes again is counted when it is taken in hand; what is refused is not kept."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from kelaspay.store.tables import inbox, refusals, refusals_of_schools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kelaspay.store.database import Db


class Event(NamedTuple):
    """A verified event: its raw body and the few words of it that it is found by. A tuple, for thousands are made a
    second.
    """

    source: str
    digest: str
    merchant_order_id: str | None
    reference: str | None
    result_code: str | None
    receipt: str | None
    """What tells one successful payment of an order from another (the publisherOrderId)."""
    amount: int | None
    content_type: str
    body: bytes
    received_at: datetime
    school: str = ""
    """The key of the school whose key it was verified with."""
    traceparent: str | None = None
    """The trace that its coming began, for whatever goes on with it."""


def keep(db: Db, events: Sequence[Event]) -> None:
    """Put events at the inbox's end, in one statement. Whether one came before is seen when it is taken in hand
    (`take`): an index that told it here would have a page of its own to write for each event of a group.

    The statement is the driver's own: it is prepared once, and the driver runs it without the interpreter's lock.
    """
    if db.dialect.name == "postgresql":
        listed = orjson.dumps([_as_json(event) for event in events]).decode()
        db.exec_driver_sql(KEEP_ON_POSTGRESQL, (listed,))
    else:
        rows = tuple(chain.from_iterable(_as_row(each) for each in events))
        db.exec_driver_sql(_keep_on_sqlite(len(events)), rows)


COLUMNS = ", ".join(Event._fields)
KEEP_ON_POSTGRESQL = (
    f"INSERT INTO inbox ({COLUMNS})"  # noqa: S608 - constants
    " SELECT source, digest, merchant_order_id, reference, result_code, receipt, amount, content_type,"
    " coalesce(convert_to(plain, 'UTF8'), decode(body, 'hex')), received_at, school, traceparent"
    " FROM json_to_recordset(%s::json) AS e(source text, digest text, merchant_order_id text, reference text,"
    " result_code text, receipt text, amount bigint, content_type text, plain text, body text, received_at timestamptz,"
    " school text, traceparent text)"
)
"""One statement with one parameter, whatever the number of events."""


@cache
def _keep_on_sqlite(count: int) -> str:
    row = f"({', '.join('?' * len(Event._fields))})"
    return f"INSERT INTO inbox ({COLUMNS}) VALUES {', '.join([row] * count)}"  # noqa: S608 - constants


def _at(event: Event) -> datetime:
    """When it came in, in UTC; a naive time is refused, for these statements pass the column's type by."""
    if event.received_at.tzinfo is None:
        problem = "a naive time cannot be kept"
        raise ValueError(problem)
    return event.received_at.astimezone(UTC)


def _as_row(event: Event) -> tuple[Any, ...]:
    at = _at(event).strftime("%Y-%m-%d %H:%M:%S.%f")
    return (*event[:RECEIVED_AT], at, *event[RECEIVED_AT + 1 :])


def _as_json(event: Event) -> dict[str, Any]:
    """Its body as text where that is all it is, else in hex."""
    plain = event.body.isascii() and b"\0" not in event.body
    body = {"plain": event.body.decode("ascii"), "body": None} if plain else {"plain": None, "body": event.body.hex()}
    return event._asdict() | body | {"received_at": _at(event)}


RECEIVED_AT = Event._fields.index("received_at")


WAITING = (
    sa.select(
        inbox.c.id,
        inbox.c.source,
        inbox.c.digest,
        inbox.c.school,
        inbox.c.merchant_order_id,
        inbox.c.result_code,
        inbox.c.receipt,
        inbox.c.received_at,
        inbox.c.repeats,
        inbox.c.traceparent,
    )
    .where(inbox.c.started_at.is_(None))
    .order_by(inbox.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)
ANY_WAITING = sa.select(inbox.c.id).where(inbox.c.started_at.is_(None)).limit(1)


def any_waiting(db: Db) -> bool:
    """Whether there is an event to take in hand; a look that takes no lock."""
    return db.execute(ANY_WAITING).first() is not None


def waiting(db: Db, limit: int) -> list[sa.Row[Any]]:
    """Events that nobody has taken in hand yet, oldest first, locked so that two processes take different ones."""
    return list(db.execute(WAITING, {"most": limit}))


def find_same(db: Db, event: sa.Row[Any]) -> sa.Row[int, int] | None:
    """The same event, where it came before and was taken in hand."""
    known = sa.and_(
        inbox.c.merchant_order_id == event.merchant_order_id,
        inbox.c.source == event.source,
        inbox.c.digest == event.digest,
        inbox.c.school == event.school,
        inbox.c.started_at.is_not(None),
        inbox.c.id != event.id,
    )
    return db.execute(sa.select(inbox.c.id, inbox.c.repeats).where(known)).one_or_none()


def take(db: Db, event: sa.Row[Any], same: sa.Row[int, int] | None, outcome: str, now: datetime) -> None:
    """Take an event in hand and note what came of it. With the same that came before (`find_same`) it becomes one: the
    older stays and counts one repeat more.

    Raises `IntegrityError` where another process has just taken the same; done again, that one is found.
    """
    older, repeats = event.id, event.repeats
    if same is not None:
        older, younger = sorted((event.id, same.id))
        repeats += same.repeats + 1
        db.execute(sa.delete(inbox).where(inbox.c.id == younger))
    taken = {"started_at": now, "outcome": outcome, "repeats": repeats}
    db.execute(sa.update(inbox).where(inbox.c.id == older).values(taken))


def reopen(db: Db, event_id: int) -> bool:
    """Have an event looked at again; False when there is none."""
    return db.execute(sa.update(inbox).where(inbox.c.id == event_id).values(started_at=None)).rowcount == 1


def reopen_of(db: Db, merchant_order_id: str, school: str) -> None:
    """Have everything that came in for an order looked at again."""
    its = sa.and_(of_orders(merchant_order_id), inbox.c.school == school)
    db.execute(sa.update(inbox).where(its).values(started_at=None))


def of_orders(*merchant_order_ids: str) -> sa.ColumnElement[bool]:
    """Whether an event is of one of these orders. Those taken in hand are found by their index; those that wait have
    none, and are walked through.
    """
    its = inbox.c.merchant_order_id.in_(merchant_order_ids)
    taken = sa.select(inbox.c.id).where(its, inbox.c.started_at.is_not(None))
    waiting = sa.select(inbox.c.id).where(its, inbox.c.started_at.is_(None))
    return inbox.c.id.in_(sa.union_all(taken, waiting))


def find_event(db: Db, event_id: int) -> sa.Row[Any] | None:
    return db.execute(sa.select(inbox).where(inbox.c.id == event_id)).one_or_none()


def list_events(db: Db, *, merchant_order_id: str | None, limit: int) -> list[sa.Row[Any]]:
    query = sa.select(inbox).order_by(inbox.c.id.desc()).limit(limit)
    if merchant_order_id is not None:
        query = query.where(of_orders(merchant_order_id))
    return list(db.execute(query))


def count_refusals(db: Db, refused: Mapping[tuple[str, str | None], int], now: datetime) -> None:
    """Add to this hour's counts of refused callbacks, by reason, and by the school whose address they came to."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    totals: Counter[str] = Counter()
    of_schools = []
    for (reason, school), count in sorted(refused.items(), key=str):
        totals[reason] += count
        if school is not None:
            of_schools.append({"school": school, "hour": hour, "reason": reason, "count": count})
    _add(db, refusals, [{"hour": hour, "reason": reason, "count": count} for reason, count in sorted(totals.items())])
    if of_schools:
        _add(db, refusals_of_schools, of_schools)


def _add(db: Db, table: sa.Table, rows: list[dict[str, object]]) -> None:
    insert = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(table)
    statement = insert.values(rows)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={"count": table.c.count + statement.excluded.count},
        )
    )
