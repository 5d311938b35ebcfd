"""Four workers under one limit: never above it, never refused, and nearly all of it used."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.chaos.fleet import until
from tests.chaos.scene import Scene, scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

pytestmark = pytest.mark.chaos

LIMIT = 600
ENVIRONMENT = {"THINKIFIC_RATE": str(LIMIT), "RETRY_BASE_SECONDS": "1"}
ORDERS = 220
"""Three calls each: more than a minute's worth."""
WINDOW = timedelta(seconds=60)


def test_four_workers_keep_to_the_limit_and_use_it_up(
    tmp_path: Path, fresh_postgres: str, fresh_redis: str, tell: Callable[[str], None]
) -> None:
    with scene(tmp_path, fresh_postgres, fresh_redis, ENVIRONMENT) as at:
        web = at.fleet.web()
        orders = _ordered(at) if until(web.ready) else []
        workers = [at.fleet.worker() for _ in range(4)]
        assert until(lambda: all(worker.says("working") for worker in workers))
        for order_id in orders:
            at.duitku.pay(order_id)
        assert until(lambda: len(at.thinkific.calls) >= 3 * ORDERS, 150.0), at.fleet.printed()

        arrivals = [call.at for call in list(at.thinkific.calls)]
        most, used = _most_in_a_window(arrivals), _used(arrivals)
        refused = at.refused_for_rate()
        tell(f"4 workers, limit {LIMIT} a minute: at most {most} in 60 s, {refused} refused, {used:.1%} used")

        assert refused == 0
        assert most <= LIMIT
        assert used >= 0.95


def _ordered(at: Scene) -> list[str]:
    return [at.ordered(index) for index in range(ORDERS)]


def _most_in_a_window(arrivals: list[datetime]) -> int:
    return max(sum(first <= each < first + WINDOW for each in arrivals) for first in arrivals)


def _used(arrivals: list[datetime]) -> float:
    """The share of the limit that was used in the first whole minute of work, its first second aside."""
    begun = arrivals[0] + timedelta(seconds=1)
    return sum(begun <= each < begun + WINDOW for each in arrivals) / LIMIT
