"""Parts fail under running processes and come back: callbacks are refused or kept, never lost, and work goes on."""

from __future__ import annotations

import resource
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kelaspay.alone import NotAlone, alone
from kelaspay.attempt import attempt
from kelaspay.faults import HeldElsewhere
from kelaspay.store import executors, jobs
from kelaspay.store.database import Database
from kelaspay.work.worker import DEAD_SECONDS
from tests.chaos.fleet import until
from tests.chaos.scene import QUICK, Scene, email, scene
from tests.world import WAITS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.fleet import Proc
    from tests.servers import PostgresServer, RedisServer
    from tests.world import World

pytestmark = pytest.mark.chaos

UNAVAILABLE = 503


def test_the_database_is_away_for_longer_than_heartbeats_stay_fresh(
    tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer
) -> None:
    with scene(tmp_path, postgres_server.url, redis_server.url, QUICK) as at:
        at.thinkific.switches.latency_seconds = 0.5
        web, workers = at.fleet.web(), [at.fleet.worker(), at.fleet.worker()]
        assert until(web.ready), web.printed()
        assert until(lambda: all(worker.says("working") for worker in workers))
        orders = [at.ordered(index) for index in range(10)]
        for order_id in orders[:6]:
            at.duitku.pay(order_id)
        assert until(lambda: len(at.thinkific.calls) >= 4), at.fleet.printed()

        postgres_server.stop(immediate=True)
        began = time.monotonic()
        for order_id in orders[6:]:
            at.duitku.pay(order_id)

        assert until(lambda: UNAVAILABLE in _answers(at)), web.printed()
        assert web.readiness() == UNAVAILABLE
        assert until(lambda: time.monotonic() - began > DEAD_SECONDS + 1.0)
        postgres_server.start()
        assert until(web.ready), web.printed()
        assert until(lambda: at.statuses(orders) == {"completed": 10}, 60.0), at.fleet.printed()
        assert at.enrollments() == {email(index): 1 for index in range(10)}
        assert max(at.sales().values()) == 1
        assert "runs_taken_over" not in at.fleet.printed()
        assert "Traceback" not in at.fleet.printed()
        assert at.leaks() == []


def test_a_process_that_starts_while_the_database_is_away_says_so_in_one_line(
    tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer
) -> None:
    with scene(tmp_path, postgres_server.url, redis_server.url) as at:
        postgres_server.stop()

        worker = at.fleet.worker()

        assert worker.exit_code() == 1
        assert len(worker.printed().splitlines()) == 1, worker.printed()


def test_a_process_alone_is_alone_again_after_the_database_crashed(postgres_server: PostgresServer) -> None:
    with closing(Database(postgres_server.url)) as first, closing(Database(postgres_server.url)) as second:
        with alone(first) as held:
            postgres_server.restart(immediate=True)
            held.renew()
            held.renew()

            with pytest.raises(NotAlone), alone(second):
                pass

        with alone(second):
            pass


def test_redis_goes_and_comes_back_and_buyers_notice_nothing(tmp_path: Path, redis_server: RedisServer) -> None:
    with scene(tmp_path, f"sqlite:///{tmp_path / 'kelaspay.db'}", redis_server.url, QUICK) as at:
        web, worker = at.fleet.web(), at.fleet.worker()
        assert until(web.ready), web.printed()
        before = at.ordered(0)

        redis_server.stop()
        during = at.ordered(1)
        for order_id in (before, during):
            at.duitku.pay(order_id)

        assert until(lambda: at.statuses([before, during]) == {"completed": 2}), at.fleet.printed()
        assert web.ready()
        assert worker.says("redis_lost")
        redis_server.start()
        after: list[str] = []

        def found_by_the_next() -> bool:
            after.append(at.ordered(2 + len(after)))
            at.duitku.pay(after[-1])
            assert until(lambda: at.status(after[-1]) == "completed"), at.fleet.printed()
            return worker.says("redis_found")

        assert until(found_by_the_next), worker.printed()  # after a pause in which nobody asks it
        assert set(at.enrollments().values()) == {1}


def test_the_disk_is_full_for_a_while(tmp_path: Path) -> None:
    with scene(tmp_path, f"sqlite:///{tmp_path / 'kelaspay.db'}", None, QUICK) as at:
        both = at.fleet.serve()
        assert until(both.ready), both.printed()
        orders = [at.ordered(index) for index in range(3)]

        _let_it_write(both, 0)
        for order_id in orders:
            at.duitku.pay(order_id)

        assert until(lambda: _answers(at) == {UNAVAILABLE})
        assert at.order(9).status_code == UNAVAILABLE
        assert until(lambda: both.readiness() == UNAVAILABLE), both.printed()
        _let_it_write(both, resource.RLIM_INFINITY)
        assert until(lambda: at.statuses(orders) == {"completed": 3}, 60.0), both.printed()
        assert at.enrollments() == {email(index): 1 for index in range(3)}
        assert until(both.ready), both.printed()


def test_another_program_holds_the_write_lock_for_a_while_in_a_quiet_hour(tmp_path: Path) -> None:
    file = tmp_path / "kelaspay.db"
    with scene(tmp_path, f"sqlite:///{file}", None, QUICK) as at:
        both = at.fleet.serve()
        assert until(both.ready), both.printed()

        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert until(lambda: both.readiness() == UNAVAILABLE), both.printed()

        assert until(both.ready), both.printed()


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_clock_that_jumps_ends_no_lease_and_no_life(world: World, jump: timedelta) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id))
    world.hand_over()
    with world.database.begin() as db:
        executors.beat(db, "one", "1", works=True)
        assert executors.take_lease(db, "sweep", "one", 60.0)
        assert jobs.claim(db, order_id, 1, "one/1", 60.0)

    world.clock.time += jump

    with world.database.begin() as db:
        assert executors.fresh(db, 15.0) == {"one"}
        assert not executors.take_lease(db, "sweep", "two", 60.0)
    with pytest.raises(HeldElsewhere):
        attempt(
            order_id,
            1,
            holder="two/1",
            database=world.database,
            school_of=world.school_of,
            now=world.clock,
            waits=WAITS,
            step=lambda _name, function: function(),
            start=world.engine.start,
            enqueue=world.engine.enqueue,
        )
    assert world.enrolled() == []


def _answers(at: Scene) -> set[int]:
    """What callbacks have been answered so far."""
    return {status for delivery in at.duitku.outbox for _at, status in delivery.sends}


def _let_it_write(proc: Proc, size: int) -> None:
    """No file of the process may grow beyond so many bytes: to it that is a full disk."""
    resource.prlimit(proc.popen.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
