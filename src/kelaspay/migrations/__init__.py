"""The database's history, and where a database stands in it.

Read from the files and the table themselves: Alembic, which runs the history, takes a process 7 MB that it would keep
for ever, and a server that is up to date has nothing to run.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.config import Config

    from kelaspay.store.database import Database

FOLDER = Path(__file__).parent
NAMED = re.compile(r'^(revision|down_revision) = "(\w+)"$', re.MULTILINE)
ALEMBIC_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def current(database: Database) -> tuple[str | None, str]:
    """The database's revision and the newest one; equal when there is nothing to run."""
    with database.read() as db:
        made = sa.inspect(db).has_table(ALEMBIC_VERSION.name)
        return (db.scalar(sa.select(ALEMBIC_VERSION.c.version_num)) if made else None), _newest()


def is_newer(database: Database) -> bool:
    """Whether a later release has migrated it. It still works with this one: migrations only add, so that processes may
    be replaced one after the other.
    """
    found, _ = current(database)
    return found is not None and found not in _named("revision")


def config() -> Config:
    """What Alembic runs."""
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415 - for those who run it

    made = AlembicConfig()
    made.set_main_option("script_location", str(FOLDER))
    return made


def _newest() -> str:
    """The revision that no other follows."""
    [newest] = _named("revision") - _named("down_revision")
    return newest


@cache
def _named(what: str) -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in (FOLDER / "versions").glob("*.py"))
    return frozenset(name for text in texts for each, name in NAMED.findall(text) if each == what)
