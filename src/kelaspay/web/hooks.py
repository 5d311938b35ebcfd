"""Where Duitku calls back. Kept short, for Duitku waits: read the body, verify it, keep it, answer.

A plain ASGI application beside the framework: no form parsing, no validation layer, nothing between the socket and
the inbox but the signature.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import structlog
from starlette.responses import PlainTextResponse

from kelaspay.callback import LARGEST_BODY, receive
from kelaspay.faults import CallbackTooLarge, Fault, NotConfigured, SourceRefused
from kelaspay.web.errors import fault_response, problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

    from kelaspay.duitku import Duitku
    from kelaspay.inbox import Inbox
    from kelaspay.settings import Network

log = structlog.get_logger()


class DuitkuHook:
    """The ASGI application behind `POST /webhooks/duitku`."""

    def __init__(
        self, *, duitku: Duitku | None, inbox: Inbox, now: Callable[[], datetime], allowed: tuple[Network, ...] | None
    ) -> None:
        self._duitku = duitku
        self._inbox = inbox
        self._now = now
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive_: Receive, send: Send) -> None:
        try:
            await self._take(scope, receive_)
        except Fault as fault:
            self._inbox.count_refusal(fault.code())
            log.warning("callback_refused", fault=fault.code())
            await fault_response(fault)(scope, receive_, send)
        else:
            await PlainTextResponse("OK")(scope, receive_, send)

    async def _take(self, scope: Scope, receive_: Receive) -> None:
        if self._duitku is None:
            raise NotConfigured("DUITKU_MERCHANT_CODE and DUITKU_API_KEY are not set.")
        if self._allowed is not None and not self._from_allowed(scope):
            raise SourceRefused
        body = await read_body(receive_)
        content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        await self._inbox.keep(receive(body, content_type, duitku=self._duitku, now=self._now()))

    def _from_allowed(self, scope: Scope) -> bool:
        """Whether the caller, or the client that a trusted proxy names, is one of those that may call."""
        host = (scope.get("client") or ("",))[0]
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        seen = getattr(address, "ipv4_mapped", None) or address
        return any(seen in network for network in self._allowed or ())


async def read_body(receive_: Receive) -> bytes:
    """The whole body; raises `CallbackTooLarge` as soon as it is known to be."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive_()
        if message["type"] != "http.request":
            return b""
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > LARGEST_BODY:
            raise CallbackTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


class OnlyPost:
    """Refuses other methods and passes POST on."""

    def __init__(self, app: DuitkuHook) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive_: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await self._app(scope, receive_, send)
            return
        response = problem(405, "method_not_allowed", "Method Not Allowed")
        response.headers["Allow"] = "POST"
        await response(scope, receive_, send)
