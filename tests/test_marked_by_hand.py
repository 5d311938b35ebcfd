"""A person's word that an order is paid, and what Duitku tells of it afterwards: no money lands untold, nobody is
alarmed twice, and what was sold stays what was sold.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.payment import Attention
from kelaspay.review import mark_paid, settle
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import inbox
from tests.console.desk import joined
from tests.world import COURSE, OFFER, PRICE

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.payment import MerchantOrderId
    from kelaspay_emulators.thinkific import Course
    from tests.world import World

SITI = ("siti@example.com", COURSE)
SHORT = PRICE - 10_000


def marked(world: World, order_id: MerchantOrderId) -> None:
    start = world.engine.start
    mark_paid(order_id, database=world.database, start=start, now=world.clock, actor="operator", reason="cash")


def refunded(world: World, order_id: MerchantOrderId) -> None:
    start = world.engine.start
    ask_to_revoke(order_id, database=world.database, start=start, now=world.clock, actor="operator", reason="asked")


def settled(world: World, order_id: MerchantOrderId) -> None:
    settle(order_id, database=world.database, now=world.clock, actor="operator", reason="the cash went back")


def paid_in_cash(world: World) -> MerchantOrderId:
    """Its virtual account is still live."""
    world.sell()
    order_id = world.buy(payment_method="BC")
    marked(world, order_id)
    world.work()
    assert world.status(order_id) == "completed"
    return order_id


def asked(world: World) -> None:
    """What came in is handed over, and the next pass asks about it."""
    world.work()
    world.clock.move(minutes=3)
    world.reconcile()
    world.work()


def hours_pass(world: World, hours: int) -> None:
    world.work()
    for _ in range(hours):
        world.clock.move(hours=1)
        world.reconcile()
        world.work()


def refusing(_environ: Any, start_response: Any) -> list[bytes]:
    """A Duitku that answers no question."""
    start_response("400 Bad Request", [("Content-Type", "application/json")])
    return [b'{"Message": "This order cannot be asked about."}']


# money that Duitku tells of afterwards


def test_money_that_lands_after_an_order_was_marked_paid_by_hand_is_told_to_a_person(world: World) -> None:
    order_id = paid_in_cash(world)

    world.call_back(world.duitku.pay(order_id))
    asked(world)

    payment = world.payment(order_id)
    assert (payment.status, payment.attention) == ("completed", Attention.PAID_TWICE)
    assert payment.amount_received == PRICE
    assert "marked paid by hand" in (payment.attention_text or "")
    assert f"Rp {PRICE}" in (payment.attention_text or "")
    assert world.story(order_id)[-2:] == ["told_after", "paid_twice"]
    assert world.enrolled() == [SITI]
    assert len(world.thinkific.school.external_orders) == 1


def test_money_that_lands_after_the_refund_of_such_an_order_is_told_to_a_person(world: World) -> None:
    order_id = paid_in_cash(world)
    refunded(world, order_id)
    world.work()

    world.call_back(world.duitku.pay(order_id))
    asked(world)

    payment = world.payment(order_id)
    assert (payment.status, payment.attention) == ("refunded", Attention.PAID_TWICE)
    assert "refunded" in (payment.attention_text or "")
    assert world.enrolled() == []


def test_it_is_told_once_however_often_duitku_calls(world: World) -> None:
    order_id = paid_in_cash(world)
    form = world.duitku.pay(order_id)
    world.call_back(form)
    asked(world)
    asks = world.duitku_asks()
    settled(world, order_id)

    for _ in range(3):
        world.call_back(form)
        world.call_back(dict(reversed(form.items())))
        hours_pass(world, 1)

    assert world.payment(order_id).attention is None
    assert world.story(order_id).count("paid_twice") == 1
    assert world.duitku_asks() == asks


def test_a_second_payment_of_such_an_order_is_told_anew(world: World) -> None:
    order_id = paid_in_cash(world)
    world.call_back(world.duitku.pay(order_id))
    asked(world)
    settled(world, order_id)

    world.call_back(world.duitku.pay(order_id, payment_method="BR"))
    asked(world)

    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert "2 successful payments" in (world.payment(order_id).attention_text or "")


def test_a_callback_that_duitku_does_not_confirm_alarms_nobody_and_costs_few_asks(world: World) -> None:
    order_id = paid_in_cash(world)

    for _ in range(5):
        world.call_back(world.duitku.callback_form(order_id, result_code="00"))
        hours_pass(world, 24)

    payment = world.payment(order_id)
    assert (payment.status, payment.attention, payment.amount_received) == ("completed", None, None)
    assert world.duitku_asks() <= 6
    assert world.enrolled() == [SITI]


def test_what_duitku_confirms_late_or_after_an_outage_is_told_all_the_same(world: World) -> None:
    order_id = paid_in_cash(world)
    world.duitku.fail_next("transactionStatus", "503", 3)

    world.call_back(world.duitku.pay(order_id))
    hours_pass(world, 12)

    assert world.payment(order_id).attention is Attention.PAID_TWICE


def test_what_duitku_refuses_to_say_is_told_to_a_person_too(world: World) -> None:
    order_id = paid_in_cash(world)
    world.hosts.put("duitku", refusing)

    world.call_back(world.duitku.pay(order_id))
    hours_pass(world, 80)

    assert (world.status(order_id), world.payment(order_id).attention) == ("completed", Attention.PAID_TWICE)
    assert "Duitku menolak ditanya" in joined(world).open(f"/console/payments/{order_id}")


def test_no_access_waits_for_what_duitku_says_afterwards(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    marked(world, order_id)
    world.duitku.fail_next("transactionStatus", "503", 30)

    world.call_back(world.duitku.pay(order_id))
    world.hand_over()
    asked(world)

    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is None

    world.duitku.faults.clear()
    hours_pass(world, 3)

    assert world.payment(order_id).attention is Attention.PAID_TWICE


def test_a_callback_that_comes_while_the_buyer_is_being_enrolled_is_asked_about(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    marked(world, order_id)
    form = world.duitku.pay(order_id)

    def called_back_while_enrolling(name: str, function: Any) -> Any:
        if name == "complete" and not world.events():
            world.call_back(form)
            world.hand_over()
        return function()

    world.step = called_back_while_enrolling
    asked(world)

    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert world.story(order_id).count("paid_twice") == 1


@pytest.mark.parametrize("handed_over", [False, True])
def test_a_callback_that_came_before_the_mark_is_what_was_marked(world: World, *, handed_over: bool) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    form = world.duitku.pay(order_id)
    world.call_back(form)
    if handed_over:
        world.duitku.fail_next("transactionStatus", "503")
        world.work()
    world.clock.move(seconds=1)
    marked(world, order_id)
    world.work()

    world.call_back(dict(reversed(form.items())))
    hours_pass(world, 1)

    assert (world.status(order_id), world.payment(order_id).attention) == ("completed", None)
    assert world.enrolled() == [SITI]


def test_money_for_what_was_marked_and_then_stopped_is_told_once_it_goes_on(world: World) -> None:
    world.offer("web-fundamentals", COURSE)
    order_id = world.buy(payment_method="BC")
    marked(world, order_id)
    world.work()
    world.call_back(world.duitku.pay(order_id))
    asked(world)
    stopped = (world.payment(order_id).attention, world.story(order_id)[-2:])

    world.offer("web-fundamentals", COURSE, course_id=world.thinkific.school.add_course(COURSE).id)
    world.retry(order_id)
    world.work()

    assert stopped == (Attention.COURSE_UNMAPPED, ["told_after", "paid_twice"])
    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_TWICE


def test_money_after_the_refund_of_what_duitku_confirmed_without_a_callback_is_told(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    [old] = world.duitku.orders[order_id].attempts
    world.duitku.pay(order_id, payment_method="BR")
    world.clock.move(hours=2)
    world.reconcile()
    world.work()
    refunded(world, order_id)
    world.work()

    form = world.duitku.pay(order_id, publisher_order_id=old.publisher_order_id)
    for _ in range(3):
        world.call_back(form)
        world.work()

    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert world.story(order_id).count("paid_twice") == 1


def test_a_callback_of_before_the_refund_that_is_looked_at_again_alarms_nobody(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    world.clock.move(days=1)
    refunded(world, order_id)
    world.work()

    with world.database.begin() as db:
        inbox.reopen_of(db, order_id, "")
    world.work()

    assert (world.status(order_id), world.payment(order_id).attention) == ("refunded", None)


def test_the_console_says_in_both_languages_what_is_known(world: World) -> None:
    order_id = paid_in_cash(world)
    world.call_back(world.duitku.pay(order_id))
    asked(world)
    desk = joined(world)

    shown = desk.open(f"/console/payments/{order_id}")

    assert f"Duitku mencatat pembayaran Rp {PRICE} untuknya" in shown
    assert "salah satunya harus dikembalikan" in shown
    assert "Callback Duitku tentang pembayaran masuk belakangan" in shown


# what was sold


def ends(world: World, course: Course) -> list[datetime | None]:
    """The ends of the enrollments in this course."""
    return [each.expiry_date for each in world.thinkific.school.enrollments.values() if each.course_id == course.id]


def another_amount(world: World) -> MerchantOrderId:
    order_id = world.buy(payment_method="BC")
    world.call_back(world.duitku.pay(order_id, amount=SHORT))
    world.work()
    assert world.payment(order_id).attention is Attention.AMOUNT_DIFFERS
    return order_id


def test_another_amount_marked_paid_gives_what_was_sold_and_not_what_the_offer_is_today(world: World) -> None:
    course = world.sell(access_days=365)
    order_id = another_amount(world)
    other = world.sell("Fotografi", access_days=7)

    marked(world, order_id)
    world.work()

    assert world.status(order_id) == "completed"
    assert ends(world, course) == [world.clock() + timedelta(days=365)]
    assert ends(world, other) == []


def test_a_refusal_of_the_buyer_changes_nothing_of_what_was_sold(world: World) -> None:
    course = world.sell(access_days=365)
    world.thinkific.fail_next("POST", "/users", "422")
    order_id = world.buy_and_pay()
    world.work()
    stopped = world.payment(order_id).attention
    other = world.sell("Fotografi", access_days=7)

    world.retry(order_id)
    world.work()

    assert stopped is Attention.THINKIFIC_REFUSED
    assert ends(world, course) == [world.clock() + timedelta(days=365)]
    assert ends(world, other) == []


def test_a_refused_course_that_is_corrected_is_given_for_the_days_that_were_sold(world: World) -> None:
    world.offer(OFFER, COURSE, course_id=4711, access_days=365)
    order_id = world.buy_and_pay()
    world.work()
    stopped = world.payment(order_id).attention
    course = world.sell(access_days=30)

    world.retry(order_id)
    world.work()

    assert stopped is Attention.THINKIFIC_REFUSED
    assert world.status(order_id) == "completed"
    assert ends(world, course) == [world.clock() + timedelta(days=365)]
    assert [each.transactions[0].amount for each in world.thinkific.school.external_orders.values()] == [PRICE * 100]


def test_an_order_without_a_course_takes_the_one_that_its_offer_was_mapped_to_and_keeps_its_days(world: World) -> None:
    world.offer(OFFER, COURSE, access_days=365)
    order_id = world.buy_and_pay()
    world.work()
    course = world.sell(access_days=None)

    world.retry(order_id)
    world.work()

    assert world.status(order_id) == "completed"
    assert ends(world, course) == [world.clock() + timedelta(days=365)]


def test_the_sale_of_another_amount_that_was_marked_paid_is_recorded_at_the_price(world: World) -> None:
    world.sell()
    order_id = another_amount(world)

    marked(world, order_id)
    world.work()
    refunded(world, order_id)
    world.work()

    [order] = world.thinkific.school.external_orders.values()
    assert [(each.action, each.amount) for each in order.transactions] == [
        ("purchase", PRICE * 100),
        ("refund", PRICE * 100),
    ]
    assert world.payment(order_id).amount_received == SHORT
