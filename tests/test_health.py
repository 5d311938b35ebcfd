"""Whether a process lives and can work, as a load balancer asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.migrate import migrate
from tests.world import world_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import World


def test_a_process_in_order_lives_and_is_ready(world: World) -> None:
    ready = world.web.get("/readyz")
    redis = "ok" if world.outside.cache else "not used"

    assert world.web.get("/healthz").json() == {"status": "ok"}
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "database": "ok", "migrations": "ok", "engine": "not used", "redis": redis}


def test_a_process_whose_migrations_have_not_run_lives_but_is_not_ready(tmp_path: Path) -> None:
    with world_on(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}", None) as world:
        ready = world.web.get("/readyz")

        assert world.web.get("/healthz").status_code == 200
        assert ready.status_code == 503
        assert (ready.json()["status"], ready.json()["migrations"]) == ("unavailable", "missing")


def test_a_process_of_before_starts_and_stays_ready_on_a_database_that_a_later_release_has_migrated(
    world: World,
) -> None:
    with world.database.begin() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = 'of tomorrow'"))

    migrate(world.database)
    ready = world.web.get("/readyz")

    assert (ready.status_code, ready.json()["migrations"]) == (200, "a later release's")
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    assert world.status(order_id) == "completed"


def test_a_redis_that_is_lost_is_said_and_keeps_nobody_from_working(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, "redis://127.0.0.1:1") as world:
        ready = world.web.get("/readyz")

        assert (ready.status_code, ready.json()["redis"]) == (200, "lost: the database answers")
