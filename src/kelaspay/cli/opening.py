"""What a command opens: settings, database and clients, and the engine to start work with."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.store.database import Database, Db, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.outside import Outside
    from kelaspay.work.engine import Engine

OPERATOR = "operator (command line)"
SchoolKey = Annotated[str, typer.Option("--school", help="A school's subdomain; without it the environment's school.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command works."""

    outside: Outside
    engine: Engine

    def database(self, *, dry_run: bool) -> Database:
        return Rehearsal(self.outside.database) if dry_run else self.outside.database


class Rehearsal(Database):
    """A database on which everything is done and then undone: a dry run refuses what the real one would."""

    def __init__(self, real: Database) -> None:  # the engine is the real one's
        self.url, self.postgresql, self.engine = real.url, real.postgresql, real.engine

    @contextmanager
    def begin(self) -> Iterator[Db]:
        with translated(), self.engine.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()


@contextmanager
def desk() -> Iterator[Desk]:
    """Everything open and migrated; nothing runs here, what a command starts is executed by `serve` or `work`."""
    from kelaspay import log
    from kelaspay.migrate import migrate
    from kelaspay.outside import opened
    from kelaspay.settings import load
    from kelaspay.work.engine import Engine

    log.configure(quiet=True)  # a command says itself what it did
    with opened(load()) as outside:
        migrate(outside.database)
        engine = Engine(outside.database, outside.executor_id, outside.now)
        try:
            yield Desk(outside, engine)
        finally:
            engine.close()
