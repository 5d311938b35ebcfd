"""Bring the database up to date, once, however many processes start at the same moment."""

from __future__ import annotations

import fcntl
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from kelaspay.migrations import config, current, is_newer
from kelaspay.store.database import translated
from kelaspay.work import engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.store.database import Database

log = structlog.get_logger()

LOCK = 0x6B656C6173  # "kelas": the advisory lock's number


def migrate(database: Database) -> None:
    """Run the migrations that are missing, ours and the engine's. Safe to call from every process at once; a database
    that a later release has migrated stays as it is.

    Raises `DatabaseUnavailable`; what was begun is then undone or can be run again.
    """
    with translated(), _alone(database):
        if is_newer(database):
            log.warning("database_is_newer")
        elif (revisions := current(database))[0] != revisions[1]:
            _upgrade(database)
        engine.migrate(database)


def _upgrade(database: Database) -> None:
    from alembic import command  # noqa: PLC0415 - a database that is up to date does without

    settings = config()
    with database.engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Hold the migrations' lock: an advisory lock in PostgreSQL, a lock file beside SQLite's."""
    if database.postgresql:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not connection.execute(sa.select(sa.func.pg_try_advisory_lock(LOCK))).scalar():
                time.sleep(0.1)  # waiting in the server would hold a snapshot that building an index waits for
            try:
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK)))
        return
    path = Path(f"{database.engine.url.database}.migrate.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
