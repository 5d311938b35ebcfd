"""Puts an emulator on a socket: in the foreground until SIGTERM, or in a thread of another process."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.server import create_server
from waitress.trigger import trigger

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from _typeshed.wsgi import WSGIApplication

THREADS = 32
_BEAT = 0.2
"""Seconds between two calls of the background work."""

log = logging.getLogger(__name__)


class Served:
    """An emulator on its socket. It listens from the first moment; `run` answers until `stop`."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        background: Callable[[], object] | None = None,
        threads: int = THREADS,
    ) -> None:
        self._channels: dict[int, Any] = {}
        self._server = _listening(app, host, port, threads, self._channels)
        self._waker = trigger(self._channels)
        self._background = background
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.host = host
        self.port = _port_of(self._server)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Answer from a daemon thread."""
        self._thread = threading.Thread(target=self.run, name=f"emulator on port {self.port}", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Answer until `stop`, with the background work beside it."""
        beating = threading.Thread(target=self._beat, name=f"background of port {self.port}", daemon=True)
        beating.start()
        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=_BEAT, map=self._channels, count=1, use_poll=True)
        finally:
            self._stopping.set()
            self._close()
            beating.join()

    def stop(self) -> None:
        """Stop answering, and wait until the socket is closed."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join()

    def ask_to_stop(self) -> None:
        """The same without waiting, for a signal's handler."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._waker.pull_trigger()

    def _beat(self) -> None:
        while self._background is not None and not self._stopping.wait(_BEAT):
            try:
                self._background()
            except Exception:
                log.exception("The background work of an emulator failed; it goes on")

    def _close(self) -> None:
        self._server.task_dispatcher.shutdown(timeout=1)
        self._server.close()
        wasyncore.close_all(self._channels, ignore_all=True)


def _listening(app: WSGIApplication, host: str, port: int, threads: int, channels: dict[int, Any]) -> Any:
    """A server without a banner, which reads ahead to see a caller go, and bears more callers than threads."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return create_server(
        app,
        map=channels,
        host=host,
        port=port,
        threads=threads,
        ident=None,
        channel_request_lookahead=1,
        connection_limit=1000,
        backlog=1024,
        asyncore_use_poll=True,
    )


def _port_of(server: Any) -> int:
    """One address has its port itself; a name of several addresses lists them."""
    listening = getattr(server, "effective_listen", None)
    return int(listening[0][1] if listening else server.effective_port)


def start(
    app: WSGIApplication,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    background: Callable[[], object] | None = None,
    threads: int = THREADS,
) -> Served:
    """Serve from a daemon thread of this process, on any free port unless one is named."""
    served = Served(app, host=host, port=port, background=background, threads=threads)
    served.start()
    return served


def serve(app: WSGIApplication, host: str, port: int, background: Callable[[], object] | None = None) -> None:
    """Serve in the foreground until SIGTERM or SIGINT."""
    served = Served(app, host=host, port=port, background=background)

    def stopped(_signal: int, _frame: FrameType | None) -> None:
        served.ask_to_stop()

    before = {each: signal.signal(each, stopped) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        served.run()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
