"""What Prometheus sees of this process, and of the database that it shares with the others.

Counters and histograms are this process's own: add them up over all processes. Gauges are read from the database when
somebody looks, so they are the same everywhere: take the greatest. One `Metrics` a process, made with everything else
outside; nothing here is global.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kelaspay.faults import DatabaseUnavailable
from kelaspay.store import standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client import Metric

    from kelaspay.store.database import Database
    from kelaspay.store.standing import Standing

KEEP_SECONDS = 5.0
"""How old what was read from the database may be: many who look cost no more than one."""
ENROLLED = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600, 21_600, 86_400)
CALL = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
REQUEST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

STANDING = {
    "paid_not_enrolled": "Payments that are paid and whose buyer is not in the course.",
    "oldest_paid_not_enrolled_seconds": "Since when the longest waiting of them has been paid; 0 when there is none.",
    "jobs_waiting": "Payments whose work is due or under way.",
    "oldest_job_seconds": "Since when the longest waiting of them has been due.",
    "events_waiting": "Callbacks and webhooks that were kept and not taken in hand yet.",
    "messages_waiting": "Messages to buyers that are due and not sent.",
    "messages_failed": "Messages to buyers that could not be sent.",
    "deliveries_waiting": "Webhook deliveries that are due or will be tried again.",
    "deliveries_failed": "Webhook deliveries that were given up.",
    "endpoints_disabled": "Webhook endpoints that were disabled because they were gone or failed for days.",
    "needing_attention": "Payments that a person should look at.",
}
"""The gauges that are read from the database, without their prefix."""


class Metrics:
    """Everything that is counted."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.registry = registry = CollectorRegistry()
        self.callbacks = Counter(
            "kelaspay_callbacks",
            "Callbacks and webhooks that came in, by result.",
            ["result"],
            registry=registry,
        )
        self.enrolled = Histogram(
            "kelaspay_paid_to_enrolled_seconds",
            "From the moment that we knew of the money to the buyer's being in the course.",
            buckets=ENROLLED,
            registry=registry,
        )
        self.thinkific = Counter(
            "kelaspay_thinkific_calls", "Calls to Thinkific, by result.", ["call", "result"], registry=registry
        )
        self.rate_left = Gauge(
            "kelaspay_thinkific_rate_left", "Calls that Thinkific's last answer says are left.", registry=registry
        )
        self.duitku = Histogram(
            "kelaspay_duitku_seconds", "How long Duitku took.", ["call", "result"], buckets=CALL, registry=registry
        )
        self.webhooks = Counter(
            "kelaspay_webhook_attempts", "Attempts to deliver a webhook, by result.", ["result"], registry=registry
        )
        self.requests = Counter(
            "kelaspay_http_requests",
            "Requests but for callbacks, by route and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "kelaspay_http_request_seconds", "How long requests took.", ["route"], buckets=REQUEST, registry=registry
        )
        registry.register(Standings(database, now))

    def callback(self, result: str, count: int) -> None:
        """So many callbacks had this result; called once for a whole group of them."""
        self.callbacks.labels(result).inc(count)

    def webhook(self, result: str) -> None:
        self.webhooks.labels(result).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class Standings(Collector):
    """Reads the gauges from the database when somebody looks, at most once in `KEEP_SECONDS`."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._kept: Standing | None = None
        self._until = 0.0

    def describe(self) -> Iterator[Metric]:
        """The names alone: registering must not ask the database."""
        yield from (GaugeMetricFamily(f"kelaspay_{name}", text) for name, text in STANDING.items())
        yield GaugeMetricFamily("kelaspay_database_up", "Whether the database answers.")

    def collect(self) -> Iterator[Metric]:
        found = self._read()
        yield GaugeMetricFamily("kelaspay_database_up", "Whether the database answers.", value=found is not None)
        if found is not None:
            for name, text in STANDING.items():
                yield GaugeMetricFamily(f"kelaspay_{name}", text, value=getattr(found, name))

    def _read(self) -> Standing | None:
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    with self._database.read() as db:
                        self._kept = standing.read(db, self._now())
                except DatabaseUnavailable:
                    self._kept = None
                self._until = time.monotonic() + KEEP_SECONDS
            return self._kept
