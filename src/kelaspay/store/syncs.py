"""How far the copy of a school's catalogue is that an operator asked for, for whoever looks, in whichever process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.database import database_clock
from kelaspay.store.operator_tables import syncs
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


@dataclass(frozen=True, slots=True)
class Sync:
    """The latest copy of one school's: under way, finished, ended by a fault, or broken off with its process."""

    started_at: datetime
    seen: int
    """Products so far."""
    unreadable: int
    """Products that could not be read, once it is finished."""
    finished_at: datetime | None
    fault: str | None
    under_way: bool

    @property
    def broken_off(self) -> bool:
        return self.finished_at is None and not self.under_way


def claim_sync(db: Db, school: str, now: datetime, lease: float) -> bool:
    """Begin one; False while another is under way."""
    insert = upsert(db, syncs)
    values = {"started_at": now, "seen": 0, "unreadable": 0, "finished_at": None, "fault": None}
    fresh = values | {"lease_until": database_clock() + lease}
    taken = insert.values(school=school, **fresh).on_conflict_do_update(
        index_elements=[syncs.c.school],
        set_=fresh,
        where=sa.or_(syncs.c.lease_until.is_(None), syncs.c.lease_until < database_clock()),
    )
    return bool(db.execute(taken.returning(syncs.c.school)).all())


def note_seen(db: Db, school: str, seen: int, lease: float) -> None:
    its = sa.update(syncs).where(syncs.c.school == school)
    db.execute(its.values(seen=seen, lease_until=database_clock() + lease))


def finish_sync(
    db: Db, school: str, now: datetime, *, seen: int, unreadable: int = 0, fault: str | None = None
) -> None:
    its = sa.update(syncs).where(syncs.c.school == school)
    db.execute(its.values(seen=seen, unreadable=unreadable, finished_at=now, fault=fault, lease_until=None))


def find_sync(db: Db, school: str) -> Sync | None:
    held = sa.func.coalesce(syncs.c.lease_until >= database_clock(), sa.false()).label("held")
    columns = (syncs.c.started_at, syncs.c.seen, syncs.c.unreadable, syncs.c.finished_at, syncs.c.fault)
    row = db.execute(sa.select(*columns, held).where(syncs.c.school == school)).one_or_none()
    if row is None:
        return None
    return Sync(row.started_at, row.seen, row.unreadable, row.finished_at, row.fault, bool(row.held))
