"""Access exists exactly where confirmed money covers it: shown by random histories, each ending at rest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.security.history import History
from tests.security.market import Market

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HISTORIES = {"dev": 40, "ci": 2000}
"""By profile: all that the parts go through together."""
PARTS = 4
"""So that several workers share them."""
STEPS = 10
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "dev")


@pytest.fixture
def market(sqlite_url: str, tmp_path: Path) -> Iterator[Market]:
    structlog.configure(processors=[_drop])
    with Market(tmp_path, sqlite_url).opened() as made:
        yield made


def _drop(_logger: object, _method: str, _event: object) -> str:
    raise structlog.DropEvent


@pytest.mark.parametrize("part", range(PARTS))
def test_access_exists_exactly_where_confirmed_money_covers_it(market: Market, part: int) -> None:
    class Run(History):
        pass

    Run.market = market
    if settings().derandomize:  # as where CI is set: every part would be given the same histories
        seed(part)(Run)
    run_state_machine_as_test(
        Run,
        settings=settings(
            max_examples=HISTORIES[PROFILE] // PARTS,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
