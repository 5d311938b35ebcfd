"""Where Duitku and Thinkific call. Kept short, for they wait: read the body, verify it, keep it, answer.

Plain ASGI applications beside the framework: no form parsing, no validation layer, nothing between the socket and the
inbox but the signature.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import structlog
from anyio.to_thread import run_sync
from starlette.routing import Route

from kelaspay import callback, webhook
from kelaspay.faults import CallbackTooLarge, Fault, NotConfigured, SourceRefused
from kelaspay.school import DEFAULT, School
from kelaspay.store.inbox import Event
from kelaspay.tracing import ORDER, Kind
from kelaspay.web.errors import SERVER_ERROR, fault_response, problem

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr
    from starlette.applications import Starlette
    from starlette.types import Message, Receive, Scope, Send

    from kelaspay.inbox import Inbox
    from kelaspay.schools import Schools
    from kelaspay.settings import Network, Settings
    from kelaspay.tracing import Tracing

log = structlog.get_logger()

OK: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-length", b"2"),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
    ],
}
OK_BODY: Message = {"type": "http.response.body", "body": b"OK"}

THREADS = 8
"""Of their own, so that a callback waits for nobody who waits for Duitku."""

OF_SCHOOL = "kelaspay.school"
"""Where a request's scope says which school its address named."""

Read = Callable[["Scope", bytes], Event]
"""What a request tells, verified; raises the fault to answer with."""


class Hook:
    """The ASGI application of one caller: 200 once its event is on disk, the fault otherwise."""

    def __init__(self, read: Read, inbox: Inbox, *, threads: anyio.CapacityLimiter | None = None) -> None:
        """`threads` where `read` asks the database."""
        self._read = read
        self._inbox = inbox
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            response = problem(405, "method_not_allowed", "Method Not Allowed")
            response.headers["Allow"] = "POST"
            await response(scope, receive, send)
            return
        try:
            body = await read_body(receive)
            event = await self._event(scope, body)
            await self._inbox.keep(event)
        except Fault as fault:
            self._inbox.count_refusal(fault.code(), scope.get(OF_SCHOOL))
            request_id = secrets.token_hex(8)
            log.warning("callback_refused", fault=fault.code(), request_id=request_id)
            await fault_response(fault, request_id)(scope, receive, send)
        else:
            await send(OK)
            await send(OK_BODY)

    async def _event(self, scope: Scope, body: bytes) -> Event:
        if self._threads is None:
            return self._read(scope, body)
        return await run_sync(self._read, scope, body, limiter=self._threads)


class Front:
    """The web application with its hooks in front of it: a call that is one of theirs passes no middleware and no
    router, everything else goes on to `app`.
    """

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._hooks = {
            route.path: route.app
            for route in app.router.routes
            if isinstance(route, Route) and isinstance(route.app, Hook)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hook = self._hooks.get(scope["path"]) if scope["type"] == "http" else None
        if hook is None:
            await self._app(scope, receive, send)
            return
        try:
            await hook(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the outermost: the caller gets an answer and comes again
            log.error("defect", path=scope["path"], error=type(error).__name__)  # noqa: TRY400 - its text may hold a body
            await problem(SERVER_ERROR, "defect", "Something went wrong on our side.")(scope, receive, send)


Find = Callable[["Scope"], School]
"""The school that a request is about. Raises `NotConfigured` or `SchoolUnknown`."""


def duitku_reader(find: Find, allowed: tuple[Network, ...] | None, now: Callable[[], datetime]) -> Read:
    """Reads a school's callbacks from Duitku, from the `allowed` networks or, for None, from anywhere."""

    def read(scope: Scope, body: bytes) -> Event:
        school = find(scope)
        if allowed is not None and not _within(scope, allowed):
            raise SourceRefused
        return callback.receive(body, _header(scope, b"content-type"), school=school, now=now())

    return read


def thinkific_reader(keys_of: Callable[[Scope], tuple[str, list[SecretStr]]], now: Callable[[], datetime]) -> Read:
    """Reads Thinkific's webhooks. `keys_of` gives the school's key, and what they may be signed with."""

    def read(scope: Scope, body: bytes) -> Event:
        school, keys = keys_of(scope)
        if not keys:
            raise NotConfigured("Neither THINKIFIC_API_KEY nor THINKIFIC_CLIENT_SECRET is set.")
        signature = _header(scope, webhook.SIGNATURE.encode())
        return webhook.receive(body, signature, keys=keys, school=school, now=now())

    return read


def traced(read: Read, name: str, tracing: Tracing) -> Read:
    """`read` within the first span of a trace. A `traceparent` that the caller sent is not looked at: it would put
    a payment into a trace of theirs.
    """

    def read_within(scope: Scope, body: bytes) -> Event:
        with tracing.span(name, kind=Kind.SERVER) as span:
            event = read(scope, body)
            if event.merchant_order_id is not None:
                span.tell({ORDER: event.merchant_order_id})
            return event._replace(traceparent=tracing.here())

    return read_within if tracing.on else read


def hooks_of(
    schools: Schools, inbox: Inbox, settings: Settings, now: Callable[[], datetime], tracing: Tracing
) -> list[Route]:
    """Every address that Duitku and Thinkific call. Only the environment's school is known without asking the
    database; the others are looked up in a thread, so that nobody else's callback waits for that.
    """

    def default(scope: Scope) -> School:
        if schools.default is None:
            raise NotConfigured("DUITKU_MERCHANT_CODE and DUITKU_API_KEY are not set.")
        scope[OF_SCHOOL] = DEFAULT
        return schools.default

    def named(scope: Scope) -> School:
        school = schools.called_back_at(scope["path_params"]["callback_path"])
        scope[OF_SCHOOL] = school.key
        return school

    def keys_of_named(scope: Scope) -> tuple[str, list[SecretStr]]:
        school = named(scope)
        return school.key, schools.webhook_keys(school.key)

    keys = schools.webhook_keys()
    allowed = settings.duitku_networks

    def duitku(find: Find) -> Read:
        return traced(duitku_reader(find, allowed, now), "callback", tracing)

    def thinkific(keys_of: Callable[[Scope], tuple[str, list[SecretStr]]]) -> Read:
        return traced(thinkific_reader(keys_of, now), "Thinkific webhook", tracing)

    threads = anyio.CapacityLimiter(THREADS)
    made = {
        "/webhooks/duitku": Hook(duitku(default), inbox),
        "/webhooks/thinkific": Hook(thinkific(lambda _scope: (DEFAULT, keys)), inbox),
        "/webhooks/duitku/{callback_path}": Hook(duitku(named), inbox, threads=threads),
        "/webhooks/thinkific/{callback_path}": Hook(thinkific(keys_of_named), inbox, threads=threads),
    }
    return [Route(path, hook) for path, hook in made.items()]


async def read_body(receive: Receive) -> bytes:
    """The whole body; raises `CallbackTooLarge` as soon as it is known to be."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > callback.LARGEST_BODY:
            raise CallbackTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _header(scope: Scope, name: bytes) -> str:
    for given, value in scope["headers"]:
        if given == name:
            return bytes(value).decode("latin-1")
    return ""


def _within(scope: Scope, allowed: tuple[Network, ...]) -> bool:
    """Whether the caller, or the client that a trusted proxy names, is one of those that may call."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    seen = getattr(address, "ipv4_mapped", None) or address
    return any(seen in network for network in allowed)
