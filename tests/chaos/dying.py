"""Processes that can be told at which boundary to die: right before or right after a commit, right before a call leaves
or right after it had its effect. A dead process does nothing more; the next one starts on the same database.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.attempt import attempt
from kelaspay.callback import hand_over, receive
from kelaspay.checkout import Wanted, initiate
from kelaspay.customers import Customers
from kelaspay.idempotency import Answer, Asked, Turn, once
from kelaspay.outside import opened
from kelaspay.payment import MerchantOrderId
from kelaspay.reconcile import reconcile
from kelaspay.school import DEFAULT
from kelaspay.store import inbox, jobs
from kelaspay.store.database import Database
from kelaspay.store.program_tables import answers
from kelaspay.store.tables import jobs as jobs_table
from kelaspay.store.tables import metadata
from kelaspay.store.tables import payments as payments_table
from kelaspay.work.worker import spacing
from kelaspay_emulators.duitku import DuitkuEmulator
from kelaspay_emulators.thinkific import ThinkificEmulator
from tests.twin import TwinEngine, make_queue, queue
from tests.world import WAITS, Clock, Hosts, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import httpx2

    from kelaspay.outside import Outside
    from kelaspay.school import School
    from kelaspay.settings import Settings
    from kelaspay.store.database import Db

LAG = timedelta(minutes=3)
"""Longer than a run may be late before it is looked for."""
UNTIL_REPLACED = timedelta(seconds=20)
"""How long after a death the next process has noticed it."""
UNTIL_ASKED_AGAIN = timedelta(seconds=150)
"""How long a buyer waits who is told that the first request is still running."""


class Died(BaseException):
    """The process was killed."""


class Boundaries:
    """Counts the boundaries that are reached and kills whoever reaches one of `deaths` (counted from 1)."""

    def __init__(self, deaths: Iterable[int] = ()) -> None:
        self.reached: list[str] = []
        self._deaths = sorted(deaths)
        self._dead = False

    def reach(self, what: str) -> None:
        if self._dead:
            raise Died
        self.reached.append(what)
        if len(self.reached) in self._deaths:
            self._dead = True
            raise Died

    def live_again(self) -> None:
        self._dead = False


class DyingDatabase(Database):
    """The database as a process sees it that may die around each commit. It borrows its connections, which hold nothing
    once a transaction has ended.
    """

    def __init__(self, lasting: Database, boundaries: Boundaries) -> None:
        self.__dict__.update(vars(lasting))
        self._boundaries = boundaries

    @contextmanager
    def begin(self) -> Iterator[Db]:
        where = _caller()
        with super().begin() as db:
            yield db
            self._boundaries.reach(f"before the commit of {where}")
        self._boundaries.reach(f"after the commit of {where}")


class DyingHosts(Hosts):
    """The outside of a process that may die around each call."""

    def __init__(self, boundaries: Boundaries, duitku: DuitkuEmulator, thinkific: ThinkificEmulator) -> None:
        super().__init__(duitku=duitku, thinkific=thinkific)
        self._boundaries = boundaries

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        call = f"{request.method} {request.url.path}"
        self._boundaries.reach(f"before {call}")
        answer = super().handle_request(request)
        answer.read()
        self._boundaries.reach(f"after {call}")
        return answer


class Town:
    """What no process's death touches: both outside systems, the database, the clock."""

    def __init__(self, folder: Path, database_url: str, redis_url: str | None) -> None:
        self.clock = Clock()
        self.duitku = DuitkuEmulator(now=self.clock)
        self.thinkific = ThinkificEmulator(now=self.clock)
        self.thinkific.switches.rate = None
        self.settings: Settings = settings_for(folder, database_url, redis_url, self.thinkific)
        self.database = Database(database_url)

    def empty(self) -> None:
        """Forget every purchase, in the database and outside."""
        make_queue(self.database)
        with self.database.begin() as db:
            for table in (queue, *reversed(metadata.sorted_tables)):
                db.execute(sa.delete(table))
        self.clock = Clock()
        self.duitku = DuitkuEmulator(now=self.clock)
        self.thinkific = ThinkificEmulator(now=self.clock)
        self.thinkific.switches.rate = None

    def pass_time(self, by: timedelta) -> None:
        """Time passes here and on the database's clock, by which leases end."""
        self.clock.time += by
        seconds = by.total_seconds()
        ended = (
            sa.update(jobs_table).values(lease_until=jobs_table.c.lease_until - seconds),
            sa.update(payments_table).values(invoice_lease_until=payments_table.c.invoice_lease_until - seconds),
            sa.update(answers).values(lease_until=answers.c.lease_until - seconds),
        )
        with self.database.begin() as db:
            for statement in ended:
                db.execute(statement)


