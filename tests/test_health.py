"""Whether a process lives and can work, as a load balancer asks."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from starlette.testclient import TestClient

from kelaspay.app import create_watch
from kelaspay.migrate import migrate
from kelaspay.work.engine import Engine
from tests.servers import PATIENCE
from tests.world import world_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import World

LONG = "x" * 8192
"""More than fits on a page of the file."""


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


def test_a_process_that_can_read_but_not_write_is_not_ready_until_something_is_written(embedded: World) -> None:
    engine = embedded.database.engine
    embedded.sell()
    form = embedded.duitku.pay(embedded.buy()) | {"additionalParam": LONG}
    before = embedded.web.get("/readyz").json()["database"]
    sa.event.listen(engine, "connect", may_not_grow)
    embedded.database.close()
    refused = embedded.call_back(form)
    during = embedded.web.get("/readyz")
    sa.event.remove(engine, "connect", may_not_grow)
    embedded.database.close()
    taken = embedded.call_back(form)
    after = embedded.web.get("/readyz")

    assert before == "ok"
    assert (refused.status_code, refused.json()["code"]) == (503, "inbox_unavailable")
    assert (during.status_code, during.json()["database"]) == (503, "away")
    assert taken.status_code == 200
    assert (after.status_code, after.json()["database"]) == (200, "ok")


def test_a_process_whose_postgresql_may_only_be_read_is_not_ready(fresh_postgres: str, tmp_path: Path) -> None:
    with (
        world_on(tmp_path, fresh_postgres, None) as world,
        closing(psycopg.connect(fresh_postgres, autocommit=True)) as other,
    ):
        migrate(world.database)
        world.sell()
        form = world.duitku.pay(world.buy())
        all_connect_anew(other, "SET default_transaction_read_only = on")
        refused = [world.call_back(form) for _ in range(2)][-1]  # the first may meet the connection that is gone
        ready = world.web.get("/readyz")
        all_connect_anew(other, "RESET default_transaction_read_only")
        taken = [world.call_back(form) for _ in range(2)][-1]

        assert (refused.status_code, refused.json()["code"]) == (503, "inbox_unavailable")
        assert (ready.status_code, ready.json()["database"]) == (503, "away")
        assert taken.status_code == 200
        assert world.web.get("/readyz").json()["database"] == "ok"


def test_while_another_program_holds_the_write_lock_it_is_answered_how_the_process_is(embedded: World) -> None:
    engine = Engine(embedded.database, "one", embedded.clock)
    file = embedded.database.engine.url.database
    with (
        closing(engine),
        TestClient(create_watch(embedded.outside, engine.answers)) as watch,
        ThreadPoolExecutor() as asking,
        closing(sqlite3.connect(str(file), isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        ready = asking.submit(watch.get, "/readyz").result(PATIENCE)

    assert ready.json()["engine"] == "ok"


def may_not_grow(connection: Any, _record: Any) -> None:
    """To SQLite that is a full disk."""
    connection.execute("PRAGMA max_page_count = 1").close()  # it takes as many as there are


def all_connect_anew(other: psycopg.Connection, setting: str) -> None:
    """As after a change of a managed server, or to its standby."""
    name = other.info.dbname
    other.execute(f'ALTER DATABASE "{name}" {setting}'.encode())
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    other.execute(others.encode(), [name])
