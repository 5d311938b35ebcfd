"""An OpenTelemetry collector on loopback, for tests that look at what processes send it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Told(NamedTuple):
    """A span that arrived."""

    service: str
    trace_id: str
    name: str


@dataclass(slots=True)
class Collector:
    url: str
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def paths(self) -> set[str]:
        return {path for path, _ in self.bodies}

    def spans(self) -> list[Told]:
        return [
            Told({each.key: each.value.string_value for each in told.resource.attributes}["service.name"], id_, name)
            for _, body in list(self.bodies)
            for told in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in told.scope_spans
            for id_, name in ((span.trace_id.hex(), span.name) for span in scope.spans)
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    class Listening(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's form
            """Nothing to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        made = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
