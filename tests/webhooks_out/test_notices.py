"""What integrators are told, when, and that it stands in the commit of what it tells of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.notice import ENROLLMENT_FIELDS, FIELDS, TOLD, VERSION
from kelaspay.payment import Status
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import payments
from kelaspay.store.notice_tables import deliveries, notices
from tests.webhooks_out.receiver import deliver_due, now_is_real, states, tell
from tests.world import OFFER, PRICE

if TYPE_CHECKING:
    from typing import Any

    from kelaspay.payment import MerchantOrderId
    from tests.webhooks_out.receiver import Receiver
    from tests.world import World


def told(world: World) -> list[dict[str, Any]]:
    """The bodies of all notices, oldest first."""
    with world.database.read() as db:
        kept = db.execute(
            sa.select(deliveries.c.id, notices.c.body)
            .join(notices, notices.c.id == deliveries.c.notice_id)
            .order_by(deliveries.c.id)
        )
        return [json.loads(row.body) for row in kept]


def kinds(world: World) -> list[str]:
    return [each["type"] for each in told(world)]


def refund(world: World, order_id: MerchantOrderId) -> None:
    ask_to_revoke(
        order_id, database=world.database, start=world.engine.start, now=world.clock, reason="asked", actor="operator"
    )


def test_an_integrator_hears_of_an_order_from_its_making_to_its_end(world: World, receiver: Receiver) -> None:
    now_is_real(world)
    world.sell()
    _, secret = tell(world, receiver.url)

    order_id = world.buy_and_pay()
    world.work()
    refund(world, order_id)
    world.work()
    deliver_due(world)

    assert receiver.types(secret) == [
        "order.created",
        "order.paid",
        "enrollment.created",
        "order.refunded",
        "enrollment.revoked",
    ]
    assert {state for _, state, _ in states(world)} == {"delivered"}


def test_a_notice_holds_ids_states_and_amounts_and_nothing_personal(embedded: World) -> None:
    course = embedded.sell()
    tell(embedded, "https://example.com/hook")

    order_id = embedded.buy_and_pay()
    embedded.work()

    last = told(embedded)[-1]
    assert (last["type"], last["version"], last["timestamp"]) == (
        "enrollment.created",
        VERSION,
        "2026-11-23T02:00:00.000Z",
    )
    assert set(last["data"]) == set(FIELDS)
    assert set(last["data"]["enrollment"]) == set(ENROLLMENT_FIELDS)
    data = last["data"]
    assert (data["merchant_order_id"], data["offer"], data["amount"]) == (order_id, OFFER, PRICE)
    assert (data["enrollment"]["state"], data["enrollment"]["course_id"]) == ("enrolled", course.id)
    text = json.dumps(told(embedded)).lower()
    assert not any(word in text for word in ("siti", "rahmawati", "example.com", "81234567890", "@"))


def test_without_an_endpoint_nothing_is_written(embedded: World) -> None:
    embedded.sell()

    embedded.buy_and_pay()
    embedded.work()

    assert told(embedded) == []
    assert embedded.kept()["notices"] == []


def test_an_endpoint_hears_only_of_the_types_that_it_wants(embedded: World) -> None:
    embedded.sell()
    tell(embedded, "https://example.com/hook", "order.paid", "enrollment.failed")

    embedded.buy_and_pay()
    embedded.work()

    assert kinds(embedded) == ["order.paid"]


def test_another_schools_endpoint_hears_nothing(embedded: World) -> None:
    embedded.sell()
    tell(embedded, "https://example.com/hook", school="another")

    embedded.buy_and_pay()
    embedded.work()

    assert kinds(embedded) == []


def test_an_order_that_nobody_pays_expires_once(world: World) -> None:
    world.sell()
    tell(world, "https://example.com/hook")
    world.buy()

    world.clock.move(days=2)
    world.reconcile()
    world.work_for(days=3)
    world.reconcile()

    assert kinds(world) == ["order.created", "order.expired"]
    assert told(world)[-1]["data"]["status"] == "expired"


def test_a_second_payment_is_told_once_however_often_duitku_calls(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    tell(world, "https://example.com/hook", "payment.duplicate")
    world.call_back(world.duitku.pay(order_id))
    world.work()
    second = world.duitku.pay(order_id, payment_method="BR")

    for _ in range(3):
        world.call_back(second)
        world.work()

    assert kinds(world) == ["payment.duplicate"]
    assert told(world)[0]["data"]["attention"] == "paid_twice"


def test_access_that_cannot_be_given_is_told_and_the_money_only_once(world: World) -> None:
    world.offer("foto", "Fotografi")
    world.sync()
    tell(world, "https://example.com/hook")
    order_id = world.buy_and_pay(offer="foto")
    world.work()
    failed = kinds(world)

    right = world.thinkific.school.add_course("Fotografi Baru")
    world.offer("foto", "Fotografi", course_id=right.id, product_id=right.product_id)
    world.retry(order_id)
    world.work()

    assert failed == ["order.created", "order.paid", "enrollment.failed"]
    assert kinds(world)[3:] == ["enrollment.created"]
    assert told(world)[2]["data"]["attention"] == "course_unmapped"


def test_what_is_undone_is_not_told(world: World) -> None:
    world.sell()
    order_id = world.buy()
    tell(world, "https://example.com/hook")

    with world.database.engine.connect() as db:
        moved = payments.move(db, order_id, Status.PAID, world.clock(), actor="duitku")
        raised = db.execute(sa.select(sa.func.count()).select_from(notices)).scalar_one()
        db.rollback()

    assert (moved, raised) == (True, 1)
    assert (world.status(order_id), kinds(world)) == ("pending", [])


def test_every_type_says_when_it_is_sent() -> None:
    assert set(TOLD) == set(type(next(iter(TOLD))))
