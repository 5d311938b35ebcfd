"""What every answer tells the browser: to run nothing strange, to leak no address, to keep nothing personal. A route
that says something else for itself is left to it.

Plain ASGI and the outermost, so that refusals carry it too. CORS is closed but for the few addresses that a shop's own
front end calls, and there open to the sites that EMBED_ORIGINS names; cookies are never sent along.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SAME, ANY = "same-origin", "cross-origin"
FOR_STRANGERS = frozenset({"/static/buy.js"})
"""What other sites' pages load: the buy button's script."""
YEAR = "max-age=31536000"
CALLED_FROM_PAGES = re.compile(r"/courses|/payment/[^/]+")
"""What a shop's own front end may call from its own origin."""


class Headers:
    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, headed)

    def _complete(self, headers: MutableHeaders, path: str) -> None:
        for name, value in ALWAYS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cross-Origin-Resource-Policy", ANY if path in FOR_STRANGERS else SAME)
        if self._https:
            headers.setdefault("Strict-Transport-Security", YEAR)


class Cors:
    """CORS for what pages may call; for all else there is none."""

    def __init__(self, app: ASGIApp, *, origins: list[str]) -> None:
        self._app = app
        self._open = CORSMiddleware(
            app,
            allow_origin_regex="|".join(pattern_of(origin) for origin in origins) or None,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "Idempotency-Key"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pages = scope["type"] == "http" and CALLED_FROM_PAGES.fullmatch(scope["path"])
        await (self._open if pages else self._app)(scope, receive, send)


def pattern_of(origin: str) -> str:
    """An expression for an origin, in which `*` stands for one or more labels of a host's name."""
    return re.escape(origin).replace(r"\*", r"[A-Za-z0-9.-]+")
