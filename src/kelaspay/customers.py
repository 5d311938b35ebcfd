"""Customer data in Redis, in front of the database. The database is the record: a lost Redis costs a query, no more."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from cachetools import TLRUCache

from kelaspay.faults import PaymentUnknown
from kelaspay.payment import Customer
from kelaspay.spared_redis import SparedRedis
from kelaspay.store import payments

if TYPE_CHECKING:
    import redis

    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Database

MOST_IN_PROCESS = 10_000


class Customers:
    """Remembers who pays for what. Without Redis the cache is this process's own."""

    def __init__(self, database: Database, cache: redis.Redis | None) -> None:
        self._database = database
        self._cache = None if cache is None else SparedRedis(cache, "customers")
        self._own: TLRUCache[str, tuple[Customer, float]] = TLRUCache(
            maxsize=MOST_IN_PROCESS, ttu=lambda _key, value, now: now + value[1], timer=time.monotonic
        )
        self._lock = threading.Lock()
        """Around it: two threads at once break what it is made of."""

    def remember(self, merchant_order_id: MerchantOrderId, customer: Customer, seconds: int) -> None:
        """Keep the customer at hand for `seconds`, which should end after the invoice has."""
        if self._cache is None:
            with self._lock:
                self._own[merchant_order_id] = (customer, float(seconds))
        else:
            value = json.dumps(asdict(customer))
            self._cache.ask(lambda cache: cache.set(_key(merchant_order_id), value, ex=seconds), otherwise=None)

    def recall(self, merchant_order_id: MerchantOrderId) -> Customer:
        """Who pays for this order; raises `PaymentUnknown`."""
        return self._cached(merchant_order_id) or self._kept(merchant_order_id)

    def forget(self, merchant_order_id: MerchantOrderId) -> bool:
        """Keep nothing at hand of whom the database no longer knows; False where that could not be made sure of."""
        if self._cache is None:
            with self._lock:
                self._own.pop(merchant_order_id, None)
            return True
        return self._cache.ask(lambda cache: cache.delete(_key(merchant_order_id)), otherwise=None) is not None

    def _cached(self, merchant_order_id: MerchantOrderId) -> Customer | None:
        if self._cache is None:
            with self._lock:
                customer, _seconds = self._own.get(merchant_order_id, (None, 0.0))
            return customer
        found = self._cache.ask(lambda cache: cache.get(_key(merchant_order_id)), otherwise=None)
        try:
            return Customer(**json.loads(found)) if isinstance(found, bytes | str) else None
        except (ValueError, TypeError):  # garbled
            return None

    def _kept(self, merchant_order_id: MerchantOrderId) -> Customer:
        with self._database.read() as db:
            customer = payments.find_customer(db, merchant_order_id)
        if customer is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        return customer


def _key(merchant_order_id: MerchantOrderId) -> str:
    return f"kelaspay:customer:{merchant_order_id}"
