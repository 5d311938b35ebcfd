"""A bundle with days shortens nothing: who has one of its courses for longer keeps that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kelaspay.thinkific import FOR_EVER
from tests.databases import once_on_a_server
from tests.meanwhile import Meanwhile
from tests.test_had_before import HAD, had
from tests.test_refunds import SITI, bought, refunded, until

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay_emulators.thinkific import Course
    from tests.world import World

BY_HAND = [None, HAD]


def sell_both(world: World, *, access_days: int | None, days_of_bundle: int | None = 30) -> tuple[Course, Course]:
    """A course, sold alone and beside another in a bundle."""
    course = world.sell(access_days=access_days)
    return course, in_bundle(world, course, days_of_bundle=days_of_bundle)


def in_bundle(world: World, course: Course, *, slug: str = "paket", days_of_bundle: int | None = 30) -> Course:
    """The other course of a bundle that holds this one."""
    other = world.thinkific.school.add_course(f"Yang lain di {slug}")
    bundle = world.thinkific.school.add_bundle(slug, [course.id, other.id])
    ids = {"bundle_id": bundle.id, "product_id": bundle.product_id}
    world.offer(slug, bundle.name, access_days=days_of_bundle, **ids)
    return other


def in_days(world: World, days: int) -> datetime:
    return world.clock() + timedelta(days=days)


@pytest.mark.parametrize(("urls", "access_days"), once_on_a_server(None, 60), indirect=["urls"])
def test_a_bundle_with_days_leaves_a_bought_course_until_its_later_end(world: World, access_days: int | None) -> None:
    course, other = sell_both(world, access_days=access_days)
    bought(world)
    bought(world, offer="paket")

    assert until(world, course) == (FOR_EVER if access_days is None else in_days(world, access_days))
    assert until(world, other) == in_days(world, 30)


def test_who_bought_a_course_for_ever_has_it_when_the_days_of_a_bundle_are_over(world: World) -> None:
    sell_both(world, access_days=None)
    bought(world)
    bought(world, offer="paket")
    world.clock.move(days=40)

    assert set(world.enrolled()) == {SITI}


@pytest.mark.parametrize("had_until", BY_HAND)
def test_a_bundle_with_days_leaves_what_was_given_by_hand_until_its_later_end(
    world: World, had_until: datetime | None
) -> None:
    course, other = sell_both(world, access_days=30)
    there = had(world, course, had_until)
    bought(world, offer="paket")

    assert there.expiry_date == (had_until or FOR_EVER)
    assert until(world, other) == in_days(world, 30)


def test_a_bundle_gives_a_course_that_ended_before_its_own_days(world: World) -> None:
    course, _other = sell_both(world, access_days=10)
    bought(world)
    bought(world, offer="paket")

    assert until(world, course) == in_days(world, 30)


def test_a_bundle_bought_again_leaves_the_course_that_reaches_further(world: World) -> None:
    course, other = sell_both(world, access_days=90)
    bought(world)
    bought(world, offer="paket")
    bought(world, offer="paket")

    assert until(world, course) == in_days(world, 90)
    assert until(world, other) == in_days(world, 60)


def test_a_bundle_leaves_what_another_bundle_gives_for_longer(world: World) -> None:
    course = world.sell()
    in_bundle(world, course, slug="setahun", days_of_bundle=365)
    in_bundle(world, course, slug="paket")
    bought(world, offer="setahun")
    bought(world, offer="paket")

    assert until(world, course) == in_days(world, 365)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/bundles"), ("GET", "/bundles"), ("GET", "/enrollments"), ("PUT", "/enrollments")],
)
@pytest.mark.parametrize("times", [1, 2])
def test_what_died_in_between_is_put_back_by_the_next_run(world: World, method: str, path: str, times: int) -> None:
    course, _other = sell_both(world, access_days=None)
    had(world, world.thinkific.school.add_course("Apa saja"))
    bought(world)
    world.thinkific.fail_next(method, path, "timeout-after", times)
    order_id = world.buy_and_pay(offer="paket")
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert until(world, course) == FOR_EVER


@pytest.mark.parametrize("had_until", BY_HAND)
def test_a_queued_bundle_leaves_the_later_end_too(world: World, had_until: datetime | None) -> None:
    course, _other = sell_both(world, access_days=30)
    there = had(world, course, had_until)
    world.thinkific.switches.bundle_mode = 202
    world.thinkific.switches.bundle_delay_seconds = 60.0
    order_id = world.buy_and_pay(offer="paket")
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert there.expiry_date == (had_until or FOR_EVER)


def test_a_course_that_is_given_while_its_bundle_is_has_its_own_end(world: World) -> None:
    world.sell("Apa saja", slug="apa-saja")
    bought(world, offer="apa-saja")
    course, _other = sell_both(world, access_days=None)
    orders = [world.buy_and_pay(offer="paket"), world.buy_and_pay()]
    meanwhile = Meanwhile(world, "thinkific", "GET /enrollments", world.engine.run_due)
    world.work_for(minutes=5)

    assert meanwhile.acted
    assert [world.status(each) for each in orders] == ["completed"] * 2
    world.clock.move(days=40)
    assert (SITI[0], course.name) in world.enrolled()


def test_a_refunded_bundle_and_its_course_leave_nothing(world: World) -> None:
    sell_both(world, access_days=None)
    orders = [bought(world), bought(world, offer="paket")]
    for each in orders:
        refunded(world, each)

    assert world.enrolled() == []


def test_only_who_had_something_is_looked_for(world: World) -> None:
    sell_both(world, access_days=None)
    bought(world, offer="paket")
    new = world.thinkific_calls()
    bought(world, customer_email="budi@example.com")
    alone = world.thinkific_calls()[len(new) :]
    bought(world, offer="paket", customer_email="budi@example.com")
    again = world.thinkific_calls()[len(new) + len(alone) :]

    assert [_kind(each) for each in new] == ["POST users", "POST bundles", "GET bundles", "POST external_orders"]
    assert [_kind(each) for each in alone] == ["POST users", "POST enrollments", "POST external_orders"]
    assert [_kind(each) for each in again] == [
        "GET bundles",
        "GET enrollments",  # all of the buyer's
        "GET bundles",  # its courses, for one of the buyer's has no end
        "POST bundles",
        "GET bundles",
        "GET enrollments",
        "PUT enrollments",
        "POST external_orders",
    ]


def _kind(call: str) -> str:
    method, path = call.split()
    return f"{method} {path.split('/')[1]}"
