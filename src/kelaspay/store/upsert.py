"""An INSERT that may say what to do where its row is there already: both databases can, each in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    import sqlalchemy as sa

    from kelaspay.store.database import Db


def upsert(db: Db | str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Into `table` of this database, or of one that speaks this dialect; to be followed by `on_conflict_do_nothing` or
    `on_conflict_do_update`.
    """
    dialect = db if isinstance(db, str) else db.dialect.name
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
