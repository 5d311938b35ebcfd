"""The database: one file of SQLite or a PostgreSQL server, behind the same code.

Durability is never traded: SQLite runs in WAL with `synchronous=FULL`, and a writing transaction takes its lock at
once (`BEGIN IMMEDIATE`), so that two writers wait for each other instead of failing at commit.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from kelaspay.faults import DatabaseDamaged, DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler

log = structlog.get_logger()

Db = sa.Connection
"""An open transaction."""

BUSY_SECONDS = 30.0
"""How long a statement waits for SQLite's write lock."""

SLOW_SECONDS = 5.0
"""A write that has been under way for so long counts as refused until it is through. With a heartbeat's gap before it,
that is less than Duitku's callbacks wait for theirs.
"""

MOST_RIDERS = 50

CACHED_STATEMENTS = 512
"""Prepared statements that a connection to SQLite remembers; the inbox alone has one for each size of group."""

LOG_PAGES = 200
"""After so many pages SQLite's log is copied into the file while the next commit waits: less than a millisecond, and
three to five at the 1 000 that are its default.
"""

IDLE_SECONDS = 1.0
"""A connection to PostgreSQL that lay idle for so long is tried before it is used."""
USED_AT = "used_at"

SILENCE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""Half a minute without a sign of the server ends a connection (seconds; for what was sent milliseconds). Of one that
went away without a word the system tells after a quarter of an hour, and for so long callbacks would get 503.
"""

GONE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, sa.exc.ResourceClosedError)
"""What SQLAlchemy raises when the database is away, full, or too busy."""


DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""How SQLite's names of such errors begin."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware UTC time. A naive one is refused before it can be kept."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's form
        if value is None:
            return None
        if value.tzinfo is None:
            problem = "a naive time cannot be kept"
            raise ValueError(problem)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's form
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_clock(FunctionElement[float]):  # noqa: N801 - reads as SQL
    """The database's own clock in epoch seconds: leases and heartbeats of many machines are compared by it alone."""

    type = sa.Float()
    inherit_cache = True


