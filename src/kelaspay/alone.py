"""One process at a time, where nothing is shared with others: without Redis the gate's count is this process's own.

A process without Redis holds its database for itself, one with Redis together with others of its kind.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from kelaspay.cannot_run import CannotRun
from kelaspay.store.database import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.store.database import Database

log = structlog.get_logger()

LOCK = 0x6B70616C6F6E65  # "kpalone": the advisory lock's number


class NotAlone(CannotRun):
    """Another Kelaspay process works on this database, so REDIS_URL must be set for all of them: they share Thinkific's
    limit of requests through Redis.
    """

    def __str__(self) -> str:
        return " ".join((self.__doc__ or "").split())


class Alone:
    """The hold on a database."""

    def renew(self) -> None:
        """Take it again where it may have been lost; a file's lock never is."""


class AloneOnPostgres(Alone):
    """An advisory lock, which the server forgets when it restarts."""

    def __init__(self, engine: sa.Engine, *, shared: bool) -> None:
        self._engine = engine
        self._take = sa.func.pg_try_advisory_lock_shared(LOCK) if shared else sa.func.pg_try_advisory_lock(LOCK)
        self._connection = self._taken()

    def renew(self) -> None:
        """Take it again when its connection was lost, as soon as there is a server; somebody who came first is logged,
        for work under way is not dropped.
        """
        if self._holds():
            return
        self._connection.close()
        try:
            self._connection = self._taken()
        except NotAlone:
            log.error("not_alone")  # noqa: TRY400 - expected, and told without a trace

    def _holds(self) -> bool:
        if self._connection.closed:
            return False
        try:
            self._connection.execute(sa.select(1))
        except sa.exc.DBAPIError:
            return False
        return True

    def release(self) -> None:
        if not self._connection.closed:
            self._connection.invalidate()
        self._connection.close()

    def _taken(self) -> sa.Connection:
        """A connection of its own that holds the lock."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(sa.select(self._take)).scalar():
            return connection
        connection.close()
        raise NotAlone


@contextmanager
def alone(database: Database, *, shared: bool = False) -> Iterator[Alone]:
    """Hold the database for this process, or for all that are `shared`; raises `NotAlone`.

    The hold ends with the process, however it ends.
    """
    if database.postgresql:
        with translated():
            held = AloneOnPostgres(database.engine, shared=shared)
        try:
            yield held
        finally:
            held.release()
        return
    with Path(f"{database.engine.url.database}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            raise NotAlone from None
        yield Alone()
