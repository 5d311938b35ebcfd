"""Which payments a buyer is looking at just now: their work goes before the rest's. In Redis where there is one, and in
this process otherwise; a lost Redis costs a buyer some seconds at the gate, no more.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cachetools import TTLCache

from kelaspay.spared_redis import SparedRedis

if TYPE_CHECKING:
    import redis

    from kelaspay.payment import MerchantOrderId

SECONDS = 60
"""How long after a look somebody is taken to be still waiting."""
MOST_IN_PROCESS = 10_000


class Watching:
    """Remembers looks at a payment's status for a minute."""

    def __init__(self, cache: redis.Redis | None) -> None:
        self._cache = None if cache is None else SparedRedis(cache, "watching")
        self._own: TTLCache[str, bool] = TTLCache(MOST_IN_PROCESS, SECONDS, timer=time.monotonic)
        self._lock = threading.Lock()
        """Around it: two threads at once break what it is made of."""

    def seen(self, merchant_order_id: MerchantOrderId) -> None:
        """Somebody looked at how this payment stands."""
        if self._cache is None:
            with self._lock:
                self._own[merchant_order_id] = True
        else:
            self._cache.ask(lambda cache: cache.set(_key(merchant_order_id), "1", ex=SECONDS), otherwise=None)

    def watched(self, merchant_order_id: MerchantOrderId) -> bool:
        """Whether somebody has looked within the last minute."""
        if self._cache is None:
            with self._lock:
                return merchant_order_id in self._own
        return bool(self._cache.ask(lambda cache: cache.exists(_key(merchant_order_id)), otherwise=0))


def _key(merchant_order_id: MerchantOrderId) -> str:
    return f"kelaspay:watching:{merchant_order_id}"
