"""Raw events as they came in, each once. What was refused is only counted."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from kelaspay.store.tables import inbox, refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kelaspay.store.database import Db


@dataclass(frozen=True, slots=True)
class Event:
    """A verified event: its raw body and the few words of it that it is found by."""

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


def keep(db: Db, events: Iterable[Event]) -> None:
    """Keep events in one statement. One that is there already is opened again to be looked at, and counted.

    Sorted by digest, so that two processes keeping the same events cannot lock each other out.
    """
    once = {(event.source, event.digest): event for event in events}
    sorted_events = [once[key] for key in sorted(once)]
    if db.dialect.name == "postgresql":
        db.exec_driver_sql(KEEP_ON_POSTGRESQL, (json.dumps([_as_json(event) for event in sorted_events]),))
    else:
        db.exec_driver_sql(KEEP_ON_SQLITE, [_as_row(event) for event in sorted_events])


AGAIN = " ON CONFLICT (source, digest) DO UPDATE SET repeats = inbox.repeats + 1, started_at = NULL"
COLUMNS = ", ".join(field.name for field in fields(Event))
KEEP_ON_SQLITE = f"INSERT INTO inbox ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?){AGAIN}"  # noqa: S608 - constants
"""One prepared statement, executed for each row inside the driver."""
KEEP_ON_POSTGRESQL = (
    f"INSERT INTO inbox ({COLUMNS})"  # noqa: S608 - constants
    " SELECT e->>0, e->>1, e->>2, e->>3, e->>4, e->>5, (e->>6)::bigint, e->>7, decode(e->>8, 'hex'),"
    f" (e->>9)::timestamptz, e->>10 FROM json_array_elements(%s::json) AS e{AGAIN}"
)
"""One statement with one parameter, whatever the number of events: it is prepared once."""


def _at(event: Event) -> datetime:
    """When it came in, in UTC; a naive time is refused, for these statements pass the column's type by."""
    if event.received_at.tzinfo is None:
        problem = "a naive time cannot be kept"
        raise ValueError(problem)
    return event.received_at.astimezone(UTC)


def _as_row(event: Event) -> tuple[Any, ...]:
    return (
        event.source,
        event.digest,
        event.merchant_order_id,
        event.reference,
        event.result_code,
        event.receipt,
        event.amount,
        event.content_type,
        event.body,
        _at(event).strftime("%Y-%m-%d %H:%M:%S.%f"),
        event.school,
    )


def _as_json(event: Event) -> tuple[Any, ...]:
    return (
        event.source,
        event.digest,
        event.merchant_order_id,
        event.reference,
        event.result_code,
        event.receipt,
        event.amount,
        event.content_type,
        event.body.hex(),
        _at(event).isoformat(),
        event.school,
    )


def any_waiting(db: Db) -> bool:
    """Whether there is an event to take in hand; a look that takes no lock."""
    return db.execute(sa.select(inbox.c.id).where(inbox.c.started_at.is_(None)).limit(1)).first() is not None


def waiting(db: Db, limit: int) -> list[sa.Row[Any]]:
    """Events that nobody has taken in hand yet, oldest first, locked so that two processes take different ones."""
    return list(
        db.execute(
            sa.select(
                inbox.c.id,
                inbox.c.source,
                inbox.c.school,
                inbox.c.merchant_order_id,
                inbox.c.result_code,
                inbox.c.received_at,
            )
            .where(inbox.c.started_at.is_(None))
            .order_by(inbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def set_started(db: Db, event_ids: Mapping[int, str], now: datetime) -> None:
    """Mark events as taken in hand, each with what came of it."""
    for outcome in set(event_ids.values()):
        ids = [event_id for event_id, came in event_ids.items() if came == outcome]
        db.execute(sa.update(inbox).where(inbox.c.id.in_(ids)).values(started_at=now, outcome=outcome))


def reopen(db: Db, event_id: int) -> bool:
    """Have an event looked at again; False when there is none."""
    return db.execute(sa.update(inbox).where(inbox.c.id == event_id).values(started_at=None)).rowcount == 1


def find_event(db: Db, event_id: int) -> sa.Row[Any] | None:
    return db.execute(sa.select(inbox).where(inbox.c.id == event_id)).one_or_none()


def list_events(db: Db, *, merchant_order_id: str | None, limit: int) -> list[sa.Row[Any]]:
    query = sa.select(inbox).order_by(inbox.c.id.desc()).limit(limit)
    if merchant_order_id is not None:
        query = query.where(inbox.c.merchant_order_id == merchant_order_id)
    return list(db.execute(query))


def count_refusals(db: Db, refused: Mapping[str, int], now: datetime) -> None:
    """Add to this hour's counts of refused callbacks, by reason."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    insert = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(refusals)
    rows = [{"hour": hour, "reason": reason, "count": count} for reason, count in sorted(refused.items())]
    statement = insert.values(rows)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=[refusals.c.hour, refusals.c.reason],
            set_={"count": refusals.c.count + statement.excluded.count},
        )
    )


def refused_since(db: Db, since: datetime) -> dict[str, int]:
    rows = db.execute(
        sa.select(refusals.c.reason, sa.func.sum(refusals.c.count))
        .where(refusals.c.hour >= since)
        .group_by(refusals.c.reason)
    )
    return {reason: int(count) for reason, count in rows}
