"""The service as operators run it: processes with an environment. Whatever a test does, each process that it started is
killed at its end.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2

from tests.servers import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOBODY = "http://127.0.0.1:9"


@dataclass(slots=True)
class Proc:
    """One process of the service and everything that it printed."""

    popen: subprocess.Popen[bytes]
    log: Path
    url: str = ""
    killed: bool = False

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        """`kill -9`; it works on a paused one too."""
        self.killed = True
        self.popen.kill()
        self.popen.wait(PATIENCE)

    def pause(self) -> None:
        self.popen.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.popen.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to stop, as a supervisor does; returned is its exit code."""
        self.popen.terminate()
        return self.popen.wait(PATIENCE)

    def exit_code(self) -> int:
        """What it ends with by itself."""
        return self.popen.wait(PATIENCE)

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, word: str) -> bool:
        return word in self.printed()

    def readiness(self) -> int:
        """The status of /readyz, 0 while nobody answers."""
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=PATIENCE).status_code
        except httpx2.HTTPError:
            return 0

    def ready(self) -> bool:
        return self.readiness() == httpx2.codes.OK


@dataclass
class Fleet:
    """Processes that share one environment."""

    folder: Path
    environment: dict[str, str]
    program: tuple[str, ...] = (sys.executable, "-m", "kelaspay")
    webs: list[Proc] = field(default_factory=list)
    workers: list[Proc] = field(default_factory=list)
    every: list[Proc] = field(default_factory=list)
    _turn: itertools.count[int] = field(default_factory=itertools.count)

    def run(self, *command: str, **more: str) -> Proc:
        """Start a program; `more` is environment."""
        log = self.folder / f"process-{len(self.every):03}.log"
        with log.open("wb") as out:
            popen = subprocess.Popen(command, stdout=out, stderr=out, env=self.environment | more)
        proc = Proc(popen, log)
        self.every.append(proc)
        return proc

    def kelaspay(self, *arguments: str, **more: str) -> Proc:
        return self.run(*self.program, *arguments, **more)

    def web(self, **more: str) -> Proc:
        """The web alone; it need not answer yet."""
        return self._listening("serve", "--no-work", **more)

    def serve(self, **more: str) -> Proc:
        """Web and worker in one process."""
        return self._listening("serve", **more)

    def worker(self, **more: str) -> Proc:
        proc = self.kelaspay("work", **more)
        self.workers.append(proc)
        return proc

    def _listening(self, *arguments: str, **more: str) -> Proc:
        port = free_port()
        proc = self.kelaspay(*arguments, PORT=str(port), **more)
        proc.url = f"http://127.0.0.1:{port}"
        self.webs.append(proc)
        return proc

    def running(self) -> list[Proc]:
        return [proc for proc in self.webs + self.workers if proc.running]

    def replace(self, proc: Proc) -> None:
        """Start another of its kind, as a supervisor does."""
        self.webs, self.workers = [[each for each in kind if each is not proc] for kind in (self.webs, self.workers)]
        (self.web if proc.url else self.worker)()

    def replace_fallen(self) -> int:
        """The same for those that ended by themselves; returned is how many."""
        fallen = [proc for proc in self.webs + self.workers if not proc.running]
        for proc in fallen:
            self.replace(proc)
        return len(fallen)

    def next_web(self) -> str:
        """The web process whose turn it is; it may not answer yet, as behind a balancer that looks at nothing."""
        webs = [proc for proc in self.webs if proc.running]
        return webs[next(self._turn) % len(webs)].url if webs else NOBODY

    def kill_all(self) -> None:
        for proc in self.every:
            if proc.running:
                proc.popen.kill()
        for proc in self.every:
            proc.popen.wait(PATIENCE)

    def printed(self) -> str:
        """All that all of them printed."""
        return "".join(proc.printed() for proc in self.every)


def until(true: Callable[[], object], seconds: float = PATIENCE, every: float = 0.05) -> bool:
    """Whether it became so in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
