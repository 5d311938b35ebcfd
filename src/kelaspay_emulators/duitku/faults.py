"""Faults that a test orders in advance: the next call of some path fails in the named way."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import httpx2
from werkzeug.wrappers import Response

from kelaspay_emulators.duitku.answers import JSON_TYPE, answer, message, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request

Kind = Literal[
    "503",
    "500-html",
    "500-json",
    "429",
    "403-html",
    "404-html",
    "200-html",
    "200-failed",
    "200-garbled",
    "timeout-before",
    "timeout-after",
    "connect",
]
KINDS: tuple[str, ...] = get_args(Kind)

_HTML = (
    "<!DOCTYPE html><html><head><title>Runtime Error</title></head>"
    "<body><h1>Server Error in '/' Application.</h1></body></html>"
)

_PAGES = {
    "503": (503, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
    "500-html": (500, _HTML),
    "200-html": (200, _HTML),
    "403-html": (403, "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"),
    "404-html": (404, "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"),
}
"""What stands in front of Duitku answers in its place."""


@dataclass(slots=True)
class Fault:
    path_part: str
    kind: str
    times: int


class Faults:
    """A small queue: the first fault that fits a path is used up by it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, path_part: str, kind: str, times: int = 1) -> None:
        if kind not in KINDS:
            raise ValueError(f"A fault is one of {', '.join(KINDS)}.")
        with self._lock:
            self._waiting.append(Fault(path_part.lower(), kind, times))

    def take(self, path: str) -> str | None:
        """The kind of fault this call meets, if any."""
        if not self._waiting:
            return None
        with self._lock:
            fault = next((each for each in self._waiting if each.path_part in path.lower()), None)
            if fault is None:
                return None
            fault.times -= 1
            if fault.times < 1:
                self._waiting.remove(fault)
            return fault.kind

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()


def broken(kind: str) -> Response:
    """The answer of a fault that answers at all."""
    if kind in _PAGES:
        status, body = _PAGES[kind]
        return page(body, status)
    if kind == "429":
        return message(429, "Too many requests.")
    if kind == "200-garbled":
        return garbled()
    if kind == "200-failed":
        return answer({"statusCode": "01", "statusMessage": "FAILED"})
    return message(500, "An error has occurred.")


def garbled() -> Response:
    """An answer that cannot be decoded: it says that it is packed, and is not."""
    return Response(b"not packed", 200, headers={"Content-Encoding": "gzip"}, content_type=JSON_TYPE)


def on_a_socket(request: Request) -> bool:
    """Whether the call came through a server rather than httpx2's WSGI transport, which names no server software."""
    return "SERVER_SOFTWARE" in request.environ


def fall_silent(request: Request, kind: str, hang_seconds: float) -> Response:
    """In process: what httpx2 raises when nobody answers. On a socket: silence until the caller goes or time is up."""
    if on_a_socket(request):
        _hang(request.environ.get("waitress.client_disconnected", lambda: False), hang_seconds)
        return Response(b"", 504)
    said = httpx2.Request(request.method, request.url)
    if kind == "connect":
        raise httpx2.ConnectError("Connection refused", request=said)
    raise httpx2.ReadTimeout("The read operation timed out", request=said)


def _hang(gone: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not gone():
        time.sleep(0.05)
