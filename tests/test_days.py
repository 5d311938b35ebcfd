"""How long access lasts: days that add up, that end, and that are bought again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kelaspay.confirm import confirm
from kelaspay.enroll import enroll, find_or_create_user, map_course
from kelaspay.thinkific.client import no_guard
from tests.meanwhile import Meanwhile
from tests.test_refunds import bought, until
from tests.world import COURSE

if TYPE_CHECKING:
    from tests.world import World

SITI = ("siti@example.com", COURSE)


@pytest.mark.parametrize("bundled", [False, True])
def test_access_for_ever_ends_an_end_though_nothing_may_be_cleared(world: World, *, bundled: bool) -> None:
    course, school = world.sell(access_days=30), world.thinkific.school
    world.thinkific.switches.null_expiry_clears = False
    ids = {"course_id": course.id}
    if bundled:
        bundle = school.add_bundle("Paket", [course.id])
        ids = {"bundle_id": bundle.id}
    world.offer("sebulan", "Sebulan", access_days=30, **ids)
    world.offer("selamanya", "Selamanya", **ids)
    world.buy_and_pay(offer="sebulan")
    world.work()

    order_id = world.buy_and_pay(offer="selamanya")
    world.work()

    [there] = school.enrollments.values()
    assert world.status(order_id) == "completed"
    assert there.expiry_date is None or there.expiry_date > world.clock() + timedelta(days=3650)


def test_access_days_end_the_access(world: World) -> None:
    world.sell(access_days=30)
    order_id = world.buy_and_pay()

    world.work()

    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert enrollment.expiry_date == world.clock() + timedelta(days=30)
    [there] = world.thinkific.school.enrollments.values()
    assert there.activated_at is not None
    assert there.expiry_date == world.clock() + timedelta(days=30)


def test_buying_again_while_access_runs_adds_the_days_once(world: World) -> None:
    world.sell(access_days=30)
    world.buy_and_pay()
    world.work()
    world.clock.move(days=20)

    world.buy_and_pay()
    world.work()

    [there] = world.thinkific.school.enrollments.values()
    assert there.expiry_date == world.clock() + timedelta(days=10 + 30)


def test_two_orders_of_one_course_at_once_add_the_days_of_both(world: World) -> None:
    world.sell("Python dari Dasar", slug="python")
    bought(world, offer="python")  # so that both look for what is there
    course = world.sell(access_days=30)
    orders = world.buy_and_pay(), world.buy_and_pay()
    meanwhile = Meanwhile(world, "thinkific", "GET /enrollments", world.engine.run_due)
    begun = world.clock()

    world.work_for(minutes=5)

    assert meanwhile.acted
    assert [world.status(each) for each in orders] == ["completed", "completed"]
    assert until(world, course) == begun + timedelta(days=60)


def test_an_order_adds_its_days_to_those_of_another_that_thinkific_has_not_taken_yet(world: World) -> None:
    course = world.sell(access_days=30)
    orders = world.buy_and_pay(), world.buy_and_pay()
    begun = world.clock()
    world.thinkific.fail_next("POST", "/enrollments", "503")

    world.work_for(hours=1)

    ends = until(world, course)
    assert ends is not None
    assert [world.status(each) for each in orders] == ["completed", "completed"]
    assert ends >= begun + timedelta(days=60)
    assert ends <= world.clock() + timedelta(days=60)


def test_the_days_add_up_when_the_order_that_made_the_user_is_overtaken_by_the_next(world: World) -> None:
    world.sell(access_days=30)
    first = world.buy_and_pay()
    school, start = world.school, world.engine.start
    confirm(first, database=school.database, duitku=school.duitku, start=start, now=school.now)
    wanted = map_course(first, school=school)
    find_or_create_user(wanted, school=school, guard=no_guard)  # and its process dies
    second = world.payment(world.buy_and_pay())
    enroll(second, school=school, start=start, step=lambda _name, function: function(), guard=no_guard)

    world.work()

    [there] = world.thinkific.school.enrollments.values()
    assert there.full_creations == 1
    assert there.expiry_date == world.clock() + timedelta(days=30 + 30)


def test_an_expired_enrollment_is_reactivated(world: World) -> None:
    world.sell(access_days=30)
    world.buy_and_pay()
    world.work()
    world.clock.move(days=60)

    world.buy_and_pay()
    world.work()

    [there] = world.thinkific.school.enrollments.values()
    assert there.expiry_date == world.clock() + timedelta(days=30)
    assert len(world.thinkific.school.enrollments) == 1
