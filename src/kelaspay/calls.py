"""Every call to Duitku and Thinkific passes here, to be counted and timed. Calls are named by their path without ids;
nothing of what is sent or answered is looked at but the status and what Thinkific says is left of its limit.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from kelaspay.metrics import Metrics

THINKIFIC = "/api/public/v1/"
DUITKU = "/api/merchant/"
REFUSED, BUSY, ERROR = 400, 429, 500
WORD = re.compile(r"[a-z_]+")


class CountedClient(httpx2.Client):
    """The client that everybody shares."""

    def __init__(self, metrics: Metrics, **options: Any) -> None:
        super().__init__(**options)
        self._metrics = metrics

    def send(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        began = time.monotonic()
        try:
            response = super().send(request, **how)
        except httpx2.TransportError:
            self._count(request, "unreachable", time.monotonic() - began)
            raise
        self._count(request, result_of(response.status_code), time.monotonic() - began)
        left = response.headers.get("RateLimit-Remaining", "")
        if THINKIFIC in request.url.path and left.isascii() and left.isdigit():
            self._metrics.rate_left.set(int(left))
        return response

    def _count(self, request: httpx2.Request, result: str, seconds: float) -> None:
        path = request.url.path
        if DUITKU in path:
            self._metrics.duitku.labels(path.rpartition("/")[2], result).observe(seconds)
        elif THINKIFIC in path:
            self._metrics.thinkific.labels(named(request.method, path), result).inc()


def named(method: str, path: str) -> str:
    """A call to Thinkific without its ids, like `PUT /enrollments/{id}`."""
    parts = path.partition(THINKIFIC)[2].split("/")
    return f"{method} /{'/'.join(part if WORD.fullmatch(part) else '{id}' for part in parts)}"


def result_of(status: int) -> str:
    if status < REFUSED:
        return "ok"
    if status == BUSY:
        return "busy"
    return "refused" if status < ERROR else "error"
