"""From an event that was kept to the work that it calls for, whatever else lies in the inbox."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from kelaspay.schools import Keys, keep_school
from kelaspay.store import inbox
from kelaspay.store.inbox import Event
from kelaspay.store.tables import inbox as events
from kelaspay.store.tables import payments
from kelaspay.work.worker import LONGEST_SPACING, spacing
from kelaspay_emulators.duitku import TEST_MERCHANTS
from tests.databases import ON_SQLITE
from tests.test_callbacks import signed
from tests.world import COURSE

if TYPE_CHECKING:
    from tests.world import World

SITI = ("siti@example.com", COURSE)


def unreadable(world: World, number: int) -> Event:
    """A webhook that was kept and cannot be read again: it is nested too deeply."""
    body = b'{"resource":"user","action":"signin","payload":' + b"[" * 5000 + b"]" * 5000 + b"}"
    return Event(
        "thinkific", f"{number:064}", None, None, "user.signin", None, None, "application/json", body, world.clock()
    )


def test_one_event_that_cannot_be_handed_over_holds_up_no_other(world: World) -> None:
    world.sell()
    order_id = world.buy()
    asyncio.run(world.inbox.keep(unreadable(world, 1)))
    world.call_back(world.duitku.pay(order_id))
    asyncio.run(world.inbox.keep(unreadable(world, 2)))

    handed_over = world.hand_over()
    world.work()

    assert handed_over == 3
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert [event.outcome for event in world.events()] == ["defect", "started", "defect"]


def test_what_was_set_aside_as_a_defect_may_be_looked_at_again(world: World) -> None:
    asyncio.run(world.inbox.keep(unreadable(world, 1)))
    world.work()
    [event] = world.events()
    with world.database.begin() as db:
        db.execute(sa.update(events).values(body=json.dumps({"resource": "user", "action": "x"}).encode()))
        inbox.reopen(db, event.id)

    world.work()

    assert [each.outcome for each in world.events()] == ["kept"]


@pytest.mark.parametrize(
    ("asks", "seconds"), [(0, 5.0), (1, 5.0), (2, 10.0), (3, 20.0), (12, LONGEST_SPACING), (5000, LONGEST_SPACING)]
)
def test_asks_of_one_payment_lie_ever_further_apart_up_to_an_hour(asks: int, seconds: float) -> None:
    assert spacing(5.0, asks) == seconds


def test_a_payment_that_was_asked_for_without_end_is_still_enrolled_once_it_is_paid(world: World) -> None:
    world.sell()
    order_id = world.buy()
    with world.database.begin() as db:
        db.execute(sa.update(payments).values(asks=5000, asked_at=world.clock()))

    world.call_back(world.duitku.pay(order_id))
    world.work_for(minutes=2)

    assert world.enrolled() == [SITI]


def test_a_success_waits_two_minutes_at_most_however_often_the_buyer_failed_before(world: World) -> None:
    world.sell()
    order_id = world.buy()
    for number in range(8):
        world.call_back(signed(order_id, resultCode="01", publisherOrderId=f"FAILED{number}"))
        world.work_for(minutes=20)
    assert world.status(order_id) == "pending"

    world.call_back(world.duitku.pay(order_id))
    world.work_for(minutes=2)

    assert world.enrolled() == [SITI]


@ON_SQLITE
def test_a_success_that_is_told_again_and_again_is_asked_for_ever_more_rarely(world: World) -> None:
    world.sell()
    order_id = world.buy()
    asked = []
    for _hour in range(3):
        before = world.duitku_asks()
        for _minute in range(60):
            world.call_back(signed(order_id))
            world.work_for(minutes=1)
        asked.append(world.duitku_asks() - before)

    assert world.status(order_id) == "pending"
    assert asked[0] <= 16
    assert max(asked[1:]) <= 8


def test_a_callback_that_was_sent_to_another_schools_address_first_counts_at_its_own(world: World) -> None:
    """Two schools sell through one Duitku merchant; what is signed for one holds at the other's address too."""
    [(merchant_code, api_key)] = TEST_MERCHANTS.items()
    world.add_school("akademi")
    keys = Keys(merchant_code, SecretStr(api_key), SecretStr("5" * 32), None)
    keep_school(
        "akademi",
        keys,
        database=world.database,
        vault=world.outside.vault,
        start=world.engine.start,
        now=world.clock,
    )
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)
    other = urlsplit(world.outside.schools.of("akademi").callback_url).path

    astray = world.call_back(form, other)
    world.work()
    world.call_back(form)
    world.work()

    assert astray.status_code == 200
    assert [event.outcome for event in world.events()] == ["other_school", "started"]
    assert world.enrolled() == [SITI]
