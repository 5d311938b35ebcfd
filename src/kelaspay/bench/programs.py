"""Programs that are measured, each a process of its own on a free port of this machine."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kelaspay.bench.load import API_KEY, MERCHANT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PATIENCE = 120.0
LOOK_SECONDS = 0.01
EXPRESS = Path("bench/express")
OK = 200
SUBDOMAIN, THINKIFIC_API_KEY = "kelas", "0123456789abcdef0123456789abcdef"  # pragma: allowlist secret
KEYS = {
    "DUITKU_MERCHANT_CODE": MERCHANT,
    "DUITKU_API_KEY": API_KEY,
    "THINKIFIC_SUBDOMAIN": SUBDOMAIN,
    "THINKIFIC_API_KEY": THINKIFIC_API_KEY,
}
"""The accounts that the emulators know."""
FOREIGN = ("DUITKU_", "THINKIFIC_", "DATABASE_", "REDIS_", "SMTP_", "MAIL_", "APP_", "SECRET_", "COVERAGE_", "DATA_")


class NotStarted(Exception):  # noqa: N818 - says what happened
    """A program that is to be measured is not there, or did not come up."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running program."""

    url: str
    pid: int
    seconds_to_ready: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], log: Path, ready: Callable[[], bool], *, url: str = ""
) -> Iterator[Served]:
    """Start a program, wait until it is ready, and stop it afterwards. Raises `NotStarted` with its last words."""
    began = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - programs of ours
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**clean_environment(), **env}
        )
    try:
        while not ready():
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                raise NotStarted(f"{command[0]} did not start: {log.read_text(encoding='utf-8')[-500:]}")
            time.sleep(LOOK_SECONDS)
        yield Served(url, process.pid, time.monotonic() - began)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def web(*arguments: str, env: Mapping[str, str], folder: Path) -> Iterator[Served]:
    """`kelaspay serve`, ready when it says so itself."""
    port = free_port()
    given = {**_ours(folder), "PORT": str(port), "APP_BASE_URL": at(port), **env}
    command = [sys.executable, "-m", "kelaspay", "serve", *arguments]
    with running(command, given, folder / "web.log", lambda: answers(port, "/readyz"), url=at(port)) as served:
        yield served


@contextmanager
def worker(env: Mapping[str, str], folder: Path) -> Iterator[Served]:
    """`kelaspay work`, ready when its log says that it works."""
    log = folder / f"work-{free_port()}.log"
    command = [sys.executable, "-m", "kelaspay", "work"]
    with running(
        command, {**_ours(folder), **env}, log, lambda: log.exists() and "working" in log.read_text()
    ) as served:
        yield served


@contextmanager
def module(name: str, *arguments: str, folder: Path) -> Iterator[Served]:
    """A program of this package, given a port first; ready when it answers at all."""
    port = free_port()
    command = [sys.executable, "-m", name, str(port), *arguments]
    with running(command, {}, folder / "module.log", lambda: listens(port), url=at(port)) as served:
        yield served


@contextmanager
def emulator(which: str, folder: Path) -> Iterator[Served]:
    """An emulator, duitku or thinkific, without the rest of the package."""
    port = free_port()
    program = f"from kelaspay_emulators.stand_alone import emulate_{which}; emulate_{which}({port})"
    command = [sys.executable, "-c", program]
    with running(command, {}, folder / f"{which}.log", lambda: listens(port), url=at(port)) as served:
        yield served


@contextmanager
def express(redis_url: str, folder: Path) -> Iterator[Served]:
    """The Express handler. Its packages are installed where they are not yet."""
    node = _node_with_packages()
    port = free_port()
    env = KEYS | {"PORT": str(port), "REDIS_URL": redis_url, "NODE_ENV": "production"}
    command = [node, str(EXPRESS / "server.js")]
    with running(command, env, folder / "express.log", lambda: listens(port), url=at(port)) as served:
        yield served


def _node_with_packages() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotStarted("Node is not installed")
    if not EXPRESS.is_dir():
        raise NotStarted(f"{EXPRESS} is not here: run it in the source tree")
    if not (EXPRESS / "node_modules").is_dir():
        install = [npm, "ci", "--no-audit", "--no-fund", "--silent"]
        if subprocess.run(install, cwd=EXPRESS, check=False, capture_output=True).returncode:  # noqa: S603 - npm, with arguments of ours
            raise NotStarted("npm ci failed")
    return node


def at(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(port: int, path: str) -> bool:
    """Whether a GET there is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == OK
    except OSError:
        return False
    finally:
        connection.close()


def resident_mb(pid: int) -> float:
    """A process's resident memory as ps shows it, in MB of 1024², pages that it shares with others included."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise NotStarted(f"process {pid} is gone")


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def _ours(folder: Path) -> dict[str, str]:
    return KEYS | {"DATA_DIR": str(folder), "SECRET_KEY": "bench-" * 6}
