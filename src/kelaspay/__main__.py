"""The `kelaspay` command."""

from __future__ import annotations

import sys

from kelaspay.alone import NotAlone
from kelaspay.cli import app
from kelaspay.cli.show import EXIT_FAILED
from kelaspay.demo import PortTaken
from kelaspay.faults import Fault
from kelaspay.outside import MissingSettings
from kelaspay.settings import SettingsInvalid


def main() -> None:
    """Run a command. Exit code 0 is success, 2 wrong use, 1 anything else; a known failure is one line."""
    try:
        app()
    except (SettingsInvalid, MissingSettings, NotAlone, PortTaken, Fault) as error:
        print(f"kelaspay: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
