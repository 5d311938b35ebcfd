"""The one gate through which every call to a school's Thinkific API goes, for all processes together.

Thinkific allows a number of calls a minute and ten in flight (thinkific.md 6.1). The gate spaces calls evenly (GCRA
with a burst of one, in Redis where there is one), so that no window of sixty seconds exceeds the limit; a 429 closes it
for everyone until Thinkific opens again. Without Redis one process works, and the same holds in memory; while Redis is
lost each process takes its share.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis
import structlog
from throttled import MemoryStore, RedisStore, Throttled, per_min
from throttled.exceptions import BaseThrottledError

from kelaspay.faults import ThinkificBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger()

SPARE = 2
"""Calls a minute left unused: one for the window's edge, one for a counter that Redis lost."""
PATIENCE = 25.0
"""Seconds a caller waits for its turn before its work is put off."""
MOST_IN_FLIGHT = 10
URGENT_SECONDS = 1.0
"""How long one urgent caller's wish to go first is remembered."""
STEP = 0.05
"""Seconds between looks while others go first."""


class Gate:
    """Lets calls through, spaced, urgent ones first."""

    def __init__(
        self,
        name: str,
        rate: int,
        *,
        cache: redis.Redis | None = None,
        store: RedisStore | None = None,
    ) -> None:
        self._name = name
        self._rate = rate
        self._cache = cache
        self.processes = 1
        """How many working processes share the limit; kept up to date by the heartbeat."""
        self._local = MemoryStore()
        self._spaced = self._limiter(rate - SPARE, store or self._local)
        self._closed_until = 0.0
        self._urgent_until = 0.0
        self._in_flight = 0
        self._changed = threading.Condition()
        self.redis_lost = False

    @contextmanager
    def turn(self, *, urgent: bool) -> Iterator[None]:
        """Wait for a turn and hold a place in flight for as long as the body runs; urgent callers go first.

        Raises `ThinkificBusy` when none came within `PATIENCE` seconds.
        """
        deadline = time.monotonic() + PATIENCE
        self._enter(deadline)
        try:
            self._wait(deadline, urgent=urgent)
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify()

    def close(self, until: float) -> None:
        """Let nobody through before `until` (epoch seconds); every process hears of it."""
        self._closed_until = max(self._closed_until, until)
        milliseconds = int((until - time.time()) * 1000)
        if self._cache is not None and milliseconds > 0:
            self._asked(lambda cache: cache.set(f"{self._name}:closed", str(until), px=milliseconds))

    def closed_for(self) -> float:
        """Seconds until calls may go again; 0 while they may."""
        return max(0.0, self._closed() - time.time())

    def _enter(self, deadline: float) -> None:
        with self._changed:
            while self._in_flight >= max(1, MOST_IN_FLIGHT // self.processes):
                if not self._changed.wait(timeout=max(0.0, deadline - time.monotonic())):
                    raise ThinkificBusy(wait=STEP)
            self._in_flight += 1

    def _wait(self, deadline: float, *, urgent: bool) -> None:
        while True:
            wait = self._before_turn(urgent=urgent)
            if wait <= 0:
                return
            if time.monotonic() + wait > deadline:
                raise ThinkificBusy(wait=wait)
            time.sleep(wait)

    def _before_turn(self, *, urgent: bool) -> float:
        """Seconds to wait before trying again; 0 when this call may go."""
        if (closed := self._closed() - time.time()) > 0:
            return closed + random.uniform(0, STEP)  # noqa: S311 - spreads callers, guards nothing
        if not urgent and self._urgent_waiting():
            return STEP
        result = self._spaced_limit()
        if result <= 0:
            return 0.0
        if urgent:
            self._say_urgent()
        return result

    def _spaced_limit(self) -> float:
        try:
            result = self._spaced.limit(self._name)
            self._found_redis()
        except (redis.RedisError, BaseThrottledError):
            self._lost_redis()
            share = max(1, (self._rate - SPARE) // self.processes)
            result = self._limiter(share, self._local).limit(self._name)
        return result.state.retry_after if result.limited else 0.0

    def _closed(self) -> float:
        if self._cache is not None:
            shared = self._asked(lambda cache: cache.get(f"{self._name}:closed"))
            if shared:
                self._closed_until = max(self._closed_until, float(shared))
        return self._closed_until

    def _urgent_waiting(self) -> bool:
        if time.monotonic() < self._urgent_until:
            return True
        return self._cache is not None and bool(self._asked(lambda cache: cache.exists(f"{self._name}:urgent")))

    def _say_urgent(self) -> None:
        self._urgent_until = time.monotonic() + URGENT_SECONDS
        if self._cache is not None:
            self._asked(lambda cache: cache.set(f"{self._name}:urgent", "1", px=int(URGENT_SECONDS * 1000)))

    def _asked(self, ask: Callable[[redis.Redis], object]) -> str | None:
        if self._cache is None or self.redis_lost:
            return None
        try:
            answer = ask(self._cache)
        except redis.RedisError:
            self._lost_redis()
            return None
        return None if answer is None else answer.decode() if isinstance(answer, bytes) else str(answer or "")

    def _lost_redis(self) -> None:
        if not self.redis_lost:
            log.warning("redis_lost", part="gate")
        self.redis_lost = True

    def _found_redis(self) -> None:
        if self.redis_lost and self._cache is not None:
            log.info("redis_found", part="gate")
        self.redis_lost = False

    @staticmethod
    def _limiter(rate: int, store: MemoryStore | RedisStore) -> Throttled:
        return Throttled(using="gcra", quota=per_min(rate, burst=1), store=store, key_prefix="kelaspay")
