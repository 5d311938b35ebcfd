"""A worker that dies for ever, one that is only paused, and one of another release: their work is done, once."""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from kelaspay import __version__
from kelaspay.store.database import Database
from kelaspay.store.tables import executors
from tests.chaos import previous
from tests.chaos.fleet import until
from tests.chaos.scene import QUICK, Scene, email, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chaos.fleet import Proc

pytestmark = pytest.mark.chaos

TAKEN_OVER_SECONDS = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def at(request: pytest.FixtureRequest, tmp_path: Path, fresh_redis: str) -> Iterator[Scene]:
    """A web process; calls to Thinkific take a second, so that runs can be met under way."""
    sqlite = f"sqlite:///{tmp_path / 'kelaspay.db'}"
    url = sqlite if request.param == "sqlite" else str(request.getfixturevalue("fresh_postgres"))
    with scene(tmp_path, url, fresh_redis, QUICK) as made:
        made.thinkific.switches.latency_seconds = 1.0
        web = made.fleet.web()
        assert until(web.ready), web.printed()
        yield made


def test_the_work_of_a_worker_that_is_dead_for_ever_is_done_within_a_minute(
    at: Scene, tell: Callable[[str], None]
) -> None:
    dead = at.fleet.worker()
    orders = _paid(at, 10)
    assert until(lambda: len(at.thinkific.calls) >= 8), dead.printed()
    dead.kill()
    began = time.monotonic()

    at.fleet.worker()
    done = until(lambda: at.statuses(orders) == {"completed": 10}, TAKEN_OVER_SECONDS)
    tell(f"killed for ever, 10 orders in flight: done {time.monotonic() - began:.1f} s after the kill")

    assert done, at.fleet.printed()
    assert at.enrollments() == {email(index): 1 for index in range(10)}
    assert max(at.sales().values()) == 1
    assert "runs_taken_over" in at.fleet.printed()


def test_workers_paused_past_their_heartbeat_and_continued_beside_their_successor_double_nothing(
    at: Scene, tell: Callable[[str], None]
) -> None:
    paused = [at.fleet.worker(), at.fleet.worker()]
    assert until(lambda: all(worker.says("working") for worker in paused))
    orders = _paid(at, 20)
    assert until(lambda: len(at.thinkific.calls) >= 20)
    assert until(lambda: _paused(at, paused))
    successor = at.fleet.worker()
    assert until(lambda: successor.says("runs_taken_over"), TAKEN_OVER_SECONDS), successor.printed()

    for worker in paused:
        worker.go_on()

    assert until(lambda: at.statuses(orders) == {"completed": 20}, TAKEN_OVER_SECONDS), at.fleet.printed()
    assert until(lambda: at.sales() == dict.fromkeys(orders, 1)), at.fleet.printed()
    assert at.enrollments() == {email(index): 1 for index in range(20)}
    superseded = at.fleet.printed().count("run_superseded")
    tell(f"paused and continued, 20 orders in flight: each enrolled once, sold once; {superseded} runs fenced")
    assert superseded > 0


@pytest.mark.parametrize("at", ["sqlite"], indirect=True)
def test_work_left_by_the_previous_version_is_finished_by_this_one(at: Scene) -> None:
    old = _previous_worker(at)
    orders = _paid(at, 12)
    assert until(lambda: len(at.thinkific.calls) >= 8), at.fleet.printed()
    old.kill()

    at.fleet.worker()

    assert until(lambda: at.statuses(orders) == {"completed": 12}, TAKEN_OVER_SECONDS), at.fleet.printed()
    assert at.enrollments() == {email(index): 1 for index in range(12)}
    assert _versions(at) == {previous.VERSION, __version__}


@pytest.mark.parametrize("at", ["postgresql"], indirect=True)
def test_two_versions_side_by_side_share_the_work_and_the_older_finishes_what_the_newer_leaves(at: Scene) -> None:
    old, new = _previous_worker(at), at.fleet.worker()
    assert until(lambda: old.says("working") and new.says("working"))
    orders = _paid(at, 20)
    assert until(lambda: old.says("enrolled") and new.says("enrolled")), at.fleet.printed()

    new.kill()

    assert until(lambda: at.statuses(orders) == {"completed": 20}, TAKEN_OVER_SECONDS), at.fleet.printed()
    assert at.enrollments() == {email(index): 1 for index in range(20)}
    assert max(at.sales().values()) == 1


def _paid(at: Scene, count: int) -> list[str]:
    orders = [at.ordered(index) for index in range(count)]
    for order_id in orders:
        at.duitku.pay(order_id)
    return orders


def _paused(at: Scene, workers: list[Proc]) -> bool:
    """Pause them, unless that stops one in the middle of a commit to SQLite: then nobody could write until it went on,
    and there would be nothing to take over.
    """
    for worker in workers:
        worker.pause()
    url, _, path = at.database_url.partition(":///")
    if url != "sqlite":
        return True
    with closing(sqlite3.connect(f"/{path.lstrip('/')}", timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            for worker in workers:
                worker.go_on()
            return False
    return True


def _previous_worker(at: Scene) -> Proc:
    return at.fleet.run(sys.executable, str(Path(previous.__file__)), "work")


def _versions(at: Scene) -> set[str]:
    database = Database(at.database_url)
    with database.read() as db:
        found = set(db.execute(sa.select(executors.c.version)).scalars())
    database.close()
    return found
