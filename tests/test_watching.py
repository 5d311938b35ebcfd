"""A buyer who waits at the status page goes before bulk work at the gate."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from kelaspay.payment import MerchantOrderId
from kelaspay.thinkific import KeyAuth, Thinkific
from kelaspay.watching import Watching
from tests.world import Hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.world import World

ORDER = MerchantOrderId("KP261123-watched")


class Turnstile:
    """A gate that lets everybody through and counts who was urgent."""

    def __init__(self) -> None:
        self.turns: list[bool] = []

    @contextmanager
    def turn(self, *, urgent: bool) -> Iterator[None]:
        self.turns.append(urgent)
        yield

    def close(self, until: float) -> None:
        raise AssertionError(until)


@pytest.fixture
def turnstile(world: World) -> Iterator[Turnstile]:
    """The world's Thinkific behind a gate that tells who went through."""
    gate, school = Turnstile(), world.thinkific.school
    hosts = Hosts(duitku=world.duitku, thinkific=world.thinkific)
    with httpx2.Client(transport=hosts, headers={"User-Agent": "Kelaspay/tests"}) as http:
        auth = KeyAuth(school.subdomain, school.api_key)
        thinkific = Thinkific(http, api_url="http://thinkific.test", auth=auth, gate=gate)
        world.school = replace(world.school, thinkific=thinkific)
        yield gate


def by_the_page(world: World, made: dict[str, str]) -> int:
    return world.web.get(made["status_url"]).status_code


def by_the_api(world: World, made: dict[str, str]) -> int:
    return world.web.get(f"/payment/{made['merchant_order_id']}").status_code


@pytest.mark.parametrize("look", [by_the_page, by_the_api])
def test_who_looks_at_the_status_is_enrolled_before_bulk_work(
    world: World, turnstile: Turnstile, look: Callable[[World, dict[str, str]], int]
) -> None:
    world.sell()
    made = world.ask_to_buy().json()
    world.call_back(world.duitku.pay(made["merchant_order_id"]))

    looked = look(world, made)
    world.work()

    assert looked == 200
    assert turnstile.turns == [True] * 3


def test_whom_nobody_waits_for_is_enrolled_in_turn(world: World, turnstile: Turnstile) -> None:
    world.sell()
    world.buy_and_pay()
    another = world.ask_to_buy(customer_email="budi@example.com").json()
    by_the_api(world, another)

    world.work()

    assert turnstile.turns == [False] * 3


def test_a_look_is_heard_of_by_every_process(fresh_redis: str) -> None:
    with redis.Redis.from_url(fresh_redis) as here, redis.Redis.from_url(fresh_redis) as there:
        Watching(here).seen(ORDER)

        seconds = there.ttl(f"kelaspay:watching:{ORDER}")
        assert Watching(there).watched(ORDER)
        assert not Watching(there).watched(MerchantOrderId("KP261123-another"))
        assert isinstance(seconds, int)
        assert 0 < seconds <= 60


def test_without_redis_nobody_is_kept_waiting_for_it() -> None:
    with redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)) as gone:
        watching = Watching(gone)

        watching.seen(ORDER)

        assert not watching.watched(ORDER)
