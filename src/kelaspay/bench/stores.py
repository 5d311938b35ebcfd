"""The databases that the service is measured on: files of SQLite, or databases of a PostgreSQL server with Redis beside
it. A template is filled once; each round gets a copy of its own, so that no round finds what another left behind.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from kelaspay.migrate import migrate
from kelaspay.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Fill = Callable[[Database], None]


class Store(Protocol):
    """A kind of database."""

    name: str

    def template(self, fill: Fill) -> str:
        """The address of a new migrated database that `fill` has filled and that nobody holds open."""
        ...

    def copied(self, template: str | None) -> AbstractContextManager[str]:
        """The address of a database of one's own: a copy, or an empty one."""
        ...

    def environment(self, url: str) -> dict[str, str]:
        """What tells the service to use it."""
        ...


class SqliteStore:
    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def template(self, fill: Fill) -> str:
        url = f"sqlite:///{self._folder / f'template-{uuid4().hex[:8]}.db'}"
        database = Database(url)
        try:
            migrate(database)
            fill(database)
            with database.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            database.close()
        return url

    @contextmanager
    def copied(self, template: str | None) -> Iterator[str]:
        path = self._folder / f"copy-{uuid4().hex[:8]}.db"
        if template is not None:
            shutil.copy(_file(template), path)
        try:
            yield f"sqlite:///{path}"
        finally:
            for each in self._folder.glob(f"{path.name}*"):
                each.unlink()

    def environment(self, url: str) -> dict[str, str]:
        return {"DATABASE_URL": url}


class PostgresStore:
    name = "PostgreSQL"

    def __init__(self, admin_url: str, redis_url: str | None) -> None:
        """`admin_url` may create databases, which are dropped when they are done with."""
        self._admin_url = admin_url
        self._redis_url = redis_url
        self._made: list[str] = []

    def template(self, fill: Fill) -> str:
        url = self._create(None)
        self._made.append(url)
        database = Database(url)
        try:
            migrate(database)
            fill(database)
        finally:
            database.close()
        return url

    @contextmanager
    def copied(self, template: str | None) -> Iterator[str]:
        url = self._create(template)
        try:
            yield url
        finally:
            self._drop(url)

    def environment(self, url: str) -> dict[str, str]:
        return {"DATABASE_URL": url} | ({"REDIS_URL": self._redis_url} if self._redis_url else {})

    def close(self) -> None:
        """Drop the templates."""
        while self._made:
            self._drop(self._made.pop())

    def _create(self, template: str | None) -> str:
        """A new database, and a checkpoint after it: what making it left to be written is not the measured one's."""
        name = f"kelaspay_bench_{uuid4().hex[:12]}"
        source = urlsplit(template).path.removeprefix("/") if template else "template0"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(create)
            connection.execute("CHECKPOINT")
        return urlunsplit(urlsplit(self._admin_url)._replace(path=f"/{name}"))

    def _drop(self, url: str) -> None:
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
