"""The channels a buyer may choose from: what Duitku lists for the amount, without those that would refuse it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from cachetools import TTLCache

from kelaspay.duitku import CHANNELS, LOWEST, expiry_period
from kelaspay.faults import DuitkuBusy, DuitkuUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.duitku import Duitku
    from kelaspay.payment import Payment, Rupiah

log = structlog.get_logger()

FRESH_SECONDS = 600.0
KEPT_SECONDS = 86_400.0
MOST_AMOUNTS = 1000
GROUPS = ("qris", "va", "ewallet", "retail", "card", "paylater", "ebanking", "ecommerce")
"""In the order in which they are shown."""
HIGHEST = {"qris": 10_000_000, "retail": 5_000_000, "ewallet": 20_000_000}
HIGHEST_OTHERWISE = 50_000_000


@dataclass(frozen=True, slots=True)
class Method:
    """A channel with what it costs the buyer on top."""

    code: str
    name: str
    group: str
    fee: Rupiah


class Methods:
    """Asks Duitku once in a while and remembers; what it said before is better than nothing while it is away."""

    def __init__(self, duitku: Duitku, now: Callable[[], datetime]) -> None:
        self._duitku = duitku
        self._now = now
        self._lock = threading.Lock()
        self._kept: TTLCache[int, tuple[float, list[Method]]] = TTLCache(MOST_AMOUNTS, KEPT_SECONDS)

    def for_amount(self, amount: Rupiah) -> list[Method]:
        """Grouped channels that take this amount. Raises Duitku's faults when nothing is known yet."""
        with self._lock:
            asked_at, kept = self._kept.get(amount, (0.0, None))
        if kept is not None and time.monotonic() - asked_at < FRESH_SECONDS:
            return kept
        try:
            found = self._ask(amount)
        except (DuitkuUnavailable, DuitkuBusy):
            if kept is None:
                raise
            log.warning("payment_methods_stale")
            return kept
        with self._lock:
            self._kept[amount] = (time.monotonic(), found)
        return found

    def _ask(self, amount: Rupiah) -> list[Method]:
        listed = self._duitku.payment_methods(amount, now=self._now())
        found = [
            Method(
                each.payment_method,
                CHANNELS[each.payment_method].name,
                CHANNELS[each.payment_method].group,
                each.total_fee,
            )
            for each in listed
            if each.payment_method in CHANNELS and takes(each.payment_method, amount)
        ]
        return sorted(found, key=lambda method: GROUPS.index(method.group))


def invoice_end(payment: Payment, invoice: Any) -> datetime:
    """Until when a number from `invoices` can be paid: its channel's time, and never longer than the order."""
    made_at: datetime = invoice.made_at
    return min(payment.expires_at, made_at + timedelta(minutes=expiry_period(invoice.payment_method)))


def takes(code: str, amount: int) -> bool:
    """Whether a channel takes this amount, as far as its limits are known."""
    group = CHANNELS[code].group
    lowest = 1 if group == "qris" else LOWEST
    return lowest <= amount <= HIGHEST.get(group, HIGHEST_OTHERWISE)
