"""The sale and its refund in Thinkific's books: once, and later where the key was not taken just then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kelaspay.payment import Attention, ExternalOrderState
from kelaspay.revoke import ask_to_revoke
from tests.world import COURSE

if TYPE_CHECKING:
    from tests.world import World

SITI = ("siti@example.com", COURSE)
NOT_LET_IN = ("401", "403-plan", "403-scope")


def booked(world: World) -> list[str]:
    """What the school's books have, in the order of its coming."""
    orders = world.thinkific.school.external_orders.values()
    return [each.action for order in orders for each in order.transactions]


@pytest.mark.parametrize("kind", NOT_LET_IN)
def test_a_sale_that_was_not_let_in_is_recorded_later_and_the_buyer_waits_for_nothing(
    embedded: World, kind: str
) -> None:
    embedded.sell()
    embedded.thinkific.fail_next("POST", "/external_orders", kind, 3)
    order_id = embedded.buy_and_pay()
    embedded.work()

    assert embedded.status(order_id) == "completed"
    assert embedded.enrolled() == [SITI]
    assert booked(embedded) == []

    embedded.work_for(hours=2)

    found = embedded.enrollment(order_id)
    assert found is not None
    assert found.external_order_state is ExternalOrderState.RECORDED
    assert booked(embedded) == ["purchase"]
    assert embedded.payment(order_id).attention is None


def test_a_sale_that_is_never_let_in_is_shown_to_a_person(embedded: World) -> None:
    embedded.sell()
    embedded.thinkific.fail_next("POST", "/external_orders", "403-plan", 1000)
    order_id = embedded.buy_and_pay()

    embedded.work_for(days=2)

    assert embedded.status(order_id) == "completed"
    assert embedded.payment(order_id).attention is Attention.GAVE_UP
    assert embedded.engine.next_due() is None


@pytest.mark.parametrize("kind", NOT_LET_IN)
def test_a_refund_that_was_not_let_in_is_recorded_later(embedded: World, kind: str) -> None:
    embedded.sell()
    order_id = embedded.buy_and_pay()
    embedded.work()
    embedded.thinkific.fail_next("POST", "/transactions/refund", kind, 2)

    start, now = embedded.engine.start, embedded.clock
    ask_to_revoke(order_id, database=embedded.database, start=start, now=now, reason="asked", actor="operator")
    embedded.work_for(hours=2)

    assert embedded.enrolled() == []
    assert booked(embedded) == ["purchase", "refund"]
