"""A person's word before something is done that cannot simply be undone. It is asked for once, on a terminal;
what runs a script is its own word, but where --yes is needed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.cannot_run import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.cli.opening import Desk
    from kelaspay.store.database import Database

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first; for scripts.")]
AGREED = frozenset({"y", "yes"})


class Declined(CannotRun):
    """A person did not agree."""


def carefully(
    act: Callable[[Database], object],
    real: Database,
    *,
    at: Desk,
    would: str,
    dry_run: bool,
    yes: bool,
    needed: bool = False,
) -> None:
    """Rehearse an act, so that nobody is asked about what would be refused; then ask, and do it on the `real` one."""
    act(at.database(dry_run=True))
    if not dry_run:
        ask(would, yes=yes, needed=needed)
        act(real)


def ask(consequence: str, *, yes: bool, needed: bool = False) -> None:
    """Return when it may be done. Raises `Declined` when a person says no.

    Where nobody can answer, the command itself is the word, except where it is `needed`: then --yes must be typed.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        if needed:
            raise typer.BadParameter("it must be said where nobody can be asked", param_hint="--yes")
        return
    print(f"{consequence} Go on? [y/N]", end=" ", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if not (answer.endswith("\n") and sys.stderr.isatty()):  # the line that Enter ends at a terminal, and nothing else
        print(file=sys.stderr)
    if answer.strip().lower() not in AGREED:
        raise Declined("Nothing was changed.")
