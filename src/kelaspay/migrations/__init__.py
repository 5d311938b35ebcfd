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


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    return made
