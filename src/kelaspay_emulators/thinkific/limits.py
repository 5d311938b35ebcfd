"""Thinkific's limits for one school: 120 requests in any minute and ten at a time (thinkific.md 6.1)."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.switches import Switches

WINDOW = timedelta(seconds=60)


def too_many(reset: datetime, switches: Switches) -> Response:
    """RateLimit-Reset in epoch milliseconds, or seconds, and no Retry-After."""
    refused = error(429, "Rate limit exceeded")
    refused.headers["RateLimit-Reset"] = str(round(reset.timestamp() * (1000 if switches.reset_in == "ms" else 1)))
    return refused


@dataclass(slots=True)
class _Gauge:
    arrivals: deque[datetime] = field(default_factory=deque)
    in_flight: int = 0


class Limits:
    def __init__(self, switches: Switches, now: Callable[[], datetime]) -> None:
        self._switches = switches
        self._now = now
        self._gauges: defaultdict[str, _Gauge] = defaultdict(_Gauge)
        self._lock = threading.Lock()

    @contextmanager
    def admitted(self, subdomain: str) -> Iterator[None]:
        """Counts one request of a school while it runs, or refuses it with 429; a refused one is not counted."""
        with self._lock:
            gauge = self._gauges[subdomain]
            self._refuse_excess(gauge)
            gauge.arrivals.append(self._now())
            gauge.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                gauge.in_flight -= 1

    def _refuse_excess(self, gauge: _Gauge) -> None:
        now = self._now()
        while gauge.arrivals and gauge.arrivals[0] <= now - WINDOW:
            gauge.arrivals.popleft()
        if self._switches.rate is not None and len(gauge.arrivals) >= self._switches.rate:
            reset = gauge.arrivals[0] + WINDOW if gauge.arrivals else now + WINDOW
            raise RefusedError(too_many(reset, self._switches))
        if self._switches.in_flight is not None and gauge.in_flight >= self._switches.in_flight:
            raise RefusedError(too_many(now + timedelta(seconds=1), self._switches))
