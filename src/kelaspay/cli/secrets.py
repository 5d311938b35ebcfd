"""`kelaspay secrets`: the key that seals other keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import DryRun, desk
from kelaspay.rotate import rotate
from kelaspay.settings import SettingsInvalid

if TYPE_CHECKING:
    from kelaspay.rotate import Rotated

app = typer.Typer(no_args_is_help=True)


@app.callback()
def secrets() -> None:
    """Keeps this a group of commands."""


@app.command("rotate")
def seal_anew(*, dry_run: DryRun = False, json: show.AsJson = False) -> None:
    """Seal every kept token and key with the new SECRET_KEY; SECRET_KEY_OLD must hold the one of before.

    Set both, restart, run this, then take SECRET_KEY_OLD away. It may be repeated and interrupted.
    """
    with desk() as at:
        if at.outside.settings.secret_key_old is None:
            raise SettingsInvalid("SECRET_KEY_OLD: not set; it must hold the SECRET_KEY of before")
        done = rotate(database=at.database(dry_run=dry_run), vault=at.outside.vault)
    if json:
        show.data({**asdict(done), "dry_run": dry_run})
    else:
        print(_would(done) if dry_run else _told(done))
    if done.broken:
        raise typer.Exit(show.EXIT_FAILED)


def _would(done: Rotated) -> str:
    return (
        f"{done.sealed_anew} would be sealed anew, {done.new_already} have the new key's seal already, "
        f"{done.broken} can be opened with neither key."
    )


def _told(done: Rotated) -> str:
    if done.broken:
        return (
            f"{done.broken} could be opened with neither key: enter those keys anew, or connect those schools again. "
            f"{done.sealed_anew} sealed anew, {done.new_already} had the new key's seal already."
        )
    return (
        f"{done.sealed_anew} sealed anew, {done.new_already} had the new key's seal already. "
        "SECRET_KEY_OLD is no longer needed."
    )
