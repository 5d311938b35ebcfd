"""The `kelaspay` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kelaspay.cannot_run import CannotRun
from kelaspay.cli import app
from kelaspay.cli.show import EXIT_FAILED
from kelaspay.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default the one that was typed. Exit code 0 is success, 2 wrong use, 1 anything else; a known
    failure is one line.
    """
    try:
        app(arguments, prog_name="kelaspay")
    except Fault as fault:
        print(" ".join(["kelaspay:", str(fault), *_which(fault)]), file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except (CannotRun, PermissionError, NotADirectoryError) as error:
        print(f"kelaspay: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


def _which(fault: Fault) -> list[str]:
    """What it is about, like `(KP261123-…)`."""
    about = ", ".join(str(value) for value in fault.ids.values())
    return [f"({about})"] if about else []


if __name__ == "__main__":
    main()
