"""The commands that copy the database and make one from a copy: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Put the commands beside the others."""
    for command in (backup, restore):
        app.command()(command)


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy goes; made where there is none.")],
    *,
    keep: Annotated[int | None, typer.Option(min=1, help="Delete all but this many of the youngest copies.")] = None,
) -> None:
    """Copy the database while everything runs. SECRET_KEY is not in the copy: keep it elsewhere."""
    from kelaspay import log
    from kelaspay.backup import back_up
    from kelaspay.outside import opened
    from kelaspay.settings import load

    log.configure(quiet=True)
    with opened(load()) as outside:
        print(back_up(outside.database, folder, now=outside.now, keep=keep))


def restore(copy: Annotated[Path, typer.Argument(help="A file that `kelaspay backup` made.")]) -> None:
    """Make the database from a copy. Only where there is none yet, and before `serve` and `work` start."""
    from kelaspay import log
    from kelaspay.backup import restore as restore_database
    from kelaspay.outside import opened
    from kelaspay.settings import load

    log.configure(quiet=True)
    with opened(load()) as outside:
        count = restore_database(outside.database, copy, now=outside.now)
    print(f"Restored. {count} payments were under way; start Kelaspay, and it asks Duitku what became of them.")
