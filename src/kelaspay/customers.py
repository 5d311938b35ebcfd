"""Customer data in Redis, in front of the database. The database is the record: a lost Redis costs a query, no more."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import redis
import structlog
from cachetools import TLRUCache

from kelaspay.faults import PaymentUnknown
from kelaspay.payment import Customer
from kelaspay.store import payments

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Database

log = structlog.get_logger()

PAUSE = 5.0
"""Seconds during which a Redis that failed is left alone, so that it slows nobody down."""
MOST_IN_PROCESS = 10_000


class Customers:
    """Remembers who pays for what. Without Redis the cache is this process's own."""

    def __init__(self, database: Database, cache: redis.Redis | None) -> None:
        self._database = database
        self._cache = cache
        self._own: TLRUCache[str, tuple[Customer, float]] = TLRUCache(
            maxsize=MOST_IN_PROCESS, ttu=lambda _key, value, now: now + value[1], timer=time.monotonic
        )
        self._paused_until = 0.0

    def remember(self, merchant_order_id: MerchantOrderId, customer: Customer, seconds: int) -> None:
        """Keep the customer at hand for `seconds`, which should end after the invoice has."""
        if self._cache is None:
            self._own[merchant_order_id] = (customer, float(seconds))
        elif self._redis_answers():
            try:
                self._cache.set(_key(merchant_order_id), json.dumps(asdict(customer)), ex=seconds)
            except redis.RedisError:
                self._pause()

    def recall(self, merchant_order_id: MerchantOrderId) -> Customer:
        """Who pays for this order; raises `PaymentUnknown`."""
        return self._cached(merchant_order_id) or self._kept(merchant_order_id)

    def forget(self, merchant_order_id: MerchantOrderId) -> bool:
        """Keep nothing at hand of whom the database no longer knows; False where that could not be made sure of."""
        if self._cache is None:
            self._own.pop(merchant_order_id, None)
            return True
        if not self._redis_answers():
            return False
        try:
            self._cache.delete(_key(merchant_order_id))
        except redis.RedisError:
            self._pause()
            return False
        return True

    def _cached(self, merchant_order_id: MerchantOrderId) -> Customer | None:
        if self._cache is None:
            customer, _seconds = self._own.get(merchant_order_id, (None, 0.0))
            return customer
        if not self._redis_answers():
            return None
        try:
            found = self._cache.get(_key(merchant_order_id))
            return Customer(**json.loads(found)) if isinstance(found, bytes | str) else None
        except (redis.RedisError, ValueError, TypeError):
            self._pause()
            return None

    def _kept(self, merchant_order_id: MerchantOrderId) -> Customer:
        with self._database.read() as db:
            customer = payments.find_customer(db, merchant_order_id)
        if customer is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        return customer

    def _redis_answers(self) -> bool:
        return time.monotonic() >= self._paused_until

    def _pause(self) -> None:
        log.warning("redis_lost", part="customers")
        self._paused_until = time.monotonic() + PAUSE


def _key(merchant_order_id: MerchantOrderId) -> str:
    return f"kelaspay:customer:{merchant_order_id}"
