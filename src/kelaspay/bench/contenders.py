"""What the callback path is measured against, on the same uvicorn settings: a handler that only checks the signature,
and one that checks it, inserts one row and commits. Both are as lean as they can be written. A program of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import TYPE_CHECKING, Any

import psycopg
import uvicorn

from kelaspay.bench.load import API_KEY, MERCHANT
from kelaspay.duitku.callback import read_callback
from kelaspay.duitku.signature import Scheme
from kelaspay.web.server import web_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

CONNECTIONS = 10
"""As many as the service's own pool holds. With SQLite one: it has one writer, and more would only wait for each other,
ever longer.
"""
TABLE = "CREATE TABLE IF NOT EXISTS bench_callbacks (reference TEXT PRIMARY KEY, merchant_order_id TEXT, body TEXT)"
ACCEPTED = frozenset(Scheme)
OK: dict[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"2"), (b"content-type", b"text/plain; charset=utf-8")],
}
NOT_FOUND: dict[str, Any] = {"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]}


def handler(keep: Callable[[str, str, bytes], Awaitable[None]] | None) -> Callable[..., Awaitable[None]]:
    """An ASGI application that checks the signature and, with `keep`, waits for that; then answers 200."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = (await receive()).get("body", b"")
        if scope["method"] != "POST":
            await send(NOT_FOUND)
            await send({"type": "http.response.body"})
            return
        callback = read_callback(
            body, "application/x-www-form-urlencoded", merchant_code=MERCHANT, api_key=API_KEY, accepted=ACCEPTED
        )
        if keep is not None:
            await keep(callback.reference or "", callback.merchant_order_id, body)
        await send(OK)
        await send({"type": "http.response.body", "body": b"OK"})

    return app


class OneEach:
    """One INSERT and one commit a request, each in a thread that has its own connection."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._here = local()
        self._threads = ThreadPoolExecutor(CONNECTIONS if database_url.startswith("postgresql") else 1)
        self._connection().execute(TABLE)

    async def __call__(self, reference: str, order_id: str, body: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self.insert, reference, order_id, body)

    def insert(self, *row: object) -> None:
        """One row, committed when it returns."""
        mark = "%s" if self._url.startswith("postgresql") else "?"
        self._connection().execute(f"INSERT INTO bench_callbacks VALUES ({mark}, {mark}, {mark})", row)  # noqa: S608 - the driver's mark

    def durable(self) -> tuple[str, int]:
        """SQLite's journal and how it is synchronised: a rival that waits for no disk would be no measure."""
        asked = [self._connection().execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        return str(asked[0]), int(asked[1])

    def _connection(self) -> Any:
        """This thread's connection; each statement is a transaction of its own, as durable as the service's."""
        if not hasattr(self._here, "connection"):
            self._here.connection = self._connected()
        return self._here.connection

    def _connected(self) -> Any:
        if self._url.startswith("postgresql"):
            return psycopg.connect(self._url, autocommit=True, prepare_threshold=1)
        connection = sqlite3.connect(self._url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection


def main() -> None:
    """`python -m kelaspay.bench.contenders PORT [DATABASE_URL]`"""
    keep = OneEach(sys.argv[2]) if len(sys.argv) > 2 else None  # noqa: PLR2004 - the optional argument is there
    uvicorn.Server(web_config(handler(keep), host="127.0.0.1", port=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
