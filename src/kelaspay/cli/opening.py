"""What a command opens: settings, database and clients, and the engine to start work with."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay import log
from kelaspay.migrate import migrate
from kelaspay.outside import opened
from kelaspay.settings import load
from kelaspay.work.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.outside import Outside

OPERATOR = "operator (command line)"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command works."""

    outside: Outside
    engine: Engine


@contextmanager
def desk() -> Iterator[Desk]:
    """Everything open and migrated; nothing runs here, what a command starts is executed by `serve` or `work`."""
    log.configure()
    with opened(load()) as outside:
        migrate(outside.database)
        engine = Engine(outside.database, outside.executor_id, outside.now)
        try:
            yield Desk(outside, engine)
        finally:
            engine.close()
