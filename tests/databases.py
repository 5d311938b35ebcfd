"""Databases for tests, migrated and empty, at a price that a thousand tests can pay: a server's is emptied between two
tests instead of being made anew, and what was compiled for one test serves the next.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import cache
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from kelaspay.migrate import migrate
from kelaspay.store.database import Database
from tests.servers import fresh_database
from tests.twin import make_queue

if TYPE_CHECKING:
    from typing import Any


BOTH = ("sqlite", "postgresql+redis")

OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
TABLES = f"""
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND {OURS} ORDER BY 1, 2
"""  # noqa: S608 - a constant
SEQUENCES = "SELECT schemaname, sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
SHAPE = f"""
    SELECT md5(string_agg(part, '|' ORDER BY part)) FROM (
        SELECT datallowconn::text || datconnlimit FROM pg_database WHERE datname = current_database() UNION ALL
        SELECT c.oid || c.relname || a.attname || a.atttypid || a.attnotnull FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {OURS}
        UNION ALL SELECT oid || conname FROM pg_constraint
        UNION ALL SELECT oid || tgname || tgenabled::text FROM pg_trigger
        UNION ALL SELECT oid || proname FROM pg_proc WHERE oid > 16383
        UNION ALL SELECT setrole || array_to_string(setconfig, ',') FROM pg_db_role_setting
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS parts (part)
"""  # noqa: S608 - a constant
"""Tables and all that hangs on them, as one word."""
KEPT = "application_name = 'known to tests' AND state = 'idle' AND pid NOT IN (SELECT pid FROM pg_locks WHERE pid > 0)"
CUT_OFF = f"""
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND NOT ({KEPT})
"""  # noqa: S608 - a constant
LEFT = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {KEPT}"  # noqa: S608 - as above


class Known(Database):
    """A server's database whose connections outlive it: the next test finds them as they were given back, with what the
    server has learned about the tables.
    """

    def close(self) -> None:
        """`Reused` looks after them."""


ON_SQLITE = pytest.mark.parametrize("urls", BOTH[:1], indirect=True)
"""For a long story that other stories of its kind tell on PostgreSQL too."""


def once_on_a_server(*values: Any) -> list[tuple[str, Any]]:
    """The parameters `urls` and one more, of which no database knows anything: with all of its values on SQLite, with
    the first beside PostgreSQL and Redis too.
    """
    return [*((BOTH[0], value) for value in values), (BOTH[1], values[0])]


def known(url: str) -> Database:
    """The database at this address with what was compiled for whoever used the address before: a story's statements
    take as long to compile as to run.
    """
    return (Known if url.startswith("postgresql") else Database)(url, engine=_engine(url))


@cache
def _engine(url: str) -> sa.Engine:
    engine = Database(url).engine
    if url.startswith("postgresql"):
        sa.event.listen(engine, "connect", _name)
    return engine


def _name(connection: Any, _record: Any) -> None:
    connection.execute("SET application_name = 'known to tests'")
    connection.commit()


def fill(url: str) -> None:
    """Make every table, the engine's and its twin's as well."""
    with closing(Database(url)) as database:
        migrate(database)
        make_queue(database)


class Reused:
    """One database of a server, for one test after the other: `lend` gives it as the template is. What the last test
    left is deleted; where it changed more than rows, or left the database closed, another takes its place.
    """

    def __init__(self, admin_url: str, template: str, stack: ExitStack) -> None:
        """`stack` drops what was made."""
        self._admin_url = admin_url
        self._template = template
        self._stack = stack
        self._url = ""
        self._db: psycopg.Connection | None = None
        """Stays open: a new connection costs a server more than emptying all tables."""
        self._shape: Any = None
        self._filled: list[tuple[str, str]] = []
        """The tables that have rows from the beginning, such as the migrations that ran."""

    def lend(self) -> str:
        """Its address. Whoever is still connected is cut off."""
        if self._db is None or not self._emptied(self._db):
            self._url = self._stack.enter_context(fresh_database(self._admin_url, self._template))
            self._stack.callback(_engine(self._url).dispose)
            self._db = self._stack.enter_context(closing(psycopg.connect(self._url, autocommit=True)))
            self._filled = [table for table in self._db.execute(TABLES).fetchall() if _has_rows(self._db, table)]
            self._shape = self._look(self._db)
        return self._url

    def _emptied(self, db: psycopg.Connection) -> bool:
        try:
            db.execute(CUT_OFF.encode())
            self._let_go(db)
            if self._look(db) != self._shape:
                return False
            with db.transaction():
                _delete_rows(db, set(self._filled))
        except psycopg.Error:
            return False
        return True

    def _let_go(self, db: psycopg.Connection) -> None:
        """Keep the connections of whoever had it last where each was given back and is alive; otherwise none."""
        engine = _engine(self._url)
        pool: Any = engine.pool
        if pool.checkedout() or db.execute(LEFT.encode()).fetchone() != (pool.checkedin(),):
            engine.dispose()

    def _look(self, db: psycopg.Connection) -> list[Any]:
        """What no test may change in a database that the next one gets."""
        content = sql.SQL("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t")
        rows = [db.execute(content.format(sql.Identifier(*table))).fetchone() for table in self._filled]
        return [db.execute(SHAPE.encode()).fetchone(), *rows]


def _has_rows(db: psycopg.Connection, table: tuple[str, str]) -> bool:
    found = db.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(*table))).fetchone()
    return bool(found and found[0])


def _delete_rows(db: psycopg.Connection, kept: set[tuple[str, str]]) -> None:
    """Of all tables but those that are `kept`; deleting from fifty small tables is far cheaper than truncating them."""
    db.execute("SET LOCAL session_replication_role = replica")  # in any order: no foreign key is looked at
    tables = [table for table in db.execute(TABLES).fetchall() if table not in kept]
    delete, restart = sql.SQL("DELETE FROM {}"), sql.SQL("ALTER SEQUENCE {} RESTART")
    statements = [delete.format(sql.Identifier(*table)) for table in tables]
    statements += [restart.format(sql.Identifier(*sequence)) for sequence in db.execute(SEQUENCES).fetchall()]
    db.execute(sql.SQL("; ").join(statements))
