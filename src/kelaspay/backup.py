"""Copies of the database, taken while everything runs, and a database made from such a copy.

A copy is one moment of the database, whole or not there at all. Neither SECRET_KEY nor any other setting is in it: who
finds a copy cannot open the keys and tokens that are sealed in it.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from kelaspay.cannot_run import CannotRun
from kelaspay.migrate import migrate
from kelaspay.migrations import current
from kelaspay.store import restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database

NAMED = re.compile(r"kelaspay-\d{8}T\d{6}Z\.(db|dump)")
PRIVATE = 0o600


class BackupFailed(CannotRun):
    """A copy could not be taken or put back; the text is one line that says why."""


def back_up(database: Database, folder: Path, *, now: Callable[[], datetime], keep: int | None = None) -> Path:
    """Copy the database into a new file of `folder`, readable by its owner alone, and leave the youngest `keep` copies.

    Neither writers nor readers wait. What was committed when it began is in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackupFailed(f"{folder} cannot be a folder ({error.strerror})") from None
    path = folder / f"kelaspay-{now():%Y%m%dT%H%M%SZ}.{'dump' if database.postgresql else 'db'}"
    part = path.with_suffix(".part")
    try:
        part.touch(PRIVATE)
        _dump(database.url, part) if database.postgresql else _copy(_file(database), part)
        _settle(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    for old in superfluous(folder, keep) if keep else []:
        old.unlink()
    return path


def superfluous(folder: Path, keep: int) -> list[Path]:
    """The copies in `folder`, oldest first, that are not among the youngest `keep`."""
    copies = sorted(each for each in folder.iterdir() if NAMED.fullmatch(each.name)) if folder.is_dir() else []
    return copies[: max(0, len(copies) - keep)]


def restore(database: Database, copy: Path, *, now: Callable[[], datetime]) -> int:
    """Make the database from a copy, bring it up to date, and tell every payment that is under way of it; returned is
    how many those are. Only into nothing: a database that is there stays.

    Between the copy and the loss a sale may have been recorded with Thinkific, which can neither be asked nor knows a
    repeat; so whoever records a sale of such a payment leaves it to a person (`record_sale`).
    """
    if not copy.is_file():
        raise BackupFailed(f"{copy} is not there")
    if database.postgresql:
        if current(database)[0] is not None:
            raise BackupFailed("the database is not empty; restore into a new one")
        _load(database.url, copy)
    else:
        _put_in_place(copy, _file(database))
    if current(database)[0] is None:
        raise BackupFailed(f"{copy} is no copy of a Kelaspay database")
    migrate(database)
    with database.begin() as db:
        return restored.tell_all(db, now())


def _file(database: Database) -> Path:
    return Path(database.url.removeprefix("sqlite:///"))


def _copy(path: Path, to: Path) -> None:
    """SQLite's online backup in one step: one snapshot, and in WAL mode nobody waits for it."""
    if not path.is_file():
        raise BackupFailed(f"{path} is not there")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
            source.backup(target)
            said = target.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupFailed(f"{path} cannot be copied ({error})") from None
    if said != "ok":
        raise BackupFailed(f"{path} is damaged ({said})")


def _put_in_place(copy: Path, path: Path) -> None:
    there = [each for each in (path, Path(f"{path}-wal")) if each.exists()]
    if there:
        raise BackupFailed(f"{there[0]} is there already; move it away, or choose another DATA_DIR")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(PRIVATE)
        _copy(copy, part)
        _must_be_ours(part, copy)
        _settle(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _must_be_ours(part: Path, copy: Path) -> None:
    """Before it takes the place: an empty file is a sound database, too."""
    with closing(sqlite3.connect(part)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= {"alembic_version", "payments"}:
        raise BackupFailed(f"{copy} is no copy of a Kelaspay database")


def _dump(url: str, to: Path) -> None:
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={to}")


def _load(url: str, copy: Path) -> None:
    """All of it or, where a part fails, nothing."""
    _run("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(copy))


def _run(name: str, url: str, *options: str) -> None:
    """A program of PostgreSQL's; the password goes through its environment, where other users cannot see it."""
    program = shutil.which(name)
    if program is None:
        raise BackupFailed(f"{name} is not installed; it comes with PostgreSQL's client programs")
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    where = urlunsplit(parts._replace(netloc=user + parts.netloc.rpartition("@")[2]))
    password = {"PGPASSWORD": unquote(parts.password)} if parts.password else {}
    ran = subprocess.run(  # noqa: S603 - a fixed program; the options are ours
        [program, f"--dbname={where}", *options],
        env=os.environ | password,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or ["it did not say why"])[0]
        raise BackupFailed(f"{name} failed: {why}")


def _settle(path: Path) -> None:
    """Until it is on disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
