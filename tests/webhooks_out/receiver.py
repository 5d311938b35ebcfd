"""An integrator's server on loopback, which verifies what it gets with the specification's own package."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook

from kelaspay.deliver import Outbox, deliver
from kelaspay.dial import Dialer
from kelaspay.endpoints import add_endpoint
from kelaspay.store import deliveries
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """The body, by the specification's package; raises when it was not signed with this secret."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return told


@dataclass
class Receiver:
    """Answers as it is told to, and remembers the calls."""

    url: str
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    gate: threading.Event | None = None
    """Set by the test when a call may be answered."""

    def types(self, secret: str) -> list[str]:
        return [call.verified(secret)["type"] for call in self.calls]


@contextmanager
def receiving(host: str = "127.0.0.1", port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens."""
    made: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            receiver = made[0]
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.calls.append(Call(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if receiver.gate is not None:
                receiver.gate.wait(PATIENCE)
            self.send_response(receiver.status)
            for name, value in {"Content-Length": "0", **receiver.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's form
            """Nothing to the terminal."""

    with ThreadingHTTPServer((host, port), Handler) as server:
        made.append(Receiver(f"http://{host}:{server.server_port}/hook"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made[0]
        finally:
            server.shutdown()
            thread.join()


def now_is_real(world: World) -> None:
    """Receivers hold the signed time against the real clock."""
    world.clock.time = datetime.now(UTC)


def dialer(**more: Any) -> Dialer:
    return Dialer(**({"private": True, "https": False, "patience": PATIENCE} | more))


def outbox(world: World, **more: Any) -> Outbox:
    values: dict[str, Any] = {"vault": world.outside.vault, "dialer": dialer(), "now": world.clock}
    return Outbox(world.database, **(values | more))


def tell(world: World, url: str, *kinds: str, school: str = "") -> tuple[str, str]:
    """An endpoint at this address; its id and its secret."""
    secret, made = add_endpoint(
        url,
        kinds=kinds,
        school=school,
        database=world.database,
        vault=world.outside.vault,
        dialer=dialer(),
        now=world.clock(),
    )
    return made.id, secret


def deliver_due(world: World, box: Outbox | None = None) -> int:
    """Make every attempt that is due now, one after the other."""
    with world.database.read() as db:
        rows = deliveries.due(db, world.clock(), 100)
    return sum(deliver(row, box or outbox(world)) for row in rows)


def states(world: World) -> list[tuple[str, str, int]]:
    """Every delivery: type, state, attempts; oldest first."""
    with world.database.read() as db:
        rows = deliveries.list_deliveries(db, limit=100)
    return [(row.type, row.state, row.attempts) for row in reversed(rows)]
