"""The gate before Thinkific: spaced, shared, closed for everybody by one refusal, urgent callers first."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry
from throttled import RedisStore

from kelaspay.catalogue import sync
from kelaspay.faults import ThinkificBusy, TurnMissed
from kelaspay.gate import MOST_IN_FLIGHT, PATIENCE, Gate
from kelaspay.schools import Keys
from kelaspay.store import jobs
from tests.servers import RedisServer
from tests.test_schools import keep
from tests.world import MERCHANTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World

FAST = 60_000
SLOW = 600
"""A call every tenth of a second, about."""


@pytest.fixture
def cache(fresh_redis: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(fresh_redis, socket_timeout=1.0)) as client:
        yield client


def _shared(cache: redis.Redis, url: str, rate: int) -> Gate:
    return Gate("school", rate, cache=cache, store=RedisStore(server=url))


def _passes(gate: Gate, *, urgent: bool = False) -> float:
    """When a caller was let through."""
    with gate.turn(urgent=urgent):
        return time.monotonic()


def test_two_processes_together_keep_the_spacing_of_one(cache: redis.Redis, fresh_redis: str) -> None:
    gates = [_shared(cache, fresh_redis, SLOW) for _ in range(2)]
    began = time.monotonic()  # who was let through first may be the last to say so

    with ThreadPoolExecutor(4) as callers:
        passed = list(callers.map(_passes, gates * 5))

    assert max(passed) - began >= 8 * 60 / SLOW  # ten calls, two of them at once


def test_a_refusal_heard_by_one_process_closes_the_gate_for_the_other(cache: redis.Redis, fresh_redis: str) -> None:
    refused, other = (_shared(cache, fresh_redis, FAST) for _ in range(2))
    began = time.monotonic()

    refused.close(time.time() + 0.4)

    assert _passes(other) - began >= 0.39


def test_a_gate_that_stays_closed_for_long_sends_its_callers_away_with_the_time_to_wait() -> None:
    gate = Gate("school", FAST)
    gate.close(time.time() + 200)

    with pytest.raises(ThinkificBusy) as refused, gate.turn(urgent=False):
        pass

    assert not isinstance(refused.value, TurnMissed)
    assert refused.value.wait is not None
    assert 190 < refused.value.wait < 202


def test_never_more_in_flight_than_this_process_s_share() -> None:
    gate = Gate("school", FAST)
    gate.processes = 5
    share = MOST_IN_FLIGHT // 5
    together = threading.Barrier(share)
    inside: list[int] = []
    now_inside = 0
    lock = threading.Lock()

    def call(_number: int) -> None:
        nonlocal now_inside
        with gate.turn(urgent=False):
            with lock:
                now_inside += 1
                inside.append(now_inside)
            together.wait(PATIENCE)
            with lock:
                now_inside -= 1

    with ThreadPoolExecutor(8) as callers:
        list(callers.map(call, range(16)))

    assert max(inside) == share


def test_whoever_would_wait_too_long_for_a_turn_is_told_when_one_will_come() -> None:
    gate = Gate("school", 3)  # one of them a minute is used
    for _ in range(2):
        _passes(gate)

    with pytest.raises(TurnMissed) as missed, gate.turn(urgent=False):
        pass

    assert missed.value.wait is not None
    assert 55 < missed.value.wait <= 60


def test_a_buyer_who_missed_a_turn_stands_in_line_again_at_once(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.outside.schools.gate().shut()

    world.work()

    due = world.engine.next_due()
    with world.database.read() as db:
        job = jobs.find_job(db, order_id)
    assert job is not None
    assert (job.fault, job.attempts) == ("turn_missed", 0)
    assert "turn_missed" not in world.story(order_id)
    assert due is not None
    assert due - world.clock() < timedelta(seconds=1)


def test_whoever_waits_when_the_process_stops_is_sent_away_at_once() -> None:
    gate = Gate("school", FAST)
    gate.close(time.time() + 20)
    began = time.monotonic()

    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(_passes, gate)
        gate.shut()
        error = waiting.exception()

    assert isinstance(error, ThinkificBusy)
    assert time.monotonic() - began < 5.0


def test_an_urgent_caller_goes_before_those_that_came_earlier(cache: redis.Redis, fresh_redis: str) -> None:
    gate, beside = (_shared(cache, fresh_redis, 240) for _ in range(2))
    for _ in range(2):
        _passes(gate)

    with ThreadPoolExecutor(5) as callers:
        bulk = [callers.submit(_passes, gate) for _ in range(4)]
        urgent = callers.submit(_passes, beside, urgent=True)
        passed = sorted(each.result() for each in bulk)

    assert urgent.result() < passed[1]


def test_an_urgent_caller_goes_before_more_of_the_others_than_may_be_in_flight() -> None:
    gate = Gate("school", 240)
    gate.processes = MOST_IN_FLIGHT // 2
    for _ in range(2):
        _passes(gate)

    with ThreadPoolExecutor(6) as callers:
        bulk = [callers.submit(_passes, gate) for _ in range(5)]
        urgent = callers.submit(_passes, gate, urgent=True)
        passed = sorted(each.result() for each in bulk)

    assert urgent.result() < passed[1]


def test_without_redis_each_process_takes_its_share_and_says_so() -> None:
    nowhere = "redis://127.0.0.1:1/0"
    with closing(redis.Redis.from_url(nowhere, socket_connect_timeout=0.2)) as cache:
        gate = _shared(cache, nowhere, SLOW)
        gate.processes = 2

        passed = [_passes(gate) for _ in range(3)]

    assert gate.redis_lost
    assert passed[2] - passed[0] >= 2 * 2 * 60 / SLOW


def test_one_call_without_redis_leaves_the_limit_shared_for_the_next() -> None:
    server = RedisServer()
    with ExitStack() as stack:
        cache = stack.enter_context(closing(redis.Redis.from_url(server.url, retry=Retry(NoBackoff(), 1))))
        gate = _shared(cache, server.url, FAST)
        _passes(gate)
        alone = gate.redis_lost
        server.start()
        stack.callback(server.stop)
        _passes(gate)

    assert (alone, gate.redis_lost) == (True, False)


def test_one_site_has_one_limit_though_two_merchants_sell_for_it(world: World) -> None:
    subdomain, [code, api_key] = world.thinkific.school.subdomain, list(MERCHANTS.items())[1]
    keep(world, subdomain, Keys(code, SecretStr(api_key), SecretStr(world.thinkific.school.api_key)))
    world.thinkific.fail_next("GET", "/products", "429")

    with pytest.raises(ThinkificBusy):
        sync(school=world.outside.schools.of(subdomain))

    assert world.outside.schools.gate().closed_for() > 0
