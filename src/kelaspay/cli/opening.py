"""What a command opens: settings, database and clients, and the engine to start work with."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.cli.show import NOTHING
from kelaspay.faults import SchoolUnknown
from kelaspay.school import DEFAULT
from kelaspay.store import audit, payments
from kelaspay.store.audit import EVERYWHERE, Audited, Deed
from kelaspay.store.database import Database, Db, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.outside import Outside
    from kelaspay.work.engine import Engine

OPERATOR = "operator (command line)"
ADDRESS = "command line"
SchoolKey = Annotated[str, typer.Option("--school", help="A school's subdomain; without it the environment's school.")]
OnlySchool = Annotated[str | None, typer.Option("--school", help="Only this school's, by its subdomain.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command works."""

    outside: Outside
    engine: Engine

    def database(self, *, dry_run: bool) -> Database:
        return Rehearsal(self.outside.database) if dry_run else self.outside.database

    def school(self, typed: str | None) -> str | None:
        """The key of the school with this subdomain, the environment's too; None for all. Raises `SchoolUnknown`."""
        if typed is None:
            return None
        if typed in {DEFAULT, self.outside.settings.thinkific_subdomain}:
            return DEFAULT
        try:
            self.outside.schools.profile(typed)
        except SchoolUnknown:
            raise SchoolUnknown(school=typed) from None
        return typed

    def called(self, school: str) -> str:
        """A school's key as people know it; the one of all schools too."""
        return "all" if school == EVERYWHERE else school or self.outside.settings.thinkific_subdomain or NOTHING

    def write_down(
        self,
        action: str,
        subject: str | None = None,
        text: str | None = None,
        *,
        school: str | None = None,
        db: Db | None = None,
    ) -> None:
        """Keep in the audit what was done: in the commit of it where it has one, `db`. An order's school sees it; what
        is about none, or `school`, who sees all.
        """
        if db is None:
            with self.outside.database.begin() as own:
                self.write_down(action, subject, text, school=school, db=own)
            return
        payment = payments.find_payment(db, subject) if subject else None
        whose = payment.school if payment else EVERYWHERE if school is None else school
        audit.write_down(db, self.deed(action, subject, text, school=whose))

    def audited(
        self, action: str, subject: str | None = None, text: str | None = None, *, school: str | None = None
    ) -> Database:
        """The database for a flow that does this, and commits it together with the audit's line."""
        return Audited(self.outside.database, lambda db: self.write_down(action, subject, text, school=school, db=db))

    def deed(self, action: str, subject: str | None, text: str | None = None, *, school: str) -> Deed:
        """An act at this machine, by whoever is signed in to it."""
        try:
            address = f"{ADDRESS}: {getuser()}"
        except (KeyError, OSError):  # a container's user need have no name
            address = ADDRESS
        return Deed(self.outside.now(), None, OPERATOR, address, action, subject, text, school)


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
