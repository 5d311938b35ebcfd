"""The servers of the suite are real, and come back from a crash with what was committed."""

from __future__ import annotations

from contextlib import closing

import psycopg
import redis

from tests.servers import PostgresServer, RedisServer


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