@compiles(database_clock, "sqlite")
def _sqlite_clock(_element: database_clock, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_clock, "postgresql")
def _postgresql_clock(_element: database_clock, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


class Database:
    """Opens transactions. `begin` for those that write, `read` for those that only look."""

    def __init__(self, url: str, *, pool_size: int = 10, engine: sa.Engine | None = None) -> None:
        """`engine` is one that was made for this address before, with all that it has compiled."""
        self.url = url
        self.postgresql = url.startswith("postgresql")
        self._writing = threading.Lock()
        self._aboard = threading.local()
        self._under_way: dict[int, float] = {}
        """Since when which thread has been about a write that tells."""
        self._refused = False
        self.engine = engine or (self._postgresql if self.postgresql else self._sqlite)(url, pool_size)

    @contextmanager
    def begin(self) -> Iterator[Db]:
        """A writing transaction: committed when the body ends, rolled back when it raises.

        Raises `DatabaseUnavailable` when the database is away; whatever the body did is then undone or was never
        begun, except for a commit whose answer was lost: callers write statements that may run twice.
        """
        with self.turn(), translated(), self.engine.connect() as connection, connection.begin():
            yield connection
            taken = self._take_along(connection)
        del self._riders()[:taken]

    def with_next_commit(self, write: Callable[[Db], None]) -> None:
        """Have something small written together with what this thread commits next, so that it costs no commit of its
        own. It must be dispensable: it is lost with the process, and dropped where it cannot be written.
        """
        riders = self._riders()
        if len(riders) < MOST_RIDERS:
            riders.append(write)

    @contextmanager
    def read(self) -> Iterator[Db]:
        """To look, and only that. On PostgreSQL each statement sees what is committed when it begins, as it would in a
        transaction of the default kind, and saves two round trips; on SQLite all of them see one moment.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if self.postgresql else {"kelaspay_read": True}
        with translated(), self.engine.connect().execution_options(**options) as connection:
            yield connection

    def looking_engine(self) -> sa.Engine:
        """The same connections for who opens transactions by itself, and only looks."""
        return self.engine.execution_options(kelaspay_read=True)

    def close(self) -> None:
        self.engine.dispose()

    def line(self) -> Db:
        """A connection on which every statement is a transaction of its own, for who writes all day. To be used under
        `turn` and `translated`, and closed.
        """
        level = {"isolation_level": "AUTOCOMMIT"} if self.postgresql else {"kelaspay_single": True}
        return self.engine.connect().execution_options(**level)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn of this process at SQLite's one write lock. Threads that asked the file itself would sleep ever longer
        between two tries, and whoever came last would win.
        """
        if self.postgresql:
            yield
            return
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise DatabaseUnavailable
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Around a write that changes something each time: how it ends tells whether the database can be written to."""
        self._under_way[threading.get_ident()] = time.monotonic()
        try:
            yield
        except DatabaseUnavailable:
            self._refused = True
            raise
        else:
            self._refused = False
        finally:
            del self._under_way[threading.get_ident()]

    def writes(self) -> bool:
        """Whether the last such write succeeded and none takes long: to ask costs nothing. A disk that is full, or a
        lock that another program holds, keeps nobody from reading.
        """
        late = time.monotonic() - SLOW_SECONDS
        return not self._refused and all(since > late for since in tuple(self._under_way.values()))

    def _riders(self) -> list[Callable[[Db], None]]:
        if not hasattr(self._aboard, "riders"):
            self._aboard.riders = []
        riders: list[Callable[[Db], None]] = self._aboard.riders
        return riders

    def _take_along(self, connection: Db) -> int:
        """Write what waits for this commit; returned is how many that were. What cannot be written is dropped with this
        commit and stands in the way of no other.
        """
        riders = self._riders()
        try:
            for write in riders:
                write(connection)
        except (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.ProgrammingError) as error:
            log.error("not_taken_along", error=type(error).__name__, count=len(riders))  # noqa: TRY400 - its text may hold values
            riders.clear()
            raise
        return len(riders)

    @staticmethod
    def _postgresql(url: str, pool_size: int) -> sa.Engine:
        return sa.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS / 2,
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "kelaspay", **SILENCE},
            **POOL,
        )

    @staticmethod
    def _sqlite(url: str, pool_size: int) -> sa.Engine:
        engine = sa.create_engine(
            url,
            poolclass=sa.QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            hide_parameters=True,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": CACHED_STATEMENTS},
        )
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        sa.event.listen(engine, "handle_error", _tell_damage)
        return engine


@contextmanager
def translated() -> Iterator[None]:
    """SQLAlchemy's "the database is away" as our passing fault; every other error is a defect and stays as it is."""
    try:
        yield
    except GONE as error:
        raise DatabaseUnavailable from error
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated or isinstance(error.orig, psycopg.errors.ReadOnlySqlTransaction):
            raise DatabaseUnavailable from error  # read-only: a standby, or a managed server whose disk is full
        raise


def _note_use(_connection: Any, record: sa.pool.ConnectionPoolEntry) -> None:
    record.info[USED_AT] = time.monotonic()


def _try_if_idle(connection: Any, record: sa.pool.ConnectionPoolEntry, _fairy: Any) -> None:
    """Ask a connection that has lain idle whether it still lives; the pool then replaces it, and all others. One that
    was in use a moment ago is not asked: a round trip before each transaction was a tenth of an enrollment's time.
    """
    if time.monotonic() - record.info.get(USED_AT, math.inf) < IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.commit()  # a rollback would have psycopg forget all that is prepared
    except psycopg.OperationalError as error:
        raise sa.exc.InvalidatePoolError from error


POOL: Final[dict[str, Any]] = {
    "pool_events": [(_note_use, "checkin"), (_try_if_idle, "checkout")],
    "pool_pre_ping": False,
    "pool_use_lifo": True,
}
"""How a pool of connections to PostgreSQL is kept: the one that was used last is used next, and hardly ever idle."""


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver's guesses
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={int(BUSY_SECONDS * 1000)}",
        f"wal_autocheckpoint={LOG_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _tell_damage(context: sa.engine.ExceptionContext) -> None:
    """A file that holds no database, or pages that are none, is named: no waiting mends it."""
    name = getattr(context.original_exception, "sqlite_errorname", "")
    if name.startswith(DAMAGED):
        file = context.engine.url.database if context.engine else None
        raise DatabaseDamaged(file or "The database's file") from context.original_exception


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("kelaspay_single"):
        return  # the driver is in autocommit
    reading = options.get("kelaspay_read")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
