"""How many requests a minute one API key may make, for all processes together where there is Redis. While Redis is lost
each process counts for itself: a caller is never refused because of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from throttled import MemoryStore, RedisStore, Throttled, per_min

from kelaspay.api_faults import TooManyRequests
from kelaspay.spared_redis import SparedRedis

if TYPE_CHECKING:
    from throttled import RateLimitResult

BURST_SHARE = 6
"""A minute's requests may come in so many rushes; between them they are spaced."""


class Turnstile:
    def __init__(self, rate: int, store: RedisStore | None) -> None:
        self._rate = rate
        self._local = self._limiter(MemoryStore())
        self._shared = None if store is None else SparedRedis(self._limiter(store), "turnstile")

    def enter(self, key: str) -> None:
        """Count a request of this key. Raises `TooManyRequests` with the seconds to wait."""
        result = self._counted(key)
        if result.limited:
            raise TooManyRequests(wait=max(1.0, result.state.retry_after))

    def _counted(self, key: str) -> RateLimitResult:
        shared = None if self._shared is None else self._shared.ask(lambda limiter: limiter.limit(key), otherwise=None)
        return shared or self._local.limit(key)

    def _limiter(self, store: MemoryStore | RedisStore) -> Throttled:
        quota = per_min(self._rate, burst=max(1, self._rate // BURST_SHARE))
        return Throttled(using="gcra", quota=quota, store=store, key_prefix="kelaspay:api")
