"""A refund ends the access and records itself once; progress stays, and so does what another paid order covers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from kelaspay.confirm import confirm
from kelaspay.erase import erase
from kelaspay.faults import MoveRefused
from kelaspay.payment import Attention, EnrollmentState, ExternalOrderState
from kelaspay.revoke import ask_to_revoke
from tests.databases import BOTH
from tests.world import COURSE, PRICE

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.payment import MerchantOrderId
    from kelaspay_emulators.thinkific import Course
    from tests.world import World

SITI = ("siti@example.com", COURSE)


def refund(world: World, order_id: MerchantOrderId) -> None:
    ask_to_revoke(
        order_id, database=world.database, start=world.engine.start, now=world.clock, reason="asked", actor="operator"
    )


def bought(world: World, **wanted: Any) -> MerchantOrderId:
    order_id = world.buy_and_pay(**wanted)
    world.work()
    assert world.status(order_id) == "completed"
    return order_id


def refunded(world: World, order_id: MerchantOrderId) -> None:
    refund(world, order_id)
    world.work()


def in_a_bundle(world: World, *, access_days: int | None = None, days_of_bundle: int | None = None) -> Course:
    """The course, sold alone and in a bundle."""
    course = world.sell(access_days=access_days)
    other = world.thinkific.school.add_course("Python dari Dasar")
    bundle = world.thinkific.school.add_bundle("Paket Lengkap", [course.id, other.id])
    ids = {"bundle_id": bundle.id, "product_id": bundle.product_id}
    world.offer("paket", bundle.name, access_days=days_of_bundle, **ids)
    return course


def until(world: World, course: Course) -> datetime | None:
    """The end of the one enrollment in this course."""
    [there] = [each for each in world.thinkific.school.enrollments.values() if each.course_id == course.id]
    return there.expiry_date


def aimed_at(world: World, order_id: MerchantOrderId) -> datetime | None:
    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    return enrollment.expiry_date


def refunds(world: World) -> list[tuple[float, str | None]]:
    orders = world.thinkific.school.external_orders.values()
    return [(each.amount, each.reference) for order in orders for each in order.transactions if each.action == "refund"]


def test_a_refund_ends_the_access_in_the_past_and_keeps_the_progress(world: World) -> None:
    world.sell()
    order_id = bought(world)
    [there] = world.thinkific.school.enrollments.values()
    there.percentage_completed = 40.0

    refunded(world, order_id)

    assert world.status(order_id) == "refunded"
    assert world.enrolled() == []
    assert there.expiry_date == world.clock() - timedelta(days=1)
    assert there.percentage_completed == 40.0
    assert list(world.thinkific.school.enrollments.values()) == [there]


def test_a_refund_is_recorded_with_the_sale_once(world: World) -> None:
    world.sell()
    order_id = bought(world)

    refunded(world, order_id)
    refunded(world, order_id)

    assert refunds(world) == [(PRICE * 100, order_id)]


def test_a_refund_whose_answer_was_lost_is_not_sent_again_and_a_person_is_told(world: World) -> None:
    world.sell()
    order_id = bought(world)
    world.thinkific.fail_next("POST", "/transactions/refund", "timeout-after")

    refund(world, order_id)
    world.work_for(days=2)

    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert enrollment.refund_state is ExternalOrderState.UNKNOWN
    assert len(refunds(world)) == 1
    assert world.payment(order_id).attention is Attention.EXTERNAL_ORDER_UNKNOWN


def test_what_was_not_paid_cannot_be_refunded(world: World) -> None:
    world.sell()
    order_id = world.buy()

    with pytest.raises(MoveRefused):
        refund(world, order_id)

    assert world.status(order_id) == "pending"


def test_a_payment_that_enrolled_nobody_can_be_refunded(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work()

    refunded(world, order_id)

    assert world.status(order_id) == "refunded"
    assert world.thinkific_calls() == []


def test_what_another_paid_order_covers_stays(world: World) -> None:
    world.sell()
    first = bought(world)
    bought(world)

    refunded(world, first)

    assert world.status(first) == "refunded"
    assert world.enrolled() == [SITI]
    assert refunds(world) == [(PRICE * 100, first)]


def test_what_another_order_covers_for_some_days_stays_for_those(world: World) -> None:
    world.sell(access_days=30)
    bought(world)
    [there] = world.thinkific.school.enrollments.values()
    first_end = there.expiry_date
    world.clock.move(days=10)
    second = bought(world)

    refunded(world, second)

    assert world.enrolled() == [SITI]
    assert there.expiry_date == first_end


def test_an_order_whose_access_is_over_covers_nothing(world: World) -> None:
    world.sell(access_days=30)
    bought(world)
    world.clock.move(days=60)
    second = bought(world)

    refunded(world, second)

    assert world.enrolled() == []


def test_somebody_elses_order_covers_nothing(world: World) -> None:
    world.sell()
    order_id = bought(world)
    bought(world, customer_email="budi@example.com")

    refunded(world, order_id)

    assert world.enrolled() == [("budi@example.com", COURSE)]


def test_a_course_that_a_bought_bundle_holds_stays(world: World) -> None:
    in_a_bundle(world)
    alone = bought(world)
    bought(world, offer="paket")
    before = world.enrolled()

    refunded(world, alone)

    assert world.enrolled() == before


def test_a_refunded_bundle_ends_all_its_courses(world: World) -> None:
    in_a_bundle(world)
    order_id = bought(world, offer="paket")

    refunded(world, order_id)

    assert world.enrolled() == []


def test_a_refunded_bundle_leaves_the_course_that_was_bought_alone(world: World) -> None:
    course = in_a_bundle(world)
    bought(world)
    bundle = bought(world, offer="paket")

    refunded(world, bundle)

    assert {name for _email, name in world.enrolled()} == {course.name}


def test_a_refunded_bundle_leaves_what_another_bundle_holds(world: World) -> None:
    school = world.thinkific.school
    first, shared, last = (school.add_course(name) for name in ("Satu", "Dua", "Tiga"))
    for slug, courses in {"a": (first, shared), "b": (shared, last)}.items():
        bundle = school.add_bundle(f"Paket {slug}", [each.id for each in courses])
        world.offer(slug, bundle.name, bundle_id=bundle.id, product_id=bundle.product_id)
    refunded_one = bought(world, offer="a")
    bought(world, offer="b")

    refunded(world, refunded_one)

    assert {name for _email, name in world.enrolled()} == {"Dua", "Tiga"}


def test_a_refunded_bundle_gives_no_more_days_to_the_course_that_waits_for_its_turn(world: World) -> None:
    course = in_a_bundle(world, access_days=30)
    bundle, alone = bought(world, offer="paket"), delayed(world)

    refund(world, bundle)
    world.engine.run_due()
    world.work_for(hours=2)

    assert [world.status(each) for each in (bundle, alone)] == ["refunded", "completed"]
    ends = until(world, course)
    assert ends is not None
    assert ends == aimed_at(world, alone)
    assert ends < world.clock() + timedelta(days=30)


def test_a_bundle_that_was_bought_twice_reaches_further_than_its_course_alone(world: World) -> None:
    course = in_a_bundle(world, access_days=30, days_of_bundle=90)
    bought(world)
    first, second = bought(world, offer="paket"), bought(world, offer="paket")

    refunded(world, second)

    assert until(world, course) == aimed_at(world, first)


def test_a_course_that_was_bought_twice_stays_until_the_later_end_when_its_bundle_is_refunded(world: World) -> None:
    course = in_a_bundle(world, access_days=30, days_of_bundle=10)
    bought(world)
    second = bought(world)
    bundle = bought(world, offer="paket")

    refunded(world, bundle)

    assert until(world, course) == aimed_at(world, second)


def test_who_was_erased_keeps_what_another_paid_order_covers(world: World) -> None:
    world.sell()
    first = bought(world)
    bought(world)
    erase(
        SITI[0],
        school=None,
        database=world.database,
        customers=world.outside.customers,
        now=world.clock(),
        actor="operator",
    )

    refunded(world, first)

    assert world.status(first) == "refunded"
    assert world.enrolled() == [SITI]


def test_a_refund_while_the_buyer_is_being_enrolled_ends_what_was_just_given(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()

    def step(name: str, function: Any) -> Any:
        if name == "enroll":
            refund(world, order_id)
        return function()

    world.step = step
    world.work()

    assert world.status(order_id) == "refunded"
    assert world.enrolled() == []


@pytest.mark.parametrize("urls", BOTH[1:], indirect=True)  # SQLite has one writer at a time
def test_a_refund_in_the_last_moment_of_a_run_ends_what_it_gave(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    asked: list[str] = []

    def at_the_end(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE jobs SET active") and not asked:
            asked.append(order_id)
            refund(world, order_id)

    sa.event.listen(world.database.engine, "before_cursor_execute", at_the_end)
    try:
        world.work()
    finally:
        sa.event.remove(world.database.engine, "before_cursor_execute", at_the_end)

    assert asked == [order_id]
    assert world.status(order_id) == "refunded"
    assert world.enrolled() == []


def test_a_refund_that_thinkific_refused_goes_on_when_a_person_tries_again(world: World) -> None:
    world.sell()
    order_id = bought(world)
    world.thinkific.fail_next("PUT", "/enrollments", "422")
    refunded(world, order_id)
    stuck = (world.payment(order_id).attention, world.enrolled())

    world.retry(order_id)
    world.work()

    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert stuck == (Attention.THINKIFIC_REFUSED, [SITI])
    assert enrollment.state is EnrollmentState.REVOKED
    assert world.enrolled() == []


@pytest.mark.parametrize("access_days", [None, 30])
def test_two_orders_refunded_before_the_second_had_its_turn_leave_no_access(
    world: World, access_days: int | None
) -> None:
    world.sell(access_days=access_days)
    first, second = bought(world), delayed(world)

    refund(world, first)
    world.engine.run_due()
    refund(world, second)
    world.work_for(hours=2)

    assert [world.status(each) for each in (first, second)] == ["refunded", "refunded"]
    assert world.enrolled() == []


def test_a_refunded_bundle_that_never_had_its_turn_leaves_nothing_of_the_course_that_was_refunded_before(
    world: World,
) -> None:
    in_a_bundle(world)
    alone, bundle = bought(world), delayed(world, offer="paket")

    refund(world, alone)
    world.engine.run_due()
    refund(world, bundle)
    world.work_for(hours=2)

    assert world.enrolled() == []


def test_a_refund_beside_an_order_that_still_waits_for_its_turn_takes_nothing_from_it(world: World) -> None:
    world.sell()
    first, second = bought(world), delayed(world)

    refund(world, first)
    world.work_for(hours=2)

    assert [world.status(each) for each in (first, second)] == ["refunded", "completed"]
    enrollment = world.enrollment(first)
    assert enrollment is not None
    assert enrollment.state is EnrollmentState.REVOKED
    assert world.enrolled() == [SITI]


def test_a_refund_takes_nothing_from_an_order_whose_sale_alone_is_in_review(world: World) -> None:
    world.sell()
    first = bought(world)
    world.thinkific.fail_next("POST", "/external_orders", "connect", 1000)
    second = world.buy_and_pay()
    world.work_for(days=2)
    before = (world.status(second), world.enrolled())

    refunded(world, first)
    world.thinkific.clear_faults()
    world.retry(second)
    world.work()

    assert before == ("review", [SITI])
    assert world.status(second) == "completed"
    assert world.enrolled() == [SITI]


def delayed(world: World, **wanted: Any) -> MerchantOrderId:
    """An order that is paid, and whose buyer's turn comes in ten seconds."""
    order_id = world.buy(**wanted)
    world.duitku.pay(order_id)
    world.clock.move(seconds=10)
    confirm(
        order_id,
        database=world.database,
        duitku=world.school.duitku,
        start=world.engine.start,
        now=world.clock,
    )
    world.clock.move(seconds=-10)
    assert world.status(order_id) == "paid"
    return order_id
