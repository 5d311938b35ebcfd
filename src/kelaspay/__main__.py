"""The `kelaspay` command."""

from __future__ import annotations

import io
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from kelaspay.cannot_run import CannotRun
from kelaspay.cli import app
from kelaspay.cli.show import EXIT_FAILED, EXIT_WRONG_USE
from kelaspay.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default the one that was typed. Exit code 0 is success, 2 wrong use, 1 anything else; a known
    failure is one line. What is printed is UTF-8, whatever the environment says: exports and JSON are made of it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if not all(map(_is_text, sys.argv[1:] if arguments is None else arguments)):
        print("kelaspay: An argument holds bytes that are no UTF-8.", file=sys.stderr)
        sys.exit(EXIT_WRONG_USE)
    try:
        _command()(arguments, prog_name="kelaspay")
    except Fault as fault:
        print(" ".join(["kelaspay:", str(fault), *_which(fault)]), file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except (CannotRun, PermissionError, NotADirectoryError) as error:
        print(f"kelaspay: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


@cache
def _command() -> Any:
    return typer.main.get_command(app)


def _is_text(argument: str) -> bool:
    """Bytes that are none come as halves of a character, which no database and no page takes."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _which(fault: Fault) -> list[str]:
    """What it is about, like `(KP261123-…)`."""
    about = ", ".join(str(value) for value in fault.ids.values())
    return [f"({about})"] if about else []


if __name__ == "__main__":
    main()
