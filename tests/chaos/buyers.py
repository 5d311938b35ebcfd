"""Buyers, many at once: each orders, insists with its Idempotency-Key until the order is made, and pays."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2

from tests.chaos.fleet import until
from tests.chaos.scene import CREATED

if TYPE_CHECKING:
    from tests.chaos.scene import Scene

INSIST_SECONDS = 0.5
THREADS = 6
BACKLOG = 150
"""So many may have paid without being in the course yet; then the others wait, or a slow machine would only gather."""


@dataclass
class Buyers:
    """So many buyers, a steady number a second; one who must insist holds up nobody."""

    scene: Scene
    count: int
    a_second: float
    orders: dict[int, str] = field(default_factory=dict)
    """Paid: buyer's number to merchant_order_id."""
    answers: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._due = [(index / self.a_second, index) for index in range(self.count)]
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._left = threading.Event()
        self._threads = [threading.Thread(target=self._buy, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether every order is made and paid in time; nobody buys any more afterwards."""
        done = self.reach(self.count, seconds)
        self.leave()
        return done

    def reach(self, count: int, seconds: float) -> bool:
        """Whether so many orders are made and paid in time."""
        return until(lambda: len(self.orders) >= count, seconds)

    def leave(self) -> None:
        self._left.set()
        for thread in self._threads:
            thread.join()

    def _buy(self) -> None:
        while not self._left.is_set():
            index = self._next()
            if index is None:
                self._left.wait(0.02)
            elif not self._bought(index):
                with self._lock:
                    heapq.heappush(self._due, (time.monotonic() - self._began + INSIST_SECONDS, index))

    def _next(self) -> int | None:
        if len(self.orders) - len(self.scene.thinkific.school.enrollments) > BACKLOG:
            return None
        with self._lock:
            if self._due and self._due[0][0] <= time.monotonic() - self._began:
                return heapq.heappop(self._due)[1]
            return None

    def _bought(self, index: int) -> bool:
        try:
            answer = self.scene.order(index)
        except httpx2.HTTPError:
            self.answers[0] += 1
            return False
        self.answers[answer.status_code] += 1
        if answer.status_code != CREATED:
            return False
        order_id = str(answer.json()["merchant_order_id"])
        self.scene.duitku.pay(order_id)
        self.orders[index] = order_id
        return True
