"""The engine's twin for tests: a queue in a table of the same database, worked on the test's clock.

What is enqueued is committed or undone with the rest of its transaction, and outlives the process, as with the engine.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.faults import DatabaseUnavailable, HeldElsewhere
from kelaspay.payment import MerchantOrderId
from kelaspay.store import jobs
from kelaspay.store.database import UtcDateTime
from kelaspay.tracing import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database, Db
    from kelaspay.tracing import Tracing

HELD_SECONDS = 5.0
"""How long a run waits that another process holds."""

queue = sa.Table(
    "twin_queue",
    sa.MetaData(),
    sa.Column("merchant_order_id", sa.Text, primary_key=True),
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("executor_id", sa.Text),
)
DUE = (
    sa.select(queue)
    .where(queue.c.executor_id.is_(None), queue.c.due_at <= sa.bindparam("now"))
    .order_by(queue.c.due_at, queue.c.merchant_order_id, queue.c.run)
)
MAKE_QUEUE = sa.schema.CreateTable(queue, if_not_exists=True)


class TwinEngine:
    """Keeps runs and performs those that are due when it is told to."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        perform: Callable[[MerchantOrderId, int, str], None],
        executor_id: str = "twin",
        tracing: Tracing = UNTRACED,
    ) -> None:
        self._database = database
        self._clock = clock
        self._perform = perform
        self.executor_id = executor_id
        self._tracing = tracing

    def enqueue(self, db: Db, merchant_order_id: MerchantOrderId, run: int, seconds: float) -> None:
        due_at = self._clock() + timedelta(seconds=max(0.0, seconds))
        db.execute(sa.insert(queue).values(merchant_order_id=merchant_order_id, run=run, due_at=due_at))

    def start(self, db: Db, merchant_order_id: MerchantOrderId, wake_at: datetime) -> int | None:
        run = jobs.start_run(db, merchant_order_id, wake_at, self._tracing.here())
        if run is not None:
            self.enqueue(db, merchant_order_id, run, (wake_at - self._clock()).total_seconds())
        return run

    def alive(self, runs: list[tuple[MerchantOrderId, int]]) -> set[MerchantOrderId]:
        with self._database.read() as db:
            there = {(row.merchant_order_id, row.run) for row in db.execute(sa.select(queue))}
        return {order_id for order_id, run in runs if (order_id, run) in there}

    def next_due(self) -> datetime | None:
        """When the next run is due that nobody has."""
        with self._database.read() as db:
            return db.execute(sa.select(sa.func.min(queue.c.due_at)).where(queue.c.executor_id.is_(None))).scalar()

    def run_due(self) -> int:
        """Perform all that is due; returned is how many runs ended."""
        ended = 0
        for order_id, run in self._due():
            with self._database.begin() as db:
                db.execute(sa.update(queue).where(*_is(order_id, run)).values(executor_id=self.executor_id))
            with suppress(HeldElsewhere, DatabaseUnavailable):
                self._perform(order_id, run, f"{self.executor_id}/1")
                ended += 1
                with self._database.begin() as db:
                    db.execute(sa.delete(queue).where(*_is(order_id, run)))
                continue
            self._put_back(order_id, run)
        return ended

    def hand_on(self, living: set[str]) -> set[str]:
        """Queue again what belongs to no living process; returned are the dead ones' ids."""
        with self._database.read() as db:
            taken = set(db.execute(sa.select(queue.c.executor_id).where(queue.c.executor_id.is_not(None))).scalars())
        dead = {str(executor_id) for executor_id in taken} - living
        if dead:
            with self._database.begin() as db:
                db.execute(sa.update(queue).where(queue.c.executor_id.in_(dead)).values(executor_id=None))
        return dead

    def forget(self, merchant_order_id: str) -> None:
        """Lose a payment's runs, as no engine should."""
        with self._database.begin() as db:
            db.execute(sa.delete(queue).where(queue.c.merchant_order_id == merchant_order_id))

    def _due(self) -> list[tuple[MerchantOrderId, int]]:
        with self._database.read() as db:
            rows = db.execute(DUE, {"now": self._clock()}).all()
        return [(MerchantOrderId(row.merchant_order_id), row.run) for row in rows]

    def _put_back(self, merchant_order_id: MerchantOrderId, run: int) -> None:
        due_at = self._clock() + timedelta(seconds=HELD_SECONDS)
        with self._database.begin() as db:
            db.execute(sa.update(queue).where(*_is(merchant_order_id, run)).values(executor_id=None, due_at=due_at))


def make_queue(database: Database) -> None:
    """The twin's table, once for each database."""
    with database.begin() as db:
        db.execute(MAKE_QUEUE)


def _is(merchant_order_id: str, run: int) -> tuple[sa.ColumnElement[bool], ...]:
    return queue.c.merchant_order_id == merchant_order_id, queue.c.run == run
