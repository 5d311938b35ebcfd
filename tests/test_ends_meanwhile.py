"""Access that is ended while its buyer buys again, while another order of theirs is ended, or before it is given: who
paid is in the course, and nobody else.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from kelaspay.revoke import ask_to_end
from kelaspay.store import jobs, same_buyer, tables
from kelaspay.thinkific import CLOSE
from tests.databases import once_on_a_server
from tests.meanwhile import Meanwhile
from tests.test_change_email import RIGHT, give, inside
from tests.test_refunds import SITI, aimed_at, bought, in_a_bundle, refund, refunded, until

if TYPE_CHECKING:
    from kelaspay.payment import EnrollmentState, MerchantOrderId
    from tests.world import World

WHEN = [("GET", False), ("PUT", True), ("PUT", False)]
"""Before the last look, while the end is on its way to Thinkific, and before we hear of it."""


def end(world: World, order_id: MerchantOrderId) -> None:
    ask_to_end(
        order_id, database=world.database, start=world.engine.start, now=world.clock, reason="asked", actor="operator"
    )


def pay(world: World, order_id: MerchantOrderId) -> None:
    world.call_back(world.duitku.pay(order_id), world.called_back_at(order_id))
    world.work()


def run(world: World, order_id: MerchantOrderId, holder: str) -> None:
    """The order's next run, by a process of this name."""
    with world.database.read() as db:
        job = jobs.find_job(db, order_id)
    assert job is not None
    world.perform(order_id, job.run, holder)


def address(world: World, method: str) -> str:
    """Where the one enrollment is asked for or changed."""
    [there] = world.thinkific.school.enrollments
    return f"{method} /enrollments" + (f"/{there}" if method == "PUT" else "")


def state(world: World, order_id: MerchantOrderId) -> EnrollmentState:
    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    return enrollment.state


def settled(world: World) -> None:
    world.work_for(hours=2)
    world.reconcile()
    world.work_for(hours=2)


@pytest.mark.parametrize(("urls", "days"), once_on_a_server(None, 30), indirect=["urls"])
@pytest.mark.parametrize(("method", "on_its_way"), WHEN)
def test_who_buys_again_while_an_earlier_order_is_being_ended_is_in_the_course(
    world: World, method: str, on_its_way: bool, days: int | None
) -> None:
    course = world.sell(access_days=days)
    first, again = bought(world), world.buy()
    call = address(world, method)
    meanwhile = Meanwhile(world, "thinkific", call, lambda: pay(world, again), on_its_way=on_its_way)

    refunded(world, first)
    settled(world)

    assert meanwhile.acted
    assert (state(world, first), world.status(again)) == ("revoked", "completed")
    assert world.enrolled() == [SITI]
    if days is not None:
        ends, aimed = until(world, course), aimed_at(world, again)
        assert ends is not None
        assert aimed is not None
        assert abs(ends - aimed) < CLOSE


@pytest.mark.parametrize(("method", "on_its_way"), WHEN)
def test_who_buys_the_bundle_or_one_of_its_courses_while_the_other_is_being_ended_is_in_the_course(
    world: World, method: str, on_its_way: bool
) -> None:
    in_a_bundle(world)
    alone, bundle = bought(world), world.buy(offer="paket")
    call = address(world, method)
    meanwhile = Meanwhile(world, "thinkific", call, lambda: pay(world, bundle), on_its_way=on_its_way)
    refunded(world, alone)
    settled(world)
    both = set(world.enrolled())

    again = world.buy()
    [whole] = [each.bundle_id for each in [world.enrollment(bundle)] if each is not None]
    call = f"{method} /bundles/{whole}/enrollments"
    other = Meanwhile(world, "thinkific", call, lambda: pay(world, again), on_its_way=on_its_way)
    refunded(world, bundle)
    settled(world)

    assert (meanwhile.acted, other.acted) == (True, True)
    assert len(both) == 2
    assert [world.status(each) for each in (alone, bundle, again)] == ["refunded", "refunded", "completed"]
    assert set(world.enrolled()) == {SITI}


