"""The group commit in front of the inbox: events that wait at the same moment share one transaction.

One thread writes. A request hands its event over and waits for the commit that holds it; while a commit runs the next
events gather, so a burst is taken at the speed of the disk and nobody is answered before its event is on it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from kelaspay.faults import DatabaseUnavailable, EventNotKept, Fault, InboxUnavailable
from kelaspay.store import inbox
from kelaspay.store.database import translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database, Db
    from kelaspay.store.inbox import Event

log = structlog.get_logger()

LARGEST_GROUP = 256
PART = 32
"""Events after which a turn of the event loop lets the writer begin, so that one parses while the other commits."""
MOST_WAITING = 10_000
PATIENCE = 10.0
"""Seconds a request waits for its commit before it answers 503."""
LOOK_SECONDS = 1.0
RUSH = 4
"""Events in one commit that make it a rush."""
RUSH_SECONDS = 0.5
"""How long a rush is remembered."""


_Waiting = tuple["Event", "asyncio.Future[None]"]
"""An event, and what the request that brought it waits for."""


class _Desk:
    """Where one event loop leaves its events. What came in one turn of the loop is handed on together: a writer who is
    woken by the first of them fights the loop for the interpreter, and gets no others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, hand_on: Callable[[list[_Waiting]], None]) -> None:
        self.loop = loop
        self._hand_on = hand_on
        self._came: list[_Waiting] = []
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._set = False

    def leave(self, event: Event) -> asyncio.Future[None]:
        """Done when the event is kept, or not in time. All share one timer, which is late by a second at most: one each
        took longer to set and to take back than their signatures took to check.
        """
        kept = self.loop.create_future()
        if not self._came:
            self.loop.call_soon(self._hand_all_on)
        self._came.append((event, kept))
        if len(self._came) == PART:
            self._hand_all_on()
            time.sleep(0)  # lets go of the interpreter
        self._waiting.append((self.loop.time() + PATIENCE, kept))
        if not self._set:
            self._look()
        return kept

    def full(self) -> bool:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        return len(self._waiting) >= MOST_WAITING

    def _hand_all_on(self) -> None:
        came, self._came = self._came, []
        if came:
            self._hand_on(came)

    def _look(self) -> None:
        now = self.loop.time()
        while self._waiting and (self._waiting[0][0] <= now or self._waiting[0][1].done()):
            _answer_one(self._waiting.popleft()[1], InboxUnavailable())
        self._set = bool(self._waiting)
        if self._set:
            self.loop.call_later(LOOK_SECONDS, self._look)


def _answer(group: list[_Waiting], fault: Fault | None) -> None:
    """Tell the requests of a group; each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for _event, kept in group:
        loops.setdefault(kept.get_loop(), []).append(kept)
    for loop, those in loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_answer_all, those, fault)


def _answer_all(those: list[asyncio.Future[None]], fault: Fault | None) -> None:
    for kept in those:
        _answer_one(kept, fault)


def _answer_one(kept: asyncio.Future[None], fault: Fault | None) -> None:
    if kept.done():
        return
    if fault is None:
        kept.set_result(None)
    else:
        kept.set_exception(fault)


class Inbox:
    """Keeps events. `kept` is called after each commit, to wake whoever hands events over; `count` hears how many
    had which result, once for a group.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        kept: Callable[[], None] = lambda: None,
        count: Callable[[str, int], None] = lambda _result, _number: None,
    ) -> None:
        self._database = database
        self._now = now
        self._kept = kept
        self._count = count
        self._waiting: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._line: Db | None = None
        """Held from group to group, on PostgreSQL while callbacks rush in; the writer's alone."""
        self._rush_until = 0.0
        self._desk: _Desk | None = None
        """Of the event loop that asked last; there is one but in tests, and each sees its own through."""
        self._refused: Counter[tuple[str, str | None]] = Counter()
        self._refused_lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="inbox", daemon=True)
        self._thread.start()

    async def keep(self, event: Event) -> None:
        """Return when the event is on disk; raises `InboxUnavailable` when it cannot be kept just now.

        Keeping the same event again changes nothing but its count.
        """
        loop = asyncio.get_running_loop()
        if self._desk is None or self._desk.loop is not loop:
            self._desk = _Desk(loop, self._waiting.put)
        if self._desk.full():
            raise InboxUnavailable
        await self._desk.leave(event)

    def rushed(self) -> bool:
        """Whether events come in faster than one at a time: who can wait does, for the sake of who waits for us."""
        return time.monotonic() < self._rush_until

    def count_refusal(self, reason: str, school: str | None = None) -> None:
        """Count a callback that was refused, also for the school that its address named, where it did; nothing of it is
        kept. Written to the database by `flush_refusals`.
        """
        with self._refused_lock:
            self._refused[reason, school] += 1
        self._count(reason, 1)

    def flush_refusals(self) -> None:
        with self._refused_lock:
            refused, self._refused = self._refused, Counter()
        if refused:
            with self._database.begin() as db:
                inbox.count_refusals(db, refused, self._now())

    def close(self) -> None:
        """Write what waits and stop."""
        self._waiting.put(None)
        self._thread.join(timeout=PATIENCE)

    def _write(self) -> None:
        while (group := self._gather()) is not None:
            if len(group) >= RUSH:
                self._rush_until = time.monotonic() + RUSH_SECONDS
            fault = self._commit(group)
            if fault is not None and not fault.outage and len(group) > 1:
                for waiting in group:  # one event that cannot be kept must not take the others with it
                    self._done([waiting], self._commit([waiting]))
            else:
                self._done(group, fault)
            if self._database.postgresql and self._waiting.empty():  # its connections are few, and break
                self._hang_up()
            self._kept()
        self._hang_up()

    def _done(self, group: list[_Waiting], fault: Fault | None) -> None:
        """Answer first, then count."""
        _answer(group, fault)
        if fault is None:
            self._count("kept", len(group))

    def _commit(self, group: list[_Waiting]) -> Fault | None:
        """Keep a group's events in one transaction; the fault when that failed."""
        try:
            with self._database.telling(), self._database.turn(), translated():
                self._line = self._line or self._database.line()
                inbox.keep(self._line, [event for event, _kept in group])
        except DatabaseUnavailable:
            log.warning("inbox_unavailable")
            self._hang_up()
            return InboxUnavailable()
        except Exception as error:  # noqa: BLE001 - the one writer must outlive every error; the requests hear of it
            log.error("event_not_kept", error=type(error).__name__)  # noqa: TRY400 - the text may hold a body
            self._hang_up()
            return EventNotKept()
        return None

    def _hang_up(self) -> None:
        """Give the connection back; a broken one is not used again, and an idle one is tried before it is."""
        if self._line is not None:
            with suppress(Exception):
                self._line.close()
            self._line = None

    def _gather(self) -> list[_Waiting] | None:
        """All that waits now, at least one; None when it is time to stop."""
        first = self._waiting.get()
        if first is None:
            return None
        group = first
        while len(group) < LARGEST_GROUP:
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._waiting.put(None)
                break
            group += more
        return group
