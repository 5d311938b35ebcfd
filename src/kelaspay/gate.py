"""The one gate through which every call to a school's Thinkific API goes, for all processes together.

Thinkific allows a number of calls a minute and ten in flight (thinkific.md 6.1). The gate spaces calls evenly (GCRA
in Redis, where there is one), so that no window of sixty seconds exceeds the limit; a 429 closes it
for everyone until Thinkific opens again. Without Redis one process works, and the same holds in memory; while Redis is
lost each process takes its share.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import redis
import structlog
from throttled import MemoryStore, RedisStore, Throttled, per_min
from throttled.exceptions import BaseThrottledError

from kelaspay.faults import ThinkificBusy, TurnMissed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

log = structlog.get_logger()

SPARE = 2
"""Calls a minute left unused at the least: one for the second of a burst, one for a counter that Redis lost."""
SPARE_SHARE = 0.025
"""The same of a higher limit: calls that arrive late pile up in a later window, the more of them the more there are."""
BURST = 2
"""A caller that wakes late may be followed at once, or the limit would never be used up."""
PATIENCE = 25.0
"""Seconds a caller waits for its turn before its work is put off."""
MOST_IN_FLIGHT = 10
URGENT_SECONDS = 1.0
"""How long one urgent caller's wish to go first is remembered."""
MINUTE = 60
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
        self._rate = rate - max(SPARE, int(rate * SPARE_SHARE))
        self._cache = cache
        self.processes = 1
        """How many working processes share the limit; kept up to date by the heartbeat."""
        self._local = MemoryStore()
        self._spaced = self._limiter(self._rate, store or self._local, BURST)
        self._closed_until = 0.0
        self._urgent_until = 0.0
        self._limit = rate
        self._made: Counter[int] = Counter()
        self._in_flight = 0
        self._lock = threading.Lock()
        self._shut = threading.Event()
        self.redis_lost = False

    @contextmanager
    def turn(self, *, urgent: bool) -> Iterator[None]:
        """Wait for a turn and hold a place in flight for as long as the body runs; urgent callers go first.

        Raises `TurnMissed` when none came within `PATIENCE` seconds, `ThinkificBusy` when none will.
        """
        self._wait(time.monotonic() + PATIENCE, urgent=urgent)
        try:
            self._count()
            yield
        finally:
            self._leave()

    def shut(self) -> None:
        """Let nobody through any more and send away whoever waits: the process stops."""
        self._shut.set()

    def close(self, until: float) -> None:
        """Let nobody through before `until` (epoch seconds); every process hears of it."""
        seconds = until - time.time()
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)
        if seconds > 0:
            span = max(1, int(seconds * 1000))
            self._asked(lambda cache: cache.set(f"{self._name}:closed", "1", px=span), otherwise=None)

    def closed_for(self) -> float:
        """Seconds until calls may go again; 0 while they may."""
        return max(0.0, self._closed())

    def left(self) -> int:
        """How many calls the limit leaves for this minute, as all processes count theirs: Thinkific itself says it only
        when nothing is left (thinkific.md 6.1).
        """
        if self.closed_for() > 0:
            return 0
        minute, second = divmod(time.time(), MINUTE)
        used = self._used(int(minute)) + round(self._used(int(minute) - 1) * (1 - second / MINUTE))
        return max(0, self._limit - used)

    def _used(self, minute: int) -> int:
        told = self._asked(lambda cache: cache.get(f"{self._name}:used:{minute}"), otherwise=None)
        return max(int(told or 0), self._made[minute])

    def _count(self) -> None:
        minute = int(time.time() // MINUTE)
        with self._lock:
            self._made = Counter({each: self._made[each] for each in (minute - 1, minute)})
            self._made[minute] += 1
        self._asked(lambda cache: _count_in(cache, f"{self._name}:used:{minute}"), otherwise=None)

    def _enter(self) -> bool:
        """Take a place in flight; False where this process's share is taken."""
        with self._lock:
            free = self._in_flight < max(1, MOST_IN_FLIGHT // self.processes)
            self._in_flight += free
            return free

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1

    def _wait(self, deadline: float, *, urgent: bool) -> None:
        wait = 0.0
        while not self._shut.wait(wait):
            wait = self._before_turn(urgent=urgent)
            if wait <= 0:
                return
            if time.monotonic() + wait > deadline:
                raise (ThinkificBusy if self._closed_until > time.monotonic() else TurnMissed)(wait=wait)
        raise TurnMissed(wait=STEP)

    def _before_turn(self, *, urgent: bool) -> float:
        """Seconds to wait before trying again; 0 when this call may go, and has its place. Who waits holds none, or the
        urgent could not go past.
        """
        closed, urgent_waiting = self._signs()
        if closed > 0:
            return closed + random.uniform(0, STEP)  # noqa: S311 - spreads callers, guards nothing
        if not urgent and urgent_waiting:
            return STEP
        wait = STEP
        if self._enter():
            try:
                wait = self._spaced_limit()
            finally:
                if wait > 0:
                    self._leave()
        if urgent and wait > 0:
            self._say_urgent()
        return wait

    def _spaced_limit(self) -> float:
        try:
            result = self._spaced.limit(self._name)
            self._found_redis()
        except (redis.RedisError, BaseThrottledError):  # asked anew at the next call: to others all of it is theirs
            self._lost_redis()
            share = max(1, self._rate // self.processes)
            result = self._limiter(share, self._local).limit(self._name)
        return result.state.retry_after if result.limited else 0.0

    def _closed(self) -> float:
        """Seconds until it opens; 0 or less while it is open."""
        return self._signs()[0]

    def _signs(self) -> tuple[float, bool]:
        """Seconds until it opens, and whether somebody urgent waits: one round trip, for it is asked before every call.

        When it opens is kept as a span and not as a time of day: no machine's clock can hold it shut.
        """
        milliseconds, urgent = self._asked(self._look, otherwise=(0, 0))
        now = time.monotonic()
        self._closed_until = max(self._closed_until, now + milliseconds / 1000)
        return self._closed_until - now, bool(urgent) or now < self._urgent_until

    def _look(self, cache: redis.Redis) -> tuple[int, int]:
        with cache.pipeline(transaction=False) as asked:
            asked.pttl(f"{self._name}:closed")
            asked.exists(f"{self._name}:urgent")
            milliseconds, urgent = asked.execute()
        return milliseconds, urgent

    def _say_urgent(self) -> None:
        self._urgent_until = time.monotonic() + URGENT_SECONDS
        span = int(URGENT_SECONDS * 1000)
        self._asked(lambda cache: cache.set(f"{self._name}:urgent", "1", px=span), otherwise=None)

    def _asked(self, ask: Callable[[redis.Redis], T], *, otherwise: T) -> T:
        """What Redis answers, or what holds where it cannot be asked."""
        if self._cache is None or self.redis_lost:
            return otherwise
        try:
            return ask(self._cache)
        except redis.RedisError:
            self._lost_redis()
            return otherwise

    def _lost_redis(self) -> None:
        if not self.redis_lost:
            log.warning("redis_lost", part="gate")
        self.redis_lost = True

    def _found_redis(self) -> None:
        if self.redis_lost and self._cache is not None:
            log.info("redis_found", part="gate")
        self.redis_lost = False

    @staticmethod
    def _limiter(rate: int, store: MemoryStore | RedisStore, burst: int = 1) -> Throttled:
        return Throttled(using="gcra", quota=per_min(rate, burst=burst), store=store, key_prefix="kelaspay")


def _count_in(cache: redis.Redis, name: str) -> None:
    """One more, in one round trip."""
    with cache.pipeline(transaction=False) as asked:
        asked.incr(name)
        asked.expire(name, 3 * MINUTE)
        asked.execute()