def ended_while_it_looks(world: World, first: MerchantOrderId, later: MerchantOrderId, call: str) -> None:
    """The later order is paid while the end of the first is on its way to Thinkific, and its run stands still at this
    call until that end is written down.
    """
    seen, ended = Event(), Event()

    def look() -> None:
        seen.set()
        assert ended.wait(20)

    def buys() -> None:
        world.call_back(world.duitku.pay(later), world.called_back_at(later))
        world.hand_over()
        Meanwhile(world, "thinkific", call, look)
        run(world, later, "another")

    with ThreadPoolExecutor(1) as pool:
        bought_later = []

        def on_the_way() -> None:
            bought_later.append(pool.submit(buys))
            assert seen.wait(20)

        Meanwhile(world, "thinkific", address(world, "PUT"), on_the_way, on_its_way=True)
        run(world, first, "one")
        assert state(world, first) == "revoked"
        ended.set()
        bought_later[0].result(20)


def test_an_access_that_was_seen_before_its_end_came_through_is_not_taken_for_there(world: World) -> None:
    world.sell()
    first, again = bought(world), world.buy()
    refund(world, first)
    ended_while_it_looks(world, first, again, "GET /enrollments")
    settled(world)

    assert world.status(again) == "completed"
    assert world.enrolled() == [SITI]


def test_who_buys_again_after_an_end_whose_answer_was_lost_is_in_the_course(world: World) -> None:
    world.sell()
    first, again = bought(world), world.buy()
    world.thinkific.fail_next("PUT", "/enrollments", "timeout-after")

    refunded(world, first)
    pay(world, again)
    at_once = world.status(again)
    settled(world)

    assert at_once == "completed"
    assert state(world, first) == "revoked"
    assert world.enrolled() == [SITI]


def test_an_end_that_thinkific_refused_keeps_nobody_waiting(world: World) -> None:
    world.sell()
    first, again = bought(world), world.buy()
    world.thinkific.fail_next("PUT", "/enrollments", "422")
    refunded(world, first)

    pay(world, again)
    at_once = world.status(again)
    world.retry(first)
    world.work()

    assert at_once == "completed"
    assert state(world, first) == "revoked"
    assert world.enrolled() == [SITI]


def test_who_buys_again_while_the_process_that_ends_an_earlier_order_is_paused_is_in_the_course(world: World) -> None:
    world.sell()
    first, again = bought(world), world.buy()
    at_once = list[str]()

    def paused() -> None:
        with world.database.begin() as db:
            db.execute(sa.update(tables.jobs).where(tables.jobs.c.merchant_order_id == first).values(lease_until=0))
        pay(world, again)
        at_once.append(world.status(again))

    Meanwhile(world, "thinkific", "GET /enrollments", paused)
    refunded(world, first)
    settled(world)

    assert at_once == ["completed"]
    assert state(world, first) == "revoked"
    assert world.enrolled() == [SITI]


@pytest.mark.parametrize(("method", "on_its_way"), WHEN)
def test_an_order_that_a_person_has_go_on_while_an_earlier_one_is_being_ended_is_given(
    world: World, method: str, on_its_way: bool
) -> None:
    world.sell(access_days=30)
    first = bought(world)
    world.thinkific.fail_next("PUT", "/enrollments", "422")
    stopped = world.buy_and_pay()
    world.work()
    before = world.status(stopped)

    def goes_on() -> None:
        world.retry(stopped)
        world.work()

    meanwhile = Meanwhile(world, "thinkific", address(world, method), goes_on, on_its_way=on_its_way)
    refunded(world, first)
    settled(world)

    assert meanwhile.acted
    assert (before, world.status(stopped)) == ("review", "completed")
    assert world.enrolled() == [SITI]


@pytest.mark.parametrize(("method", "on_its_way"), WHEN)
def test_whom_an_order_was_given_away_from_is_in_the_course_when_they_buy_it_meanwhile(
    world: World, method: str, on_its_way: bool
) -> None:
    course = world.sell()
    order_id, again = bought(world), world.buy()
    call, meanwhiles = address(world, method), list[Meanwhile]()

    def step(name: str, function: Any) -> Any:
        if name == "former" and not meanwhiles:
            meanwhiles.append(Meanwhile(world, "thinkific", call, lambda: pay(world, again), on_its_way=on_its_way))
        return function()

    world.step = step
    give(world, order_id)
    settled(world)

    assert [each.acted for each in meanwhiles] == [True]
    assert world.status(again) == "completed"
    assert inside(world, course.id) == {SITI[0], RIGHT}


