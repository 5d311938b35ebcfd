"""Which payments a buyer is looking at just now: their work goes before the rest's. In Redis where there is one, and in
this process otherwise; a lost Redis costs a buyer some seconds at the gate, no more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import redis
import structlog
from cachetools import TTLCache

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId

log = structlog.get_logger()

SECONDS = 60
"""How long after a look somebody is taken to be still waiting."""
PAUSE = 5.0
"""Seconds during which a Redis that failed is left alone, so that it slows nobody down."""
MOST_IN_PROCESS = 10_000


class Watching:
    """Remembers looks at a payment's status for a minute."""

    def __init__(self, cache: redis.Redis | None) -> None:
        self._cache = cache
        self._own: TTLCache[str, bool] = TTLCache(MOST_IN_PROCESS, SECONDS, timer=time.monotonic)
        self._paused_until = 0.0

    def seen(self, merchant_order_id: MerchantOrderId) -> None:
        """Somebody looked at how this payment stands."""
        if self._cache is None:
            self._own[merchant_order_id] = True
        elif time.monotonic() >= self._paused_until:
            try:
                self._cache.set(_key(merchant_order_id), "1", ex=SECONDS)
            except redis.RedisError:
                self._pause()

    def watched(self, merchant_order_id: MerchantOrderId) -> bool:
        """Whether somebody has looked within the last minute."""
        if self._cache is None:
            return merchant_order_id in self._own
        if time.monotonic() < self._paused_until:
            return False
        try:
            return bool(self._cache.exists(_key(merchant_order_id)))
        except redis.RedisError:
            self._pause()
            return False

    def _pause(self) -> None:
        log.warning("redis_lost", part="watching")
        self._paused_until = time.monotonic() + PAUSE


def _key(merchant_order_id: MerchantOrderId) -> str:
    return f"kelaspay:watching:{merchant_order_id}"
