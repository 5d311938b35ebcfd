"""Every call to Duitku and Thinkific passes here, to be counted and timed. Calls are counted by their path without ids.
One that is about a payment is told on, without what is secret or personal, to be kept for that payment's page.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx2

from kelaspay import masked
from kelaspay.store.calls import Call
from kelaspay.tracing import ORDER, STATUS, UNTRACED, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.metrics import Metrics
    from kelaspay.tracing import Tracing

THINKIFIC = "/api/public/v1/"
DUITKU = "/api/merchant/"
REFUSED, BUSY, ERROR = 400, 429, 500
WORD = re.compile(r"[a-z_]+")
ABOUT = "about"
"""The request's extension that names the payment it is about."""


class CountedClient(httpx2.Client):
    """The client that everybody shares."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        now: Callable[[], datetime],
        told: Callable[[Call], None],
        tracing: Tracing = UNTRACED,
        **options: Any,
    ) -> None:
        """`told` hears of every call that is about a payment, in the thread that made it."""
        super().__init__(**options)
        self._metrics = metrics
        self._now = now
        self._told = told
        self._tracing = tracing

    def send(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        name = spoken(request.method, request.url.path)
        if name is None or not self._tracing.on:
            return self._counted(request, **how)
        about = request.extensions.get(ABOUT)
        known = {"http.request.method": request.method} | ({ORDER: str(about)} if about else {})
        with self._tracing.span(name, known, kind=Kind.CLIENT) as span:
            response = self._counted(request, **how)
            span.tell({STATUS: response.status_code})
            if response.status_code >= REFUSED:
                span.failed(result_of(response.status_code))
            return response

    def _counted(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        began = time.monotonic()
        try:
            response = super().send(request, **how)
        except httpx2.RequestError as error:
            self._count(request, "unreachable", time.monotonic() - began)
            self._tell(request, None, type(error).__name__, time.monotonic() - began)
            raise
        self._count(request, result_of(response.status_code), time.monotonic() - began)
        if ABOUT in request.extensions:
            said = masked.body(response.content, response.headers.get("Content-Type", ""))
            self._tell(request, response.status_code, said, time.monotonic() - began)
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

    def _tell(self, request: httpx2.Request, status: int | None, answer: str | None, seconds: float) -> None:
        """Tell of a call about a payment; of its headers nothing, for keys and signatures stand there."""
        order_id = request.extensions.get(ABOUT)
        if order_id is None:
            return
        path = request.url.path
        self._told(
            Call(
                merchant_order_id=str(order_id),
                at=self._now(),
                whom="duitku" if DUITKU in path else "thinkific",
                method=request.method,
                path=masked.address(path, request.url.params.multi_items()),
                asked=masked.body(request.content, request.headers.get("Content-Type", "")),
                status=status,
                answer=answer,
                milliseconds=round(seconds * 1000),
            )
        )


def named(method: str, path: str) -> str:
    """A call to Thinkific without its ids, like `PUT /enrollments/{id}`."""
    parts = path.partition(THINKIFIC)[2].split("/")
    return f"{method} /{'/'.join(part if WORD.fullmatch(part) else '{id}' for part in parts)}"


def spoken(method: str, path: str) -> str | None:
    """A call by its name, like `Duitku transactionStatus` or `Thinkific PUT /users/{id}`; None for anybody else's."""
    if DUITKU in path:
        return f"Duitku {path.rpartition('/')[2]}"
    return f"Thinkific {named(method, path)}" if THINKIFIC in path else None


def result_of(status: int) -> str:
    if status < REFUSED:
        return "ok"
    if status == BUSY:
        return "busy"
    return "refused" if status < ERROR else "error"