@pytest.mark.parametrize(("urls", "days"), once_on_a_server(None, 30), indirect=["urls"])
@pytest.mark.parametrize("how", [(end, end), (refund, end), (end, refund), (refund, refund)])
@pytest.mark.parametrize(("method", "on_its_way"), WHEN)
def test_two_orders_that_are_ended_at_the_same_moment_leave_nothing(
    world: World, method: str, on_its_way: bool, how: Any, days: int | None
) -> None:
    world.sell(access_days=days)
    orders = [bought(world), bought(world)]
    for ask, order_id in zip(how, orders, strict=True):
        ask(world, order_id)
    call = address(world, method)
    meanwhile = Meanwhile(world, "thinkific", call, lambda: run(world, orders[1], "another"), on_its_way=on_its_way)

    run(world, orders[0], "one")
    settled(world)

    assert meanwhile.acted
    assert [state(world, each) for each in orders] == ["revoked", "revoked"]
    with world.database.read() as db:
        assert [same_buyer.kept(db, world.payment(each), world.clock()) for each in orders] == [None, None]
    assert world.enrolled() == []


@pytest.mark.parametrize(("urls", "how"), once_on_a_server(end, refund), indirect=["urls"])
@pytest.mark.parametrize(("method", "on_its_way"), WHEN)
def test_an_order_that_is_ended_while_another_is_left_to_it_leaves_nothing(
    world: World, method: str, on_its_way: bool, how: Any
) -> None:
    world.sell(access_days=30)
    first, second = bought(world), bought(world)

    def ends() -> None:
        how(world, second)
        run(world, second, "another")

    refund(world, first)
    meanwhile = Meanwhile(world, "thinkific", address(world, method), ends, on_its_way=on_its_way)
    run(world, first, "one")
    settled(world)

    assert meanwhile.acted
    assert [state(world, each) for each in (first, second)] == ["revoked", "revoked"]
    assert world.enrolled() == []


def test_a_refund_does_not_wait_for_an_order_that_a_person_must_look_at(world: World) -> None:
    world.sell(access_days=30)
    stopped, order_id = bought(world), bought(world, customer_email=RIGHT)
    give(world, stopped)
    world.thinkific.fail_next("GET", "/enrollments", "422")
    world.work()
    before = (world.status(stopped), state(world, stopped))

    refunded(world, order_id)
    ended = (state(world, order_id), inside(world, _course(world, order_id)))
    world.retry(stopped)
    settled(world)

    assert before == ("completed", "blocked")
    assert ended == ("revoked", {SITI[0]})
    assert state(world, stopped) == "enrolled"
    assert inside(world, _course(world, order_id)) == {RIGHT}


@pytest.mark.parametrize(("urls", "ask"), once_on_a_server(refund, None), indirect=["urls"])
def test_a_bundle_that_thinkific_has_queued_is_ended_when_it_is_there(world: World, ask: Any) -> None:
    course = in_a_bundle(world)
    world.thinkific.school.add_user(SITI[0], "Siti", "Rahmawati")
    world.thinkific.switches.bundle_mode = 202
    world.thinkific.switches.bundle_delay_seconds = 30
    order_id = world.buy_and_pay(offer="paket")
    world.work()
    before = world.status(order_id)

    (ask or give)(world, order_id)
    settled(world)
    world.sync()

    assert before == "paid"
    assert inside(world, course.id) == (set() if ask else {RIGHT})
    assert world.payment(order_id).attention is None


def test_so_is_one_that_is_queued_for_a_new_address(world: World) -> None:
    course = in_a_bundle(world)
    order_id = bought(world, offer="paket")
    world.clock.move(days=1)
    world.thinkific.switches.bundle_mode = 202
    world.thinkific.switches.bundle_delay_seconds = 30
    give(world, order_id)
    world.work()

    refunded(world, order_id)
    settled(world)
    world.sync()

    assert state(world, order_id) == "revoked"
    assert inside(world, course.id) == set()


def _course(world: World, order_id: MerchantOrderId) -> int:
    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert enrollment.course_id is not None
    return enrollment.course_id
