"""The database's history, and where a database stands in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from kelaspay.store.database import Database


def current(database: Database) -> tuple[str | None, str | None]:
    """The database's revision and the newest one; equal when there is nothing to run."""
    with database.read() as db:
        found = MigrationContext.configure(db).get_current_revision()
    return found, ScriptDirectory.from_config(config()).get_current_head()


def is_newer(database: Database) -> bool:
    """Whether a later release has migrated it. It still works with this one: migrations only add, so that processes may
    be replaced one after the other.
    """
    found, _ = current(database)
    scripts = ScriptDirectory.from_config(config())
    return found is not None and found not in {each.revision for each in scripts.walk_revisions()}


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    return made
