"""Processes that start at the same moment, and processes that must not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from kelaspay.migrations import current
from kelaspay.store.database import Database
from tests.chaos.fleet import until
from tests.chaos.scene import Scene, scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.chaos

REFUSED = "REDIS_URL must be set"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kelaspay.db'}"
    return str(request.getfixturevalue("fresh_postgres"))


@pytest.fixture
def alone(tmp_path: Path, database_url: str) -> Iterator[Scene]:
    """Without Redis."""
    with scene(tmp_path, database_url, None) as made:
        yield made


def test_migrations_run_once_when_many_start_at_once(tmp_path: Path, database_url: str, fresh_redis: str) -> None:
    with scene(tmp_path, database_url, fresh_redis, migrated=False) as at:
        processes = [at.fleet.kelaspay("migrate") for _ in range(4)] + [at.fleet.worker() for _ in range(2)]

        assert [process.exit_code() for process in processes[:4]] == [0, 0, 0, 0], at.fleet.printed()
        assert until(lambda: all(worker.says("working") for worker in at.fleet.workers)), at.fleet.printed()
        assert "Traceback" not in at.fleet.printed()
        assert _revisions(database_url) == [_newest(database_url)]


def test_a_process_without_redis_stays_alone_until_it_is_gone(alone: Scene, fresh_redis: str) -> None:
    first = alone.fleet.serve()
    assert until(first.ready), first.printed()

    others = [alone.fleet.worker(), alone.fleet.worker(REDIS_URL=fresh_redis)]

    for other in others:
        assert other.exit_code() == 1
        assert REFUSED in other.printed()
        assert len(other.printed().splitlines()) == 1
    assert first.ready()
    first.kill()
    next_one = alone.fleet.serve()
    assert until(next_one.ready), next_one.printed()


def _revisions(url: str) -> list[str]:
    database = Database(url)
    with database.read() as db:
        found = list(db.execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
    database.close()
    return [str(each) for each in found]


def _newest(url: str) -> str | None:
    database = Database(url)
    newest = current(database)[1]
    database.close()
    return newest
