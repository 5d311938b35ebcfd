"""The commands that copy the database and make one from a copy: backup, restore."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.cli import entered
from kelaspay.cli.opening import DryRun

if TYPE_CHECKING:
    from collections.abc import Iterator

PIPED = Path("-")


def add_to(app: typer.Typer) -> None:
    """Put the commands beside the others."""
    for command in (backup, restore):
        app.command()(command)


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy goes; made where there is none.")],
    *,
    keep: Annotated[int | None, entered.whole("Delete all but this many of the youngest copies.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Copy the database while everything runs. SECRET_KEY is not in the copy: keep it elsewhere."""
    from kelaspay import log
    from kelaspay.backup import back_up, superfluous
    from kelaspay.outside import opened
    from kelaspay.settings import load

    if dry_run:
        print(f"A copy would be written into {folder}.")
        for old in superfluous(folder, keep - 1) if keep else []:  # the new one is the youngest
            print(f"{old} would be deleted.")
        return
    log.configure(quiet=True)
    with opened(load()) as outside:
        print(back_up(outside.database, folder, now=outside.now, keep=keep))


def restore(
    copy: Annotated[Path, typer.Argument(help="A file that `kelaspay backup` made; `-` for what is piped in.")],
) -> None:
    """Make the database from a copy. Only where there is none yet, and before `serve` and `work` start."""
    from kelaspay import log
    from kelaspay.backup import restore as restore_database
    from kelaspay.outside import opened
    from kelaspay.settings import load

    log.configure(quiet=True)
    with opened(load()) as outside, _file(copy) as file:
        count = restore_database(outside.database, file, now=outside.now)
    were = "1 payment was" if count == 1 else f"{count} payments were"
    print(f"Restored. {were} under way; start Kelaspay, and it asks Duitku what became of them.")


@contextmanager
def _file(copy: Path) -> Iterator[Path]:
    """The copy as a file. One that is piped in need not be readable by the service's user."""
    if copy != PIPED:
        yield copy
        return
    from kelaspay.backup import BackupFailed

    if sys.stdin.isatty():
        raise BackupFailed("nothing is piped in: kelaspay restore - <kelaspay-….db")
    with tempfile.NamedTemporaryFile(prefix="kelaspay-") as kept:  # mode 0600
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        try:
            yield Path(kept.name)
        except BackupFailed as failed:
            raise BackupFailed(str(failed).replace(kept.name, "what was piped in")) from None
