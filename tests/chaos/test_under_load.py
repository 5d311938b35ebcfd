"""Two thousand payments while processes are killed and servers crash: nobody is lost, nobody is enrolled twice, nothing
is sold twice and nothing is left over.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pytest

from tests.chaos.buyers import Buyers
from tests.chaos.fleet import until
from tests.chaos.scene import QUICK, Scene, email, scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers import PostgresServer, RedisServer

pytestmark = pytest.mark.chaos

PAYMENTS = int(os.environ.get("CHAOS_PAYMENTS", "800"))
KILLS = PAYMENTS * 3 // 200
A_SECOND = float(os.environ.get("CHAOS_RATE", "14"))
QUIET_SECONDS = 60.0
BUYING_SECONDS = 180.0
SLOWEST_GAP_SECONDS = 8.0
"""Between two kills on a slow machine."""


@dataclass
class Figures:
    payments: int
    kills: int
    ended_by_themselves: int
    seconds: float
    quiet_seconds: float
    enrolled: int
    lost: int
    enrolled_twice: int
    sold_twice: int
    sales_left_to_a_person: int
    stuck: int
    taken_over: int
    callbacks_repeated: int
    seed: int

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in asdict(self).items())


def test_on_postgresql_nothing_is_lost_and_nothing_twice(
    tmp_path: Path, postgres_server: PostgresServer, redis_server: RedisServer, tell: Callable[[str], None]
) -> None:
    crashes = {
        KILLS // 4: lambda: postgres_server.restart(immediate=True),
        KILLS // 2: redis_server.flush,
        3 * KILLS // 4: lambda: postgres_server.restart(immediate=True),
    }
    with scene(tmp_path, postgres_server.url, redis_server.url, QUICK) as at:
        figures = _under_load(at, crashes)
        tell(f"PostgreSQL and Redis, PostgreSQL crashed twice, Redis flushed once: {figures}")

        _nothing_wrong(at, figures)


def test_on_sqlite_nothing_is_lost_and_nothing_twice(
    tmp_path: Path, redis_server: RedisServer, tell: Callable[[str], None]
) -> None:
    url = f"sqlite:///{tmp_path / 'kelaspay.db'}"
    with scene(tmp_path, url, redis_server.url, QUICK) as at:
        figures = _under_load(at, {KILLS // 2: redis_server.flush})
        tell(f"SQLite and Redis, Redis flushed once: {figures}")

        _nothing_wrong(at, figures)


def _under_load(at: Scene, crashes: dict[int, Callable[[], None]]) -> Figures:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    for _ in range(2):
        at.fleet.web()
        at.fleet.worker()
    assert until(lambda: all(web.ready() for web in at.fleet.webs))
    buyers, began = Buyers(at, PAYMENTS, A_SECOND), time.monotonic()
    buyers.start()
    try:
        _kill_around(at, buyers, crashes, random.Random(seed))
    finally:
        bought = buyers.wait(BUYING_SECONDS)
    quiet = time.monotonic()
    orders = list(buyers.orders.values())
    until(lambda: len(at.thinkific.school.enrollments) >= len(orders), QUIET_SECONDS)
    until(lambda: set(at.statuses(orders)) == {"completed"}, max(0.0, QUIET_SECONDS - (time.monotonic() - quiet)))
    assert bought, f"{len(buyers.orders)} orders were made: {buyers.answers}"
    return _figures(at, buyers, began, quiet, seed)


def _kill_around(at: Scene, buyers: Buyers, crashes: dict[int, Callable[[], None]], choice: random.Random) -> None:
    """Kill a process every now and then, and start another in its place, as a supervisor would."""
    gap, bought = PAYMENTS / A_SECOND / (KILLS + 5), PAYMENTS / (KILLS + 5)
    for number in range(KILLS):
        time.sleep(gap * choice.uniform(0.3, 1.7))
        buyers.reach(int(number * bought), SLOWEST_GAP_SECONDS)
        at.fleet.replace_fallen()
        victim = choice.choice(at.fleet.running())
        victim.kill()
        at.fleet.replace(victim)
        crashes.get(number, lambda: None)()
    time.sleep(gap)
    at.fleet.replace_fallen()


def _figures(at: Scene, buyers: Buyers, began: float, quiet: float, seed: int) -> Figures:
    enrollments, sales, stuck = at.enrollments(), at.sales(), at.statuses(list(buyers.orders.values()))
    return Figures(
        payments=len(buyers.orders),
        kills=sum(proc.killed for proc in at.fleet.every),
        ended_by_themselves=sum(not proc.running and not proc.killed for proc in at.fleet.every),
        seconds=round(quiet - began, 1),
        quiet_seconds=round(time.monotonic() - quiet, 1),
        enrolled=len(enrollments),
        lost=sum(email(index) not in enrollments for index in buyers.orders),
        enrolled_twice=sum(count > 1 for count in enrollments.values()),
        sold_twice=sum(count > 1 for count in sales.values()),
        sales_left_to_a_person=sum(order_id not in sales for order_id in buyers.orders.values()),
        stuck=len(buyers.orders) - stuck["completed"],
        taken_over=at.fleet.printed().count("runs_taken_over"),
        callbacks_repeated=sum(len(delivery.sends) > 1 for delivery in at.duitku.outbox),
        seed=seed,
    )


def _nothing_wrong(at: Scene, figures: Figures) -> None:
    assert figures.payments == figures.enrolled == PAYMENTS
    assert figures.kills == KILLS
    assert (figures.lost, figures.enrolled_twice, figures.sold_twice, figures.stuck) == (0, 0, 0, 0)
    assert at.leaks() == []
    assert "Traceback" not in at.fleet.printed()
