"""What a working process does beside executing runs: it shows that it lives, hands kept events over, takes over from
the dead, and reconciles. Several processes share this; each job has one leader at a time.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay import __version__
from kelaspay.attempt import Waits, attempt
from kelaspay.callback import BATCH, hand_over
from kelaspay.catalogue import sync_all
from kelaspay.faults import DatabaseUnavailable, Fault
from kelaspay.reconcile import reconcile
from kelaspay.retention import Keep, tidy
from kelaspay.store import executors, jobs
from kelaspay.tracing import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.inbox import Inbox
    from kelaspay.payment import MerchantOrderId
    from kelaspay.schools import Schools
    from kelaspay.store.database import Database
    from kelaspay.tracing import Tracing
    from kelaspay.work.engine import Engine

log = structlog.get_logger()

BEAT_SECONDS = 3.0
DEAD_SECONDS = 15.0
"""A process not heard of for so long is dead, or must act as if it were."""
HAND_OVER_SECONDS = 0.2
RUSH_BATCH = 1
"""Events handed over at once while callbacks rush in: on SQLite each keeps the next commit waiting for two or three
milliseconds.
"""
RUSH_SHARE = 100
"""While callbacks rush in, handing over gets one part in so many of the time, and that share of them meets it. That
is still some four orders a second, six times what Thinkific allows a school.
"""
SWEEP_SECONDS = 4.0
FLUSH_SECONDS = 5.0
HOUR = 3600.0
DAY = 86_400.0
KEEP_RUNS_SECONDS = 7 * DAY
LONGEST_SPACING = 3600.0
MOST_DOUBLINGS = 32
"""Of the spacing: long past the longest, and nothing that a float cannot hold."""


@dataclass(slots=True)
class Loop:
    """A function called again and again in a thread of its own, until told to stop."""

    name: str
    seconds: float
    body: Callable[[], None]

    def run(self, stopped: threading.Event, woken: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self.body()
            except DatabaseUnavailable as fault:
                log.warning("loop_waits", loop=self.name, fault=fault.code())
                stopped.wait(1.0)
            except Fault as fault:
                log.warning("loop_failed", loop=self.name, fault=fault.code())
            except Exception:
                log.exception("defect", loop=self.name)
                stopped.wait(1.0)
            woken.wait(self.seconds)
            woken.clear()


class Worker:
    """The loops of one process. With `works=False` it only hands events over and shows that it lives."""

    def __init__(
        self,
        *,
        database: Database,
        schools: Schools,
        now: Callable[[], datetime],
        engine: Engine,
        inbox: Inbox | None,
        waits: Waits,
        reconcile_seconds: float,
        works: bool,
        keep: Keep,
        living: Callable[[int], None] = lambda _count: None,
        tracing: Tracing = UNTRACED,
    ) -> None:
        """`living` is told how many processes work, at each heartbeat."""
        self._database = database
        self._schools = schools
        self._now = now
        self._engine = engine
        self._inbox = inbox
        self._waits = waits
        self._works = works
        self._keep = keep
        self._living_are = living
        self._tracing = tracing
        self._stopped = threading.Event()
        self._made_at = time.monotonic()
        self._last_beat = 0.0
        self._quiet_until = 0.0
        self._woken: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._loops = [
            Loop("beat", BEAT_SECONDS, self._beat),
            Loop("hand_over", HAND_OVER_SECONDS, self._hand_over),
            Loop("flush", FLUSH_SECONDS, self._flush),
        ]
        if works:
            self._loops += [
                Loop("sweep", SWEEP_SECONDS, self._sweep),
                Loop("reconcile", reconcile_seconds, self._reconcile),
                Loop("forget", DAY / 24, self._forget),
                Loop("catalogue", HOUR, self._sync),
            ]

    def start(self) -> None:
        self._beat()
        if self._works:
            self._engine.launch(self._perform)
        for loop in self._loops:
            woken = self._woken[loop.name] = threading.Event()
            thread = threading.Thread(target=loop.run, args=(self._stopped, woken), name=loop.name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        """An event was kept: hand it over at once."""
        woken = self._woken.get("hand_over")
        if woken is not None:
            woken.set()

    def stop(self) -> None:
        """Stop the loops, give runs under way a little time, and say goodbye."""
        self._stopped.set()
        for woken in self._woken.values():
            woken.set()
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._engine.close()
        try:
            with self._database.begin() as db:
                executors.say_goodbye(db, self._engine.executor_id)
        except DatabaseUnavailable:
            log.warning("goodbye_not_said")

    def _perform(self, merchant_order_id: MerchantOrderId, run: int, holder: str) -> None:
        attempt(
            merchant_order_id,
            run,
            holder=holder,
            database=self._database,
            school_of=self._schools.of,
            now=self._now,
            waits=self._waits,
            step=logged_step,
            start=self._engine.start,
            enqueue=self._engine.enqueue,
            tracing=self._tracing,
        )

    def _beat(self) -> None:
        with self._database.telling(), self._database.begin() as db:
            executors.beat(db, self._engine.executor_id, __version__, works=self._works)
            self._living_are(max(1, len(executors.fresh(db, DEAD_SECONDS, working=True))))
        gap = time.monotonic() - self._last_beat
        if self._last_beat and gap > 3 * BEAT_SECONDS:
            # the database was away, or we were: everybody's beats are old, and old beats prove nothing for a while
            self._quiet_until = time.monotonic() + DEAD_SECONDS
        self._last_beat = time.monotonic()

    def _hand_over(self) -> None:
        """Hand over what waits. In a rush the work comes second: a payment's place at Thinkific is a minute away then,
        and Duitku waits for an answer now.
        """
        while not self._stopped.is_set():
            began = time.monotonic()
            rushed = self._inbox is not None and self._inbox.rushed()
            limit = RUSH_BATCH if rushed else BATCH
            handed = hand_over(
                database=self._database,
                start=self._engine.start,
                now=self._now,
                spacing=partial(spacing, self._waits.confirm),
                tracing=self._tracing,
                limit=limit,
            )
            if handed:
                self._engine.hurry()
            if rushed:
                self._stopped.wait(RUSH_SHARE * (time.monotonic() - began))
            if handed < limit:
                return  # what came meanwhile has rung for itself

    def _flush(self) -> None:
        if self._inbox is not None:
            self._inbox.flush_refusals()

    def _sweep(self) -> None:
        if self._doubtful() or not self._leads("sweep", 3 * SWEEP_SECONDS):
            return
        dead = self._engine.hand_on(self._living)
        with self._database.begin() as db:
            jobs.release_of(db, dead)
            executors.forget_dead(db, DAY)

    def _doubtful(self) -> bool:
        """Whether old heartbeats prove nothing now: ours is old too, or was until a moment ago."""
        now = time.monotonic()
        return now < self._quiet_until or now - self._last_beat > 3 * BEAT_SECONDS

    def _living(self) -> set[str]:
        with self._database.read() as db:
            return executors.fresh(db, DEAD_SECONDS)

    def _reconcile(self) -> None:
        if not self._leads("reconcile", 60.0):
            return
        reconcile(
            database=self._database,
            school_of=self._schools.of,
            start=self._engine.start,
            enqueue=self._engine.enqueue,
            alive=self._engine.alive,
            now=self._now,
        )

    def _sync(self) -> None:
        """Copy the catalogue, each hour; not at the start, when what waits comes first."""
        if time.monotonic() - self._made_at >= HOUR and self._leads("catalogue", HOUR / 2):
            sync_all(self._schools.selling(), self._schools.of)

    def _forget(self) -> None:
        if self._leads("forget", DAY / 24):
            while self._engine.forget_done(KEEP_RUNS_SECONDS) and not self._stopped.is_set():
                pass
            tidy(database=self._database, keep=self._keep, now=self._now)

    def _leads(self, what: str, seconds: float) -> bool:
        with self._database.begin() as db:
            return executors.take_lease(db, what, self._engine.executor_id, seconds)


def spacing(first: float, asks: int) -> float:
    """Seconds between two asks of a payment that was asked so often, which double from the `first` to an hour."""
    return min(first * 2.0 ** min(max(0, asks - 1), MOST_DOUBLINGS), LONGEST_SPACING)


def logged_step(name: str, function: Callable[[], Any]) -> Any:
    """Run a step and note how long it took."""
    began = time.monotonic()
    try:
        return function()
    finally:
        log.debug("step", step=name, seconds=round(time.monotonic() - began, 3))
