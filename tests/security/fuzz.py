"""Fuzz one target with atheris, guided by coverage: `python -m tests.security.fuzz raw_callback -runs=5000000`.

What it finds becomes an example in test_fuzz.py, where hypothesis throws a few hundred inputs at the same targets.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kelaspay.duitku", "kelaspay.thinkific.oauth", "kelaspay.wanted", "urllib"]):
    from tests.security.targets import SEEDS, TARGETS


def main(arguments: list[str]) -> None:
    """The first argument names the target, the rest is libFuzzer's."""
    name = arguments[1]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([arguments[0], *arguments[2:], corpus], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
