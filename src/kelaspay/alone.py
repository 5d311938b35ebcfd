"""One process at a time, where nothing is shared with others: without Redis the gate's count is this process's own."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.store.database import Database

LOCK = 0x6B70616C6F6E65  # "kpalone": the advisory lock's number


class NotAlone(Exception):  # noqa: N818 - says what happened
    """Another Kelaspay process works on this database, so REDIS_URL must be set for all of them: they share Thinkific's
    limit of requests through Redis.
    """

    def __str__(self) -> str:
        return " ".join((self.__doc__ or "").split())


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Hold the database for this process; raises `NotAlone`. The lock ends with the process, however it ends."""
    if database.postgresql:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(LOCK))).scalar():
                raise NotAlone
            yield
        return
    with Path(f"{database.engine.url.database}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotAlone from None
        yield
