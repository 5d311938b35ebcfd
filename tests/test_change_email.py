"""An order that is given to another address while its work is under way: the new one is in the course, the old one not,
whenever it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.change_email import change_email
from kelaspay.payment import EnrollmentState
from kelaspay.review import mark_paid
from tests.meanwhile import Meanwhile
from tests.test_refunds import aimed_at, bought, refund

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId
    from tests.world import World

WRONG = "siti@example.com"
RIGHT = "siti.rahma@example.com"
DURING = ("POST /users", "GET /enrollments", "POST /enrollments", "POST /external_orders")


def give(world: World, order_id: MerchantOrderId, email: str = RIGHT, *, start: Any = None) -> None:
    change_email(order_id, email, school=world.school, start=start or world.engine.start, actor="operator")


def inside(world: World, course_id: int) -> set[str]:
    """Whose access to the course holds now."""
    school = world.thinkific.school
    return {
        school.users[each.user_id].email
        for each in school.enrollments.values()
        if each.course_id == course_id and (each.expiry_date is None or each.expiry_date > world.clock())
    }


@pytest.mark.parametrize("call", DURING)
def test_whoever_gets_an_order_while_it_is_being_enrolled_is_in_the_course_and_nobody_else(
    world: World, call: str
) -> None:
    course = world.sell()
    if call == "GET /enrollments":  # looked for only with a user that was there before
        world.sell("Python dari Dasar", slug="python")
        bought(world, offer="python")
    order_id = world.buy_and_pay()
    meanwhile = Meanwhile(world, "thinkific", call, lambda: give(world, order_id))

    world.work_for(hours=1)

    enrollment, user = world.enrollment(order_id), world.thinkific.school.user_by_email(RIGHT)
    assert meanwhile.acted
    assert inside(world, course.id) == {RIGHT}
    assert enrollment is not None
    assert user is not None
    assert (enrollment.state, enrollment.user_id, enrollment.former_user_id) == ("enrolled", user.id, None)
    assert (world.status(order_id), world.payment(order_id).attention) == ("completed", None)
    assert world.story(order_id).count("external_order") == 1


@pytest.mark.parametrize("step", ["course", "user", "enroll", "external_order", "complete"])
def test_so_it_is_between_any_two_steps(world: World, step: str) -> None:
    course = world.sell()
    order_id = world.buy_and_pay()
    acts = {step: lambda: give(world, order_id)}

    def stepping(name: str, function: Any) -> Any:
        acts.pop(name, lambda: None)()
        return function()

    world.step = stepping
    world.work_for(hours=1)

    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert (enrollment.state, enrollment.former_user_id) == ("enrolled", None)
    assert inside(world, course.id) == {RIGHT}
    assert world.status(order_id) == "completed"


def test_an_order_that_is_refunded_before_its_new_address_had_a_turn_leaves_no_access(world: World) -> None:
    course = world.sell()
    order_id = bought(world)

    give(world, order_id)
    refund(world, order_id)
    world.work_for(hours=1)

    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert enrollment.state is EnrollmentState.REVOKED
    assert inside(world, course.id) == set()


def test_a_new_address_whose_work_was_lost_gets_its_access_when_that_is_noticed(world: World) -> None:
    course = world.sell()
    order_id = bought(world)
    give(world, order_id, start=lambda *_: None)
    world.clock.move(hours=1)

    world.reconcile()
    world.work()

    assert inside(world, course.id) == {RIGHT}


def test_a_new_address_whose_user_is_gone_at_thinkific_gets_the_access_until_the_day_it_had(world: World) -> None:
    course = world.sell(access_days=30)
    world.sell("Python dari Dasar", slug="python")
    order_id = bought(world)
    first = aimed_at(world, order_id)
    bought(world, offer="python", customer_email=RIGHT)
    known = world.thinkific.school.user_by_email(RIGHT)
    assert known is not None
    world.thinkific.school.remove_user(known)
    world.clock.move(days=25)

    give(world, order_id)
    world.work_for(hours=2)

    assert inside(world, course.id) == {RIGHT}
    assert aimed_at(world, order_id) == first


def stopped_after_giving(world: World) -> MerchantOrderId:
    """An order in review whose buyer is in the course: Thinkific could not be told of the sale for two days."""
    world.thinkific.fail_next("POST", "/external_orders", "connect", 1000)
    order_id = world.buy_and_pay()
    world.work_for(days=2)
    assert world.status(order_id) == "review"
    world.thinkific.clear_faults()
    return order_id


@pytest.mark.parametrize("lost", [False, True], ids=["at once", "when its work was lost"])
def test_an_order_in_review_that_is_given_to_another_address_goes_on_with_it(world: World, lost: bool) -> None:
    course = world.sell()
    order_id = stopped_after_giving(world)

    give(world, order_id, start=(lambda *_: None) if lost else None)
    if lost:
        world.clock.move(hours=1)
        world.reconcile()
    world.work_for(hours=1)

    assert inside(world, course.id) == {RIGHT}
    assert (world.status(order_id), world.payment(order_id).attention) == ("completed", None)
    assert world.story(order_id).count("external_order") == 1


def test_an_order_whose_amount_differs_gives_another_address_nothing_before_a_person_settles_it(world: World) -> None:
    course = world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work()
    give(world, order_id)
    world.work_for(hours=1)
    world.reconcile()
    world.work()
    before = (world.status(order_id), world.payment(order_id).attention, inside(world, course.id))

    mark_paid(
        order_id, database=world.database, start=world.engine.start, now=world.clock, actor="operator", reason="x"
    )
    world.work()

    assert before == ("review", "amount_differs", set())
    assert inside(world, course.id) == {RIGHT}
