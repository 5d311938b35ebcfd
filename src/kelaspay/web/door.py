"""What every request but a callback passes first: it gets a name, and its body must come whole, small and in time.

Plain ASGI, so that a body is refused before anything reads it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from structlog.contextvars import bound_contextvars

from kelaspay.api_faults import BodyTooLarge, BodyTooSlow
from kelaspay.web.errors import REQUEST_ID, fault_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 256 * 1024
BODY_SECONDS = 15.0
"""From the first byte asked for to the last one there."""
WELL_FORMED = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""A request id of the caller's that is taken over; any other is replaced by one of ours."""
CALLBACKS = "/webhooks/"
"""They have a limit of their own, and wait for nothing."""


class Door:
    def __init__(self, app: ASGIApp, *, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with bound_contextvars(request_id=request_id):
            if scope["path"].startswith(CALLBACKS):
                await self._app(scope, receive, named)
                return
            try:
                body = await self._body(scope, receive)
            except (BodyTooLarge, BodyTooSlow) as fault:
                response = fault_response(fault, request_id)
                response.headers["Connection"] = "close"
                await response(scope, receive, named)
                return
            await self._app(scope, _again(body, receive), named)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises `BodyTooLarge` as soon as that is known, `BodyTooSlow`."""
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > LARGEST_BODY:
            raise BodyTooLarge
        if not length and not _header(scope, b"transfer-encoding"):
            return b""
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _read(receive)
        except TimeoutError:
            raise BodyTooSlow from None


def request_id_of(scope: Scope) -> str:
    """The caller's name for this request where it is well formed, or a fresh one."""
    given = _header(scope, REQUEST_ID.lower().encode())
    return given.decode() if WELL_FORMED.fullmatch(given) else secrets.token_hex(8)


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BODY:
            raise BodyTooLarge
        more = message.get("more_body", False)
    return b"".join(chunks)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and after it whatever the server says."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def given() -> Message:
        return whole.pop() if whole else await receive()

    return given


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for given, value in scope["headers"] if given == name), b"")
