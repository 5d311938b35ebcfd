"""Which tests go to the same process when several run the suite."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types of its own

WHOLE = {
    "tests/console/test_chromium.py",
    "tests/pages/test_chromium.py",
    "tests/test_examples.py",
    "tests/test_newcomer.py",
    "tests/test_processes.py",
}
"""The files whose tests share a browser or a program that was started for them; begun first, as they take longest."""


class Distributed(LoadScopeScheduling):  # type: ignore[misc]  # it has no types of its own
    """Hands out test by test, but for those files. pytest-xdist 3.8 has groups for that, which do nothing under pytest
    9.2, where a test can no longer be given another name.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in WHOLE else nodeid
