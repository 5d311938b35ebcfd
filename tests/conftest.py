"""What every test may ask for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from kelaspay.migrate import migrate
from kelaspay.store.database import Database
from tests.servers import fresh_postgres, fresh_redis, postgres, redis_url
from tests.world import World, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


__all__ = ["fresh_postgres", "fresh_redis", "postgres", "redis_url"]


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


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    """The service between the two emulators."""
    path = tmp_path / "kelaspay.db"
    shutil.copy(sqlite_template, path)
    with world_on(tmp_path, f"sqlite:///{path}", None) as made:
        yield made
