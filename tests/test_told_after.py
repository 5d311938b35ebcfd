"""What Duitku calls back about after a person's word is asked about beside all other work, until it is known: no stop
of that work, no outage and no other reason for a person's eye keeps it from being told, and none tells it twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.payment import Attention, EnrollmentState
from kelaspay.store import payments
from tests.databases import ON_SQLITE
from tests.meanwhile import Meanwhile
from tests.test_marked_by_hand import SITI, asked, hours_pass, marked, paid_in_cash, refunded, refusing, settled
from tests.world import COURSE, OFFER

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId
    from tests.world import World

MOST_ASKS = 6
FOR_DAYS = 100
"""Hours; longer than Duitku is asked."""


def is_asked_about(world: World) -> bool:
    """Whether there is an order that Duitku will ever be asked about."""
    with world.database.read() as db:
        return bool(payments.schools_to_ask(db, world.clock() + timedelta(days=365)))


def without_a_course(world: World) -> MerchantOrderId:
    """Marked paid and in review, for there is no such course."""
    world.offer(OFFER, COURSE)
    order_id = world.buy(payment_method="BC")
    marked(world, order_id)
    world.work()
    assert world.payment(order_id).attention is Attention.COURSE_UNMAPPED
    return order_id


# what the work comes upon


def test_a_sale_that_may_not_be_recorded_keeps_nobody_from_asking(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    marked(world, order_id)
    world.thinkific.fail_next("POST", "/external_orders", "401", 500)
    world.work()

    world.call_back(world.duitku.pay(order_id))
    asked(world)

    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert world.enrolled() == [SITI]


def test_what_is_in_review_is_asked_about_too_and_shows_it_once_it_goes_on(world: World) -> None:
    order_id = without_a_course(world)
    world.duitku.fail_next("transactionStatus", "503")
    world.call_back(world.duitku.pay(order_id))
    asked(world)

    world.offer(OFFER, COURSE, course_id=world.thinkific.school.add_course(COURSE).id)
    world.retry(order_id)
    hours_pass(world, 2)

    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert world.payment(order_id).amount_received is not None


@ON_SQLITE
def test_a_day_without_duitku_gives_nothing_up(world: World) -> None:
    order_id = paid_in_cash(world)
    world.duitku.fail_next("transactionStatus", "503", 5000)
    world.call_back(world.duitku.pay(order_id))
    hours_pass(world, 30)
    meanwhile = world.payment(order_id).attention
    world.duitku.faults.clear()
    hours_pass(world, 48)

    assert meanwhile is None
    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert not is_asked_about(world)


# how often it is asked, and told


@pytest.mark.parametrize("hours", [1, 20])
def test_what_duitku_confirms_hours_later_is_told(world: World, hours: int) -> None:
    order_id = paid_in_cash(world)
    world.call_back(world.duitku.callback_form(order_id, result_code="00"))
    hours_pass(world, hours)
    world.duitku.pay(order_id)
    hours_pass(world, FOR_DAYS)

    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert world.story(order_id).count("paid_twice") == 1
    assert not is_asked_about(world)


@ON_SQLITE
def test_nobody_has_duitku_asked_without_end(world: World) -> None:
    order_id = paid_in_cash(world)
    form = world.duitku.callback_form(order_id, result_code="00")
    world.call_back(form)
    hours_pass(world, 5)
    refunded(world, order_id)

    for _ in range(3):
        world.call_back(dict(reversed(form.items())))
        hours_pass(world, FOR_DAYS)

    assert (world.status(order_id), world.payment(order_id).attention) == ("refunded", None)
    assert world.duitku_asks() <= MOST_ASKS
    assert not is_asked_about(world)


def test_what_a_person_settled_is_not_told_again_by_a_refund(world: World) -> None:
    order_id = paid_in_cash(world)
    world.hosts.put("duitku", refusing)
    form = world.duitku.pay(order_id)
    world.call_back(form)
    hours_pass(world, FOR_DAYS)
    told = world.payment(order_id).attention

    settled(world, order_id)
    refunded(world, order_id)
    world.call_back(dict(reversed(form.items())))
    hours_pass(world, FOR_DAYS)

    assert told is Attention.PAID_TWICE
    assert (world.status(order_id), world.payment(order_id).attention) == ("refunded", None)
    assert world.story(order_id).count("paid_twice") == 1


@ON_SQLITE
def test_an_order_that_duitku_does_not_know_is_asked_about_and_alarms_nobody(world: World) -> None:
    order_id = paid_in_cash(world)
    asks = []

    def knows_no_order(_environ: Any, start_response: Any) -> list[bytes]:
        asks.append(world.clock())
        start_response("404 Not Found", [("Content-Type", "application/json")])
        return [b'{"Message": "Transaction not found"}']

    world.hosts.put("duitku", knows_no_order)
    world.call_back(world.duitku.callback_form(order_id, result_code="00"))
    hours_pass(world, FOR_DAYS)

    assert world.payment(order_id).attention is None
    assert 1 < len(asks) <= MOST_ASKS
    assert not is_asked_about(world)


# beside another reason


def test_money_after_the_refund_of_what_gave_no_access_is_shown(world: World) -> None:
    order_id = without_a_course(world)
    refunded(world, order_id)
    world.work()
    before = world.payment(order_id).attention

    world.call_back(world.duitku.pay(order_id))
    asked(world)

    assert before is None
    assert world.payment(order_id).attention is Attention.PAID_TWICE


def test_a_refund_shows_the_money_that_came_while_no_access_could_be_given(world: World) -> None:
    order_id = without_a_course(world)
    world.call_back(world.duitku.pay(order_id))
    asked(world)
    first = world.payment(order_id).attention

    refunded(world, order_id)
    world.work()

    assert first is Attention.COURSE_UNMAPPED
    assert world.payment(order_id).attention is Attention.PAID_TWICE


def hidden_by_a_refused_end(world: World) -> MerchantOrderId:
    """An order that was paid twice and whose end Thinkific refused, which is shown first."""
    order_id = paid_in_cash(world)
    world.call_back(world.duitku.pay(order_id))
    asked(world)
    world.thinkific.fail_next("PUT", "/enrollments", "422")
    refunded(world, order_id)
    world.work()
    return order_id


def test_settling_what_hides_it_shows_it_and_settling_it_is_the_end(world: World) -> None:
    order_id = hidden_by_a_refused_end(world)
    shown = [world.payment(order_id).attention]

    for _ in range(2):
        settled(world, order_id)
        shown.append(world.payment(order_id).attention)

    assert shown == [Attention.THINKIFIC_REFUSED, Attention.PAID_TWICE, None]


def test_trying_again_what_hides_it_shows_it(world: World) -> None:
    order_id = hidden_by_a_refused_end(world)

    world.retry(order_id)
    world.work()

    assert world.enrolled() == []
    assert world.payment(order_id).attention is Attention.PAID_TWICE


# a refund that falls into the last moment of a run


@pytest.mark.parametrize(("call", "fault"), [("/enrollments", "422"), ("/external_orders", "401")])
def test_a_refund_while_the_work_stops_goes_on_with_the_end(world: World, call: str, fault: str) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.thinkific.fail_next("POST", call, fault, 9)

    def refund() -> Any:
        refunded(world, order_id)

    meanwhile = Meanwhile(world, "thinkific", f"POST {call}", refund)
    world.work()

    enrollment = world.enrollment(order_id)
    assert meanwhile.acted
    assert (world.status(order_id), world.payment(order_id).attention) == ("refunded", None)
    assert enrollment is not None
    assert enrollment.state is EnrollmentState.REVOKED
    assert world.enrolled() == []
