"""The whole story through real processes: web and worker apart, sharing a database and Redis, and one process alone."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.chaos.fleet import until
from tests.chaos.scene import QUICK, Scene, email, scene
from tests.collector import collecting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector import Collector

APART = ["postgresql", pytest.param("sqlite", marks=pytest.mark.chaos)]
ALONE = ["sqlite", pytest.param("postgresql", marks=pytest.mark.chaos)]
"""The way that is usual, and the other one where there is time for it."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kelaspay.db'}"
    return str(request.getfixturevalue("fresh_postgres"))


@pytest.fixture
def at(tmp_path: Path, database_url: str, fresh_redis: str) -> Iterator[Scene]:
    with scene(tmp_path, database_url, fresh_redis, QUICK) as made:
        yield made


@pytest.mark.parametrize("database_url", APART, indirect=True)
def test_web_and_worker_apart_bring_whoever_paid_into_the_course_and_stop_when_asked(at: Scene) -> None:
    with collecting() as collector:
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        web = at.fleet.web(**traced, OTEL_SERVICE_NAME="web")
        worker = at.fleet.worker(**traced, OTEL_SERVICE_NAME="worker")
        assert until(web.ready), web.printed()

        orders = [at.ordered(index) for index in range(5)]
        for order_id in orders:
            at.duitku.pay(order_id)

        assert until(lambda: at.statuses(orders) == {"completed": 5}), at.fleet.printed()
        assert at.enrollments() == {email(index): 1 for index in range(5)}
        assert at.sales() == dict.fromkeys(orders, 1)
        assert at.leaks() == []
        assert (web.stop(), worker.stop()) == (0, 0)
        assert "Traceback" not in at.fleet.printed()
    assert_one_trace_each(collector, len(orders))


def assert_one_trace_each(collector: Collector, sales: int) -> None:
    """From the callback, which the web process took, to the course, which the worker gave."""
    traces = defaultdict(set)
    for told in collector.spans():
        traces[told.trace_id].add((told.service, told.name))
    sold = [those for those in traces.values() if ("web", "callback") in those]
    assert len(sold) == sales
    assert all(("worker", "Thinkific POST /enrollments") in those for those in sold), sold


@pytest.mark.parametrize("database_url", ALONE, indirect=True)
def test_one_process_does_it_all_without_redis(tmp_path: Path, database_url: str) -> None:
    with scene(tmp_path, database_url, None, QUICK) as at:
        both = at.fleet.serve()
        assert until(both.ready), both.printed()

        order_id = at.ordered(1)
        at.duitku.pay(order_id)

        assert until(lambda: at.status(order_id) == "completed"), both.printed()
        assert at.enrollments() == {email(1): 1}
        assert both.stop() == 0
        assert at.leaks() == []
