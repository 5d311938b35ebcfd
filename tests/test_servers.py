"""The servers of the suite are real, and come back from a crash with what was committed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from tests.servers import PORTS, PostgresServer, RedisServer, free_port, own_redis

if TYPE_CHECKING:
    from tests.databases import Reused


def test_postgresql_crashes_and_comes_back_with_what_was_committed() -> None:
    server = PostgresServer()
    try:
        server.start()
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('here')")

        server.restart(immediate=True)

        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchall() == [("here",)]
    finally:
        server.remove()


def test_redis_comes_back_empty() -> None:
    server = RedisServer()
    try:
        server.start()
        with closing(redis.Redis.from_url(server.url)) as client:
            client.set("word", "here")

            server.restart()

            assert client.get("word") is None
    finally:
        server.stop()


def test_each_test_gets_an_empty_database(fresh_postgres: str, fresh_redis: str) -> None:
    with psycopg.connect(fresh_postgres) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()

    assert tables == (0,)
    with closing(redis.Redis.from_url(fresh_redis)) as client:
        assert client.dbsize() == 0


def test_what_a_test_left_in_a_database_is_gone_for_the_next(postgres_databases: Reused) -> None:
    url = postgres_databases.lend()
    with psycopg.connect(url) as left_open:
        left_open.execute(
            "INSERT INTO offers (slug, name, folded_name, price, created_at, updated_at)"
            " VALUES ('a', 'A', 'a', 1, now(), now())"
        )
        left_open.commit()

        again = postgres_databases.lend()

        with psycopg.connect(again) as connection:
            offers = connection.execute("SELECT count(*) FROM offers").fetchone()
            migrations = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    assert (again, offers, migrations) == (url, (0,), (1,))


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE offers DROP COLUMN name",
        "CREATE TABLE left_over (id int)",
        "DROP TABLE offers CASCADE",
        "DELETE FROM alembic_version",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 1', current_database()); END $$",
        "CREATE UNIQUE INDEX left_over ON offers (name)",
    ],
)
def test_a_database_that_is_more_than_written_to_is_given_to_nobody_else(
    postgres_databases: Reused, change: str
) -> None:
    url = postgres_databases.lend()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(change.encode())

    assert postgres_databases.lend() != url


def test_test_processes_share_a_given_redis_without_emptying_each_others_database() -> None:
    given = "redis://127.0.0.1:6379/2"

    assert [own_redis(given, worker) for worker in ("gw0", "gw1")] == [given, "redis://127.0.0.1:6379/3"]
    assert own_redis("redis://127.0.0.1:6379", "gw5") == "redis://127.0.0.1:6379/5"


def test_a_server_whose_port_is_taken_says_so_at_once() -> None:
    first, second = RedisServer(), RedisServer()
    second.port, second.url = first.port, first.url
    try:
        first.start()

        with pytest.raises(RuntimeError, match="Redis ended"):
            second.start()
    finally:
        second.stop()
        first.stop()


def test_a_servers_port_is_none_that_a_connection_could_be_given() -> None:
    lowest_given_by_linux = 32_768

    assert max(PORTS) < lowest_given_by_linux
    assert {free_port() for _ in range(20)} <= set(PORTS)
