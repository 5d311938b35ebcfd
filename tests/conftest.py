"""What every test may ask for."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import structlog

from kelaspay.log import HANDLER
from kelaspay.migrate import migrate
from kelaspay.store.database import Database
from tests.servers import fresh_database, fresh_postgres, fresh_redis, postgres, redis_url
from tests.world import World, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


__all__ = ["fresh_postgres", "fresh_redis", "postgres", "redis_url"]

BOTH = ("sqlite", "postgresql+redis")


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
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    """The name of a migrated, empty database, the engine's tables included; tests take copies."""
    with fresh_database(postgres) as url:
        database = Database(url)
        migrate(database)
        database.close()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated database of the test's own, in a file."""
    path = tmp_path / "kelaspay.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: str, postgres_template: str) -> Iterator[str]:
    """A migrated database of the test's own, on a server."""
    with fresh_database(postgres, postgres_template) as url:
        yield url


@pytest.fixture(params=BOTH)
def urls(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """A migrated database and, beside PostgreSQL, an empty Redis: what asks for these runs on both."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url"), None
    return request.getfixturevalue("postgres_url"), request.getfixturevalue("fresh_redis")


@pytest.fixture
def world(urls: tuple[str, str | None], tmp_path: Path) -> Iterator[World]:
    """The service between the two emulators, once on SQLite alone and once on PostgreSQL and Redis."""
    with world_on(tmp_path, *urls) as made:
        yield made


@pytest.fixture
def embedded(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """The service on SQLite alone, for what the database has no part in."""
    with world_on(tmp_path, sqlite_url, None) as made:
        yield made
