"""Runs `kelaspay` as the release before: with another version, and with other workflows than today's as far as the
engine can tell.
"""

from __future__ import annotations

from dbos import DBOS

import kelaspay

VERSION = "0.0.9"


@DBOS.workflow(name="of_yesterday")
def _of_yesterday() -> None:
    """Gone from today's code; the engine's own idea of a version hashes all workflows' sources."""


if __name__ == "__main__":
    kelaspay.__version__ = VERSION

    from kelaspay.__main__ import main

    main()
