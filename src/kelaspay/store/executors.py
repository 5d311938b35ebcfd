"""Which processes are alive, by heartbeats and leases on the database's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.database import database_clock
from kelaspay.store.tables import executors, leases
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from kelaspay.store.database import Db


def beat(db: Db, executor_id: str, version: str, *, works: bool) -> None:
    """Say that this process is alive."""
    insert = upsert(db, executors)
    db.execute(
        insert.values(
            executor_id=executor_id,
            version=version,
            works=works,
            started_at=database_clock(),
            beat_at=database_clock(),
        ).on_conflict_do_update(index_elements=[executors.c.executor_id], set_={"beat_at": database_clock()})
    )


def fresh(db: Db, seconds: float, *, working: bool = False) -> set[str]:
    """The processes that were alive `seconds` ago or since."""
    query = sa.select(executors.c.executor_id).where(executors.c.beat_at > database_clock() - seconds)
    return set(db.execute(query.where(executors.c.works) if working else query).scalars())


def say_goodbye(db: Db, executor_id: str) -> None:
    db.execute(sa.delete(executors).where(executors.c.executor_id == executor_id))


def forget_dead(db: Db, seconds: float) -> None:
    """Delete heartbeats that ended more than `seconds` ago."""
    db.execute(sa.delete(executors).where(executors.c.beat_at < database_clock() - seconds))


def take_lease(db: Db, name: str, holder: str, seconds: float) -> bool:
    """Be the one that does `name` for the next `seconds`; whoever has it may take it again."""
    insert = upsert(db, leases)
    values = {"holder": holder, "until": database_clock() + seconds}
    taken = insert.values(name=name, **values).on_conflict_do_update(
        index_elements=[leases.c.name],
        set_=values,
        where=sa.or_(leases.c.holder == holder, leases.c.until < database_clock()),
    )
    return bool(db.execute(taken.returning(leases.c.name)).all())
