"""A school's own words for its letters; where there are none, the default's hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from kelaspay.store.operator_tables import wordings
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


class Said(NamedTuple):
    """A letter's subject, and its paragraphs with an empty line between them; values stand in braces."""

    subject: str
    body: str


def find_wording(db: Db, school: str, kind: str, language: str) -> Said | None:
    row = db.execute(sa.select(wordings.c.subject, wordings.c.body).where(_its(school, kind, language))).one_or_none()
    return None if row is None else Said(row.subject, row.body)


def list_wordings(db: Db, school: str) -> set[tuple[str, str]]:
    """The kinds and languages for which a school has words of its own."""
    query = sa.select(wordings.c.kind, wordings.c.language).where(wordings.c.school == school)
    return {(row.kind, row.language) for row in db.execute(query)}


def put_wording(db: Db, school: str, kind: str, language: str, said: Said, now: datetime) -> None:
    insert = upsert(db, wordings)
    values: dict[str, Any] = {**said._asdict(), "changed_at": now}
    statement = insert.values(school=school, kind=kind, language=language, **values)
    db.execute(statement.on_conflict_do_update(index_elements=list(wordings.primary_key.columns), set_=values))


def drop_wording(db: Db, school: str, kind: str, language: str) -> bool:
    """Back to the default; False where that holds already."""
    return db.execute(sa.delete(wordings).where(_its(school, kind, language))).rowcount == 1


def _its(school: str, kind: str, language: str) -> sa.ColumnElement[bool]:
    return sa.and_(wordings.c.school == school, wordings.c.kind == kind, wordings.c.language == language)
