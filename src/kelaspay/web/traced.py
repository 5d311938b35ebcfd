"""Traces requests to the API, and goes on with the trace of a caller who sent a `traceparent`. There only where traces
are asked for; pages and callbacks are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.tracing import STATUS, Kind
from kelaspay.web.counted import METHODS, NO_ROUTE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from kelaspay.tracing import Tracing

OURS = ("/api/", "/payment/", "/courses")
SERVER_ERROR = 500


class Traced:
    """Pure ASGI. A span is named by its route; an address may tell whose order it is."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(OURS):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        known = {"http.request.method": method}
        with self._tracing.span(method, known, parent=_traceparent(scope), kind=Kind.SERVER) as span:

            async def heard(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.tell({STATUS: message["status"]})
                    if message["status"] >= SERVER_ERROR:
                        span.failed(str(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, heard)
            finally:
                route = getattr(scope.get("route"), "path", NO_ROUTE)
                span.called(f"{method} {route}")
                span.tell({"http.route": route})


def _traceparent(scope: Scope) -> str | None:
    given = [value for name, value in scope["headers"] if name == b"traceparent"]
    return given[0].decode("latin-1") if len(given) == 1 else None
