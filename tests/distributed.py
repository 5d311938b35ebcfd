"""Which tests go to the same process when several run the suite."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types of its own

TOGETHER = {
    "tests/console/test_chromium.py": "browsers",
    "tests/pages/test_chromium.py": "browsers",
    "tests/api/test_described.py": "programs",
    "tests/test_damage.py": "programs",
    "tests/test_examples.py": "programs",
    "tests/test_newcomer.py": "programs",
    "tests/test_processes.py": "programs",
}
"""The files whose tests share a browser or a program that was started for them. They are begun first, as they take
longest; one after the other, since they wait more than they work: beside them there is to be one who works.
"""


class Distributed(LoadScopeScheduling):  # type: ignore[misc]  # it has no types of its own
    """Hands out test by test, but for those files. pytest-xdist 3.8 has groups for that, which do nothing under pytest
    9.2, where a test can no longer be given another name.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(file, nodeid)
