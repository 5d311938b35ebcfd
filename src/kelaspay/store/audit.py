"""Who did what, when and from where. Rows are added and read; nothing here changes or removes one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.database import Database
from kelaspay.store.operator_tables import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from kelaspay.store.database import Db


EVERYWHERE = "*"
"""Stands for a school where something belongs to none of them: only who sees all schools sees it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One act of a person. `subject` is what it was done to: an order id, an event, an offer's slug, an operator."""

    at: datetime
    operator_id: int | None
    operator: str
    address: str
    action: str
    subject: str | None = None
    text: str | None = None
    school: str = EVERYWHERE


class Audited(Database):
    """A database through which one act is done: the first commit takes along the line that says whose act it was, so
    that there is never the one without the other. A commit that fails takes neither.
    """

    def __init__(self, real: Database, write: Callable[[Db], None]) -> None:  # the engine is the real one's
        self.url, self.postgresql, self.engine = real.url, real.postgresql, real.engine
        self._real = real
        self._write: Callable[[Db], None] | None = write

    @contextmanager
    def begin(self) -> Iterator[Db]:
        with self._real.begin() as db:
            yield db
            if self._write is not None:
                self._write(db)
        self._write = None

    def with_next_commit(self, write: Callable[[Db], None]) -> None:
        self._real.with_next_commit(write)


def write_down(db: Db, deed: Deed) -> None:
    values = {name: getattr(deed, name) for name in Deed.__slots__}
    db.execute(sa.insert(audit).values(**values))


def read_audit(
    db: Db,
    school: str | None,
    *,
    before: int | None,
    limit: int,
    subject: str | None = None,
    operator: str | None = None,
) -> list[sa.Row[Any]]:
    """Newest first; `before` is the id where the page before ended."""
    query = (
        sa.select(audit)
        .where(sa.true() if school is None else audit.c.school == school)
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(audit.c.id < before)
    if subject:
        query = query.where(audit.c.subject == subject)
    if operator:
        query = query.where(audit.c.operator == operator)
    return list(db.execute(query))
