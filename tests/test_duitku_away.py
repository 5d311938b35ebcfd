"""Duitku away for long, blocking us, or refusing our key: it costs buyers time, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kelaspay.faults import DuitkuBusy
from kelaspay.outside import opened
from tests.test_outages import SITI, attempts
from tests.world import Hosts

if TYPE_CHECKING:
    from tests.world import World


@pytest.mark.parametrize("how", ["down", "http_500"])
def test_duitku_away_for_a_day_costs_the_buyer_only_time(world: World, how: str) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    setattr(world.duitku.switches, how, True)
    world.work_for(hours=20)
    meanwhile = (world.status(order_id), attempts(world, order_id), world.duitku_asks())
    setattr(world.duitku.switches, how, False)

    world.work_for(hours=2)

    assert meanwhile[:2] == ("pending", 0)
    assert meanwhile[2] < 40
    assert world.enrolled() == [SITI]


def test_a_duitku_that_blocks_us_is_asked_again_after_its_hour(world: World) -> None:
    world.duitku.switches.rate_limit = 0
    world.sell()
    order_id = world.buy_and_pay()
    world.work_for(minutes=50)
    meanwhile = (world.status(order_id), world.duitku_asks())
    world.duitku.switches.rate_limit = None

    world.work_for(hours=2)

    assert meanwhile == ("pending", 1)
    assert world.enrolled() == [SITI]
    assert world.duitku_asks() == 2


def test_while_duitku_blocks_us_nothing_is_asked_and_all_payments_go_on_when_it_ends(world: World) -> None:
    world.sell()
    world.duitku.switches.rate_limit = 0
    world.buy_and_pay()
    world.work()
    world.duitku.switches.rate_limit = 100
    for buyer in ("budi", "dewi", "joko"):
        world.work_for(minutes=15)
        world.buy_and_pay(customer_email=f"{buyer}@example.com")
    world.work_for(minutes=14)
    meanwhile = (world.duitku_asks(), world.enrolled())

    world.work_for(minutes=2)

    assert meanwhile == (1, [])
    assert len(world.enrolled()) == 4
    assert world.duitku_asks() == 5


def test_a_block_is_known_to_every_process(world: World) -> None:
    world.sell()
    world.duitku.switches.rate_limit = 0
    order_id = world.buy_and_pay()
    world.work()
    settings = world.outside.settings
    hosts = Hosts(duitku=world.duitku, thinkific=world.thinkific)

    with opened(settings, transport=hosts, now=world.clock) as another, pytest.raises(DuitkuBusy) as told:
        another.schools.of().duitku.transaction_status(order_id, None)

    assert told.value.wait == 3600
    assert world.duitku_asks() == 1


def test_a_key_that_duitku_takes_again_after_days_lets_its_payments_go_on_by_themselves(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.duitku.switches.accept = set()
    world.call_back(world.duitku.pay(order_id))
    world.work_for(days=3)
    meanwhile = world.status(order_id)
    world.duitku.switches.accept = {"hmac"}

    world.reconcile()
    world.work()

    assert meanwhile == "pending"
    assert world.enrolled() == [SITI]
