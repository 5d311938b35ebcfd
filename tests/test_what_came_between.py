"""What comes between an order's steps, be it an outage, another order, a refund, another address or a killed sender: it
shortens no access, leaves none behind, and has nobody told of a wrong day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kelaspay.payment import Attention
from kelaspay.store import jobs
from kelaspay.thinkific import FOR_EVER
from tests.databases import BOTH
from tests.meanwhile import Meanwhile
from tests.pages.test_messages import deliver, rows
from tests.test_change_email import RIGHT, give, inside
from tests.test_ends_meanwhile import ended_while_it_looks, run, settled
from tests.test_had_before import had
from tests.test_longer_inside import in_days, sell_both
from tests.test_refunds import SITI, aimed_at, bought, refund, refunded, until
from tests.world import PRICE

if TYPE_CHECKING:
    from tests.world import World


def test_days_bought_beside_access_for_ever_that_is_kept_as_an_end_name_no_day_of_2100(world: World) -> None:
    course = world.sell(access_days=30)
    world.offer("selamanya", course.name, course_id=course.id, product_id=course.product_id)
    bought(world)
    for_ever = bought(world, offer="selamanya")
    days = bought(world)
    aimed = aimed_at(world, days)
    refunded(world, for_ever)

    assert aimed is not None
    assert aimed <= FOR_EVER
    assert (until(world, course) or FOR_EVER) < in_days(world, 100)


@pytest.mark.parametrize("urls", BOTH, indirect=True)
def test_a_course_with_fewer_days_does_not_shorten_what_its_bundle_gives_meanwhile(world: World) -> None:
    world.sell("Apa saja", slug="apa-saja")
    bought(world, offer="apa-saja")
    course, _other = sell_both(world, access_days=10)
    orders = [world.buy_and_pay(), world.buy_and_pay(offer="paket")]
    world.hand_over()
    meanwhile = Meanwhile(world, "thinkific", "GET /enrollments", lambda: run(world, orders[1], "another"))
    run(world, orders[0], "one")
    world.work_for(minutes=5)

    assert meanwhile.acted
    assert [world.status(each) for each in orders] == ["completed"] * 2
    ends = until(world, course)
    assert ends is not None
    assert ends >= in_days(world, 29)


def test_a_refunded_bundle_that_was_never_given_shortens_nothing_that_was_given_by_hand(world: World) -> None:
    course, _other = sell_both(world, access_days=30)
    there = had(world, course)
    bought(world)
    before = there.expiry_date
    world.thinkific.fail_next("POST", "/bundles", "timeout-before", 100)
    order_id = world.buy_and_pay(offer="paket")
    world.work()
    refund(world, order_id)
    world.work_for(hours=1)

    assert before is None
    assert world.status(order_id) == "refunded"
    assert there.expiry_date is None


def test_a_bundle_that_goes_on_later_does_not_put_back_what_was_refunded_meanwhile(world: World) -> None:
    course, _other = sell_both(world, access_days=None)
    alone = bought(world)
    world.thinkific.fail_next("POST", "/bundles", "timeout-before")
    bundle = world.buy_and_pay(offer="paket")
    world.work()
    world.thinkific.fail_next("POST", "/bundles", "422")
    world.work_for(minutes=30)
    stopped = world.status(bundle)
    refunded(world, alone)
    world.work_for(minutes=30)
    gone = world.enrolled()
    world.retry(bundle)
    world.work_for(minutes=30)

    assert stopped == "review"
    assert gone == []
    assert world.status(bundle) == "completed"
    ends = until(world, course)
    assert ends is not None
    assert ends < in_days(world, 31)


def test_an_order_that_a_person_has_go_on_late_is_given_its_days(world: World) -> None:
    world.sell(access_days=30)
    world.thinkific.fail_next("POST", "/enrollments", "timeout-before", 1000)
    order_id = world.buy_and_pay()
    world.work_for(days=2)
    stopped = world.status(order_id)
    world.thinkific.clear_faults()
    world.clock.move(days=40)
    world.retry(order_id)
    world.work_for(hours=1)

    assert stopped == "review"
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


def test_who_paid_another_amount_and_has_the_course_by_another_order_is_not_told_that_it_ended(world: World) -> None:
    world.sell()
    bought(world)
    again = world.buy()
    world.call_back(world.duitku.pay(again, amount=PRICE - 1), world.called_back_at(again))
    world.work()
    before = world.status(again)
    refunded(world, again)
    deliver(world)

    assert before == "review"
    assert world.enrolled() == [SITI]
    assert [row.kind for row in rows(world) if row.kind.startswith("refunded")] == ["refunded_kept"]


def test_who_has_a_course_for_ever_from_before_is_not_told_that_it_ends_soon(world: World) -> None:
    had(world, world.sell(access_days=30))
    bought(world)
    deliver(world)
    for _ in range(31):
        world.clock.move(days=1)
        deliver(world)
    told = [row.kind for row in rows(world) if "end" in row.kind and row.text]

    assert world.enrolled() == [SITI]
    assert told == []


def test_a_bundle_keeps_no_end_of_a_course_that_was_ended_since_it_looked(world: World) -> None:
    course, _other = sell_both(world, access_days=None)
    first, bundle = bought(world), world.buy(offer="paket")
    [whole] = world.thinkific.school.bundles
    refund(world, first)
    ended_while_it_looks(world, first, bundle, f"GET /bundles/{whole}/courses")
    settled(world)

    assert world.status(bundle) == "completed"
    ends = until(world, course)
    assert ends is not None
    assert ends < in_days(world, 31)


def test_an_order_whose_new_address_thinkific_refuses_can_be_given_to_another(world: World) -> None:
    course = world.sell()
    order_id = bought(world)
    world.thinkific.fail_next("POST", "/users", "422", 100)
    give(world, order_id, "refused@example.com")
    world.work_for(hours=1)
    before = inside(world, course.id)
    world.thinkific.clear_faults()
    give(world, order_id)
    world.work_for(hours=1)

    assert before == {SITI[0]}
    assert inside(world, course.id) == {RIGHT}
    assert world.status(order_id) == "completed"


class KilledError(BaseException):
    """The process is gone."""


def test_a_refund_of_a_sale_whose_sender_was_killed_asks_a_person_to_look_for_it(world: World) -> None:
    world.sell()

    def kill() -> None:
        raise KilledError

    Meanwhile(world, "thinkific", "POST /external_orders", kill)
    order_id = world.buy_and_pay()
    world.hand_over()
    with pytest.raises(KilledError):
        run(world, order_id, "killed/1")
    with world.database.begin() as db:
        jobs.release_of(db, {"killed"})
    refund(world, order_id)
    world.work_for(hours=1)

    assert world.status(order_id) == "refunded"
    assert len(world.thinkific.school.external_orders) == 1
    assert world.payment(order_id).attention is Attention.EXTERNAL_ORDER_UNKNOWN


def test_an_order_that_is_given_to_another_address_before_it_is_completed_tells_that_one_once(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("POST", "/enrollments", "timeout-before")
    order_id = world.buy_and_pay()
    world.work()
    world.thinkific.fail_next("POST", "/users", "timeout-before")
    give(world, order_id)
    world.work_for(hours=1)
    deliver(world)

    assert world.status(order_id) == "completed"
    assert [row.kind for row in rows(world) if row.kind.startswith("access_ready")] == ["access_ready"]