@dataclass
class Life:
    """One process from its start to its death: what it does for a buyer, Duitku, and by itself."""

    town: Town
    outside: Outside
    executor_id: str

    def __post_init__(self) -> None:
        self.engine = TwinEngine(self.outside.database, self.town.clock, self._perform, self.executor_id)

    def school_of(self, key: str = DEFAULT) -> School:
        """The school, working with what this process has open, which may die."""
        found = self.outside.schools.of(key)
        return replace(found, database=self.outside.database, customers=self.outside.customers)

    def initiate(self, wanted: Wanted, key: str) -> MerchantOrderId:
        """The order that a request with this key made, by this life or an earlier one."""

        def act(turn: Turn) -> Answer:
            made = initiate(
                wanted,
                turn=turn,
                database=self.outside.database,
                customers=self.outside.customers,
                school_of=self.school_of,
                urls=self.outside.urls,
                start=self.engine.start,
                now=self.town.clock,
            )
            with self.outside.database.begin() as db:
                return turn.answered(db, 201, made.merchant_order_id)

        asked = Asked("checkout", key, wanted.digest())
        return MerchantOrderId(once(asked, act, database=self.outside.database, now=self.town.clock).body)

    def receive(self, body: bytes) -> None:
        """Take a callback in, as the inbox's writer does: what it is answered for is committed."""
        event = receive(body, "application/x-www-form-urlencoded", school=self.school_of(), now=self.town.clock())
        with self.outside.database.begin() as db:
            inbox.keep(db, [event])

    def work(self) -> None:
        """Take over from the dead, then do all there is to do, however long it takes."""
        self.take_over()
        while True:
            while self.hand_over() or self.engine.run_due():
                pass
            due = self.engine.next_due()
            if due is not None:
                self.town.pass_time(due - self.town.clock())
            elif not self.reconcile():
                return

    def take_over(self) -> None:
        dead = self.engine.hand_on({self.executor_id})
        if dead:
            with self.outside.database.begin() as db:
                jobs.release_of(db, dead)

    def hand_over(self) -> int:
        return hand_over(
            database=self.outside.database,
            start=self.engine.start,
            now=self.town.clock,
            spacing=partial(spacing, 5.0),
        )

    def reconcile(self) -> bool:
        self.town.pass_time(LAG)
        done = reconcile(
            database=self.outside.database,
            school_of=self.school_of,
            start=self.engine.start,
            enqueue=self.engine.enqueue,
            alive=self.engine.alive,
            now=self.town.clock,
        )
        return bool(done.restarted or done.paid)

    def _perform(self, order_id: MerchantOrderId, run: int, holder: str) -> None:
        attempt(
            order_id,
            run,
            holder=holder,
            database=self.outside.database,
            school_of=self.school_of,
            now=self.town.clock,
            waits=WAITS,
            step=lambda _name, function: function(),
            start=self.engine.start,
            enqueue=self.engine.enqueue,
        )


@contextmanager
def living(town: Town, boundaries: Boundaries, name: str) -> Iterator[Life]:
    """A process that lives until the body ends, or until it dies in it."""
    hosts = DyingHosts(boundaries, town.duitku, town.thinkific)
    with opened(town.settings, transport=hosts, now=town.clock) as outside:
        database = DyingDatabase(town.database, boundaries)
        yield Life(town, replace(outside, database=database, customers=Customers(database, outside.cache)), name)


def _caller() -> str:
    """The function of ours that opened the transaction."""
    frame = sys._getframe(2)  # noqa: SLF001 - names the boundary in a failing test's message
    while frame.f_back is not None and not frame.f_globals.get("__name__", "").startswith(("kelaspay.", "tests.")):
        frame = frame.f_back
    return frame.f_code.co_qualname
