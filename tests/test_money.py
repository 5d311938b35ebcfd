"""Money that does not fit: another amount, twice, late, after a failure. It is kept, it is seen, and nobody is enrolled
on a guess. docs/payments.md gives each rule with the test that shows it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from kelaspay.faults import MoveRefused
from kelaspay.payment import NEXT, Attention, Status
from kelaspay.review import mark_paid, settle
from kelaspay.store import inbox, payments, tables
from tests.world import COURSE, PRICE

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId
    from tests.world import World

SITI = ("siti@example.com", COURSE)
ROOT = Path(__file__).parent.parent


def outcomes(world: World, order_id: str) -> list[str]:
    """What came of each event about an order, newest first."""
    with world.database.read() as db:
        return [row.outcome for row in inbox.list_events(db, merchant_order_id=order_id, limit=10)]


def needing_a_person(world: World) -> list[str]:
    with world.database.read() as db:
        return [
            payment.merchant_order_id for payment in payments.list_payments(db, status=None, attention=True, limit=9)
        ]


def paid_by_word(world: World, order_id: MerchantOrderId) -> None:
    start, reason = world.engine.start, "the rest came by transfer"
    mark_paid(order_id, database=world.database, start=start, now=world.clock, actor="operator", reason=reason)


def settled(world: World, order_id: MerchantOrderId) -> None:
    settle(order_id, database=world.database, now=world.clock, actor="operator", reason="the second was sent back")


def paid_through_an_old_va(world: World) -> MerchantOrderId:
    """Paid in the new way after the method was changed, and then also through the old number."""
    order_id = world.buy(payment_method="BC")
    [old] = world.duitku.orders[order_id].attempts
    world.call_back(world.duitku.pay(order_id, payment_method="BR"))
    world.work()
    world.call_back(world.duitku.pay(order_id, publisher_order_id=old.publisher_order_id))
    world.work()
    return order_id


# states


def test_a_payment_moves_only_as_the_table_of_states_says(world: World) -> None:
    world.sell()
    order_id = world.buy()
    made: dict[Status, set[Status]] = {state: set() for state in Status}

    for state in Status:
        for to in Status:
            with world.database.begin() as db:
                db.execute(sa.update(tables.payments).values(status=state))
                if payments.move(db, order_id, to, world.clock(), actor="test"):
                    made[state].add(to)

    assert made == {state: set(following) for state, following in NEXT.items()}


def test_a_later_failed_callback_takes_nothing_back(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()

    answer = world.call_back(world.duitku.callback_form(order_id, result_code="01"))
    world.work()

    assert answer.status_code == 200
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


def test_what_failed_at_duitku_is_failed(world: World) -> None:
    world.sell()
    order_id = world.buy()

    world.call_back(world.duitku.fail(order_id))
    world.work()

    assert world.status(order_id) == "failed"
    assert world.enrolled() == []


# another amount


@pytest.mark.parametrize("amount", [15_000, PRICE + 1])
def test_another_amount_waits_for_a_person_who_sees_both(world: World, amount: int) -> None:
    world.sell()
    order_id = world.buy()

    world.call_back(world.duitku.pay(order_id, amount=amount))
    world.work()

    payment = world.payment(order_id)
    assert (payment.status, payment.attention) == (Status.REVIEW, Attention.AMOUNT_DIFFERS)
    assert payment.amount_received == amount
    assert f"asked Rp {PRICE}, paid Rp {amount}" in (payment.attention_text or "")
    assert world.enrolled() == []


@pytest.mark.parametrize("included", [False, True])
@pytest.mark.parametrize("payment_method", [None, "BC"])
def test_a_fee_that_the_buyer_bears_is_no_other_amount(
    world: World, payment_method: str | None, *, included: bool
) -> None:
    world.sell()
    world.duitku.switches.fees_to_buyer = True
    world.duitku.switches.amount_includes_fee = included
    order_id = world.buy(payment_method=payment_method)

    form = world.duitku.pay(order_id, payment_method="BC")
    world.call_back(form)
    world.work()

    payment = world.payment(order_id)
    assert form["amount"] == str(PRICE + 4_000 if included else PRICE)
    assert (payment.status, payment.attention) == (Status.COMPLETED, None)
    assert (payment.payment_amount, payment.amount_received) == (PRICE, PRICE)
    assert payment.to_pay == (PRICE + 4_000 if included else PRICE)
    assert world.enrolled() == [SITI]


def test_more_than_the_fee_that_the_buyer_bears_is_another_amount(world: World) -> None:
    world.sell()
    world.duitku.switches.fees_to_buyer = True
    order_id = world.buy(payment_method="BC")

    world.call_back(world.duitku.pay(order_id, amount=PRICE + 4_001))
    world.work()

    assert world.payment(order_id).attention is Attention.AMOUNT_DIFFERS
    assert world.enrolled() == []


def test_another_amount_is_not_overcome_by_trying_again(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work()

    with pytest.raises(MoveRefused):
        world.retry(order_id)

    world.work()
    assert world.enrolled() == []


def test_a_person_who_marks_another_amount_paid_enrolls_the_buyer(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work()

    paid_by_word(world, order_id)
    world.work()

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is None
    assert "marked_paid" in world.story(order_id)


def test_a_second_payment_does_not_hide_that_the_amount_differs(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work()

    world.call_back(world.duitku.pay(order_id, payment_method="BR"))
    world.work()

    assert world.payment(order_id).attention is Attention.AMOUNT_DIFFERS
    assert "paid_twice" in world.story(order_id)
    with pytest.raises(MoveRefused):
        world.retry(order_id)


# twice


def test_paid_twice_through_an_old_va_is_enrolled_once_and_seen(world: World) -> None:
    world.sell()

    order_id = paid_through_an_old_va(world)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert len(world.thinkific.school.external_orders) == 1
    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert needing_a_person(world) == [order_id]


def test_paid_twice_before_either_was_confirmed_is_seen(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    [old] = world.duitku.orders[order_id].attempts
    forms = [
        world.duitku.pay(order_id, payment_method="BR"),
        world.duitku.pay(order_id, publisher_order_id=old.publisher_order_id),
    ]

    for form in forms:
        world.call_back(form)
    world.work()

    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_TWICE


def test_the_same_payment_called_back_again_is_not_a_second_one(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)
    world.call_back(form)
    world.work()

    world.call_back(form)
    world.call_back(dict(reversed(form.items())))
    world.work()

    assert world.payment(order_id).attention is None
    assert set(outcomes(world, order_id)) == {"already_paid"}


def test_a_payment_after_the_refund_is_seen(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    [old] = world.duitku.orders[order_id].attempts
    world.call_back(world.duitku.pay(order_id, payment_method="BR"))
    world.work()
    with world.database.begin() as db:
        payments.move(db, order_id, Status.REFUNDED, world.clock(), actor="operator")

    world.call_back(world.duitku.pay(order_id, publisher_order_id=old.publisher_order_id))
    world.work()

    assert world.status(order_id) == "refunded"
    assert world.payment(order_id).attention is Attention.PAID_TWICE


def test_what_a_person_settled_stays_settled_until_there_is_something_new(world: World) -> None:
    world.sell()
    order_id = paid_through_an_old_va(world)
    settled(world, order_id)
    world.call_back(world.duitku.callback_form(order_id))
    world.work()
    left = needing_a_person(world)

    world.call_back(world.duitku.pay(order_id, payment_method="M2"))
    world.work()

    assert left == []
    assert needing_a_person(world) == [order_id]


def test_nothing_is_settled_that_still_has_to_be_decided(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work()

    with pytest.raises(MoveRefused):
        settled(world, order_id)

    assert needing_a_person(world) == [order_id]


def test_what_stops_the_work_is_shown_first_and_paid_twice_after_it(world: World) -> None:
    world.offer("web-fundamentals", COURSE)
    order_id = paid_through_an_old_va(world)
    first = world.payment(order_id).attention

    world.offer("web-fundamentals", COURSE, course_id=world.thinkific.school.add_course(COURSE).id)
    world.retry(order_id)
    world.work()

    assert first is Attention.COURSE_UNMAPPED
    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_TWICE


# late


def test_paid_after_expiry_is_enrolled_and_seen(world: World) -> None:
    world.duitku.switches.expired_payable = True
    world.sell()
    order_id = world.buy()
    world.clock.move(hours=25)
    world.reconcile()
    lapsed = world.status(order_id)

    world.call_back(world.duitku.pay(order_id))
    world.work_for(hours=1)

    assert lapsed == "expired"
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_LATE


@pytest.mark.parametrize("how", ["fail", "cancel"])
def test_paid_after_it_failed_or_was_canceled_is_enrolled_and_seen(world: World, how: str) -> None:
    world.duitku.switches.expired_payable = True
    world.sell()
    order_id = world.buy()
    world.call_back(getattr(world.duitku, how)(order_id))
    world.work()
    ended = world.status(order_id)

    world.call_back(world.duitku.pay(order_id))
    world.work_for(hours=1)

    assert ended == "failed"
    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_LATE


def test_paid_late_and_never_heard_of_is_found(world: World) -> None:
    world.duitku.switches.expired_payable = True
    world.sell()
    order_id = world.buy()
    world.clock.move(hours=25)
    world.reconcile()
    world.duitku.pay(order_id)

    world.clock.move(hours=13)
    world.reconcile()
    world.work()

    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.PAID_LATE


# the sale at Thinkific


def test_a_sale_whose_answer_was_lost_is_not_sent_again_and_a_person_is_told(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("POST", "/external_orders", "timeout-after")
    order_id = world.buy_and_pay()

    world.work_for(days=2)

    assert world.status(order_id) == "completed"
    assert len(world.thinkific.school.external_orders) == 1
    assert world.payment(order_id).attention is Attention.EXTERNAL_ORDER_UNKNOWN


def test_paid_twice_is_not_hidden_by_a_sale_that_is_not_known(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("POST", "/external_orders", "503")
    order_id = world.buy(payment_method="BC")
    world.call_back(world.duitku.pay(order_id))
    world.call_back(world.duitku.pay(order_id, payment_method="BR"))

    world.work_for(hours=1)

    assert world.payment(order_id).attention is Attention.PAID_TWICE
    assert "external_order_unknown" in world.story(order_id)


# nothing is dropped


def test_money_for_an_order_that_is_not_ours_is_kept_and_named(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)
    with world.database.begin() as db:
        for table in (tables.invoices, tables.customers, tables.payments):
            db.execute(sa.delete(table))

    answer = world.call_back(form)
    world.work()

    assert answer.status_code == 200
    assert outcomes(world, order_id) == ["unknown_order"]


def test_every_rule_of_the_document_has_the_test_that_it_names() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/payments.md").read_text()))
    told = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }

    assert len(named) > 40
    assert named - told == set()
