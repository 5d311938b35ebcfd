"""Faults on demand: the next matching requests fail in a named way, before or after their effect."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2

from kelaspay_emulators.thinkific.answers import NO_PERMISSION, PLAN, authentication_error, error, errors, html
from kelaspay_emulators.thinkific.limits import too_many

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.thinkific.switches import Switches

CLOUDFLARE = {
    "520": "Web server is returning an unknown error",
    "521": "Web server is down",
    "522": "Connection timed out",
    "523": "Origin is unreachable",
    "524": "A timeout occurred",
    "525": "SSL handshake failed",
    "526": "Invalid SSL certificate",
    "527": "Railgun error",
    "530": "Origin DNS error",
}
KINDS = frozenset({
    *CLOUDFLARE,
    "500",
    "502",
    "503",
    "504",
    "429",
    "401",
    "401-client",
    "403",
    "403-plan",
    "403-scope",
    "404",
    "422",
    "timeout-before",
    "timeout-after",
    "garbled-after",
    "connect",
})  # fmt: skip


@dataclass(slots=True)
class Fault:
    method: str
    path_part: str
    kind: str
    times: int

    def concerns(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in {"*", method} and self.path_part in path


class Faults:
    def __init__(self, switches: Switches, now: Callable[[], datetime]) -> None:
        self._switches = switches
        self._now = now
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, method: str, path_part: str, kind: str, times: int) -> None:
        if kind not in KINDS:
            raise ValueError(f"No fault is called {kind}.")
        with self._lock:
            self._waiting.append(Fault(method.upper(), path_part, kind, times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> str | None:
        """The kind of the first fault that concerns this request, used up by one."""
        with self._lock:
            for fault in self._waiting:
                if fault.concerns(method, path):
                    fault.times -= 1
                    self._waiting = [each for each in self._waiting if each.times > 0]
                    return fault.kind
        return None

    def befall(self, kind: str, request: Request, effect: Callable[[], Response]) -> Response:
        """Answer, or fail to answer, as the kind says."""
        if kind == "connect":
            return self._refuse_connection(request)
        if kind == "timeout-before":
            return self._hang(request, cloudflare("524"))
        if kind == "timeout-after":
            return self._hang(request, effect())
        if kind == "garbled-after":
            return garbled(effect())
        return self._refusal(kind, request.path)

    def _refuse_connection(self, request: Request) -> Response:
        if in_process(request):
            raise httpx2.ConnectError("Connection refused, as the test wished.")
        return cloudflare("521")

    def _hang(self, request: Request, late: Response) -> Response:
        if in_process(request):
            raise httpx2.ReadTimeout("No answer in time, as the test wished.")
        time.sleep(self._switches.hang_seconds)
        return late

    def _refusal(self, kind: str, path: str) -> Response:
        if kind in CLOUDFLARE:
            return cloudflare(kind)
        if kind == "422":
            return errors(["Course could not be found."] if "/enrollments" in path else {"base": ["is invalid"]})
        refusals: dict[str, Callable[[], Response]] = {
            "401": authentication_error,
            "401-client": lambda: error(401, "invalid_client"),
            "403": blocked,
            "403-plan": lambda: error(403, PLAN),
            "403-scope": lambda: error(403, NO_PERMISSION),
            "404": lambda: error(404, "Record not found."),
            "429": lambda: too_many(self._now() + timedelta(seconds=1), self._switches),
            "500": lambda: error(500, "Internal Server Error"),
        }
        return refusals.get(kind, lambda: html(_edge_page(kind, "The service is unavailable"), int(kind)))()


def in_process(request: Request) -> bool:
    """No server between client and emulator: then an exception reaches the caller as the network's would."""
    return "SERVER_SOFTWARE" not in request.environ and "REMOTE_PORT" not in request.environ


def garbled(response: Response) -> Response:
    """It says that it is packed, and is not: whoever reads it cannot decode it."""
    response.headers["Content-Encoding"] = "gzip"
    return response


def cloudflare(kind: str) -> Response:
    refused = html(_edge_page(kind, CLOUDFLARE[kind]), int(kind))
    refused.headers["Server"] = "cloudflare"
    return refused


def blocked() -> Response:
    """What the edge says to a request without a User-Agent (thinkific.md 6.3)."""
    refused = html(_edge_page("1010", "Access denied"), 403)
    refused.headers["Server"] = "cloudflare"
    return refused


def _edge_page(code: str, text: str) -> str:
    return (
        "<!DOCTYPE html><html lang='en'><head><title>api.thinkific.com | "
        f"{code}: {text}</title></head><body><h1>Error {code}</h1><h2>{text}</h2><p>Cloudflare (emulated)</p></body>"
        "</html>"
    )
