"""What every test may ask for."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import structlog
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings

from kelaspay.log import HANDLER
from tests.databases import BOTH, Reused, fill
from tests.distributed import Distributed
from tests.memory import memory_folder
from tests.servers import fresh_database, fresh_postgres, fresh_redis, postgres, redis_client, redis_url
from tests.world import World, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

__all__ = ["fresh_postgres", "fresh_redis", "postgres", "redis_client", "redis_url"]

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of processes are started: compiled once is enough
sys.dont_write_bytecode = False

if "TMPDIR" not in os.environ and (memory := memory_folder()) is not None:
    os.environ["TMPDIR"] = tempfile.tempdir = memory

# Nobody is called by TLS here, and reading whom the machine trusts takes twenty milliseconds every time.
os.environ["SSL_CERT_DIR"] = tempfile.mkdtemp(prefix="trusts-nobody-")
os.environ.pop("SSL_CERT_FILE", None)  # would be asked first
atexit.register(shutil.rmtree, os.environ["SSL_CERT_DIR"], ignore_errors=True)

gc.set_threshold(20_000, 20, 20)
"""What a test makes it drops soon: looking through it at every seven hundredth object was a tenth of the time."""


settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
"""A machine that others use may stand still in the middle of an example."""


def pytest_xdist_auto_num_workers() -> int:
    """Half as many more as there are processors: tests wait for processes, servers and browsers, but those that do not
    take more of a processor's time the more of them share it.
    """
    return max(1, (os.cpu_count() or 1) * 3 // 2)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Distributed:
    return Distributed(config, log)


def pytest_collection_finish() -> None:
    """What is imported stays, and need not be looked through either."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sets up logging for its whole process; here the process goes on."""
    yield
    structlog.reset_defaults()
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if each.get_name() != HANDLER]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file; tests take copies."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    fill(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgres_databases(postgres: str) -> Iterator[Reused]:
    """Lends this test process its database on the server."""
    with ExitStack() as stack:
        template = stack.enter_context(fresh_database(postgres))
        fill(template)
        yield Reused(postgres, urlsplit(template).path.removeprefix("/"), stack)


@pytest.fixture(scope="session")
def sqlite_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sqlite")


@pytest.fixture
def sqlite_url(sqlite_template: Path, sqlite_folder: Path) -> Iterator[str]:
    """A migrated database of the test's own, in a file. Each test's has the same address, and is gone after it."""
    shutil.copy(sqlite_template, sqlite_folder / "kelaspay.db")
    yield f"sqlite:///{sqlite_folder / 'kelaspay.db'}"
    for left in sqlite_folder.iterdir():
        left.unlink()


@pytest.fixture
def postgres_url(postgres_databases: Reused) -> str:
    """A migrated database of the test's own, on a server."""
    return postgres_databases.lend()


@pytest.fixture(params=BOTH)
def urls(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """A migrated database and, beside PostgreSQL, an empty Redis: what asks for these runs on both."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url"), None
    return request.getfixturevalue("postgres_url"), request.getfixturevalue("fresh_redis")


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop, in which all tests' services answer: to start and stop one with its threads took each a third of
    its beginning.
    """
    with start_blocking_portal() as made:
        yield made


@pytest.fixture
def world(urls: tuple[str, str | None], tmp_path: Path, portal: BlockingPortal) -> Iterator[World]:
    """The service between the two emulators, once on SQLite alone and once on PostgreSQL and Redis."""
    with world_on(tmp_path, *urls, portal=portal) as made:
        yield made


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path, portal: BlockingPortal) -> Iterator[World]:
    """The service on SQLite alone, for what the database has no part in."""
    with world_on(tmp_path, sqlite_url, None, portal=portal) as made:
        yield made
