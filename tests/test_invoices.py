"""What becomes of a payment when Duitku fails in the middle: it is said, written down, and taken up by the same key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from kelaspay.checkout import INVOICE_LEASE
from kelaspay.duitku import SLOWEST
from kelaspay.duitku.client import TIMEOUT
from kelaspay.idempotency import LEASE
from tests.world import COURSE, WANTED

if TYPE_CHECKING:
    from tests.world import World

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("503", 503, "duitku_unavailable"),
        ("500-html", 503, "duitku_unavailable"),
        ("500-json", 503, "duitku_unavailable"),
        ("connect", 503, "duitku_unavailable"),
        ("timeout-before", 503, "duitku_unavailable"),
        ("timeout-after", 503, "duitku_unavailable"),
        ("429", 503, "duitku_busy"),
        ("200-failed", 502, "duitku_refused"),
        ("200-html", 503, "duitku_unavailable"),
        ("200-garbled", 503, "duitku_unavailable"),
        ("404-html", 503, "duitku_unavailable"),
    ],
)
@pytest.mark.parametrize("method", [None, "BC"])
def test_a_duitku_that_fails_is_said_and_written_down(
    embedded: World, kind: str, status: int, code: str, method: str | None
) -> None:
    embedded.sell()
    embedded.duitku.fail_next("/api/merchant/", kind)
    with capture_logs() as logged:
        answer = embedded.ask_to_buy(payment_method=method)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == PROBLEM
    assert ("retry-after" in answer.headers) == (status == 503)
    [payment] = embedded.kept()["payments"]
    assert code in payment
    [order_id] = [line["merchant_order_id"] for line in logged if line["event"] == "invoice_failed"]
    assert (embedded.status(order_id), embedded.story(order_id)) == ("pending", ["created", "invoice_failed"])
    assert embedded.web.get("/healthz").status_code == 200


@pytest.mark.parametrize("switch", [{"accept": set()}, {"bad_signature_status": 403, "accept": set()}])
def test_a_key_that_duitku_does_not_take_is_the_operators_business(embedded: World, switch: dict[str, Any]) -> None:
    embedded.sell()
    for name, value in switch.items():
        embedded.duitku.switches.flip(name, value)

    answer = embedded.ask_to_buy()

    assert (answer.status_code, answer.json()["code"]) == (502, "duitku_unauthorized")


@pytest.mark.parametrize("kind", ["connect", "timeout-after", "200-failed"])
@pytest.mark.parametrize("method", [None, "BC", "SP"])
def test_the_same_key_again_takes_the_payment_up_and_makes_no_second_live_invoice(
    world: World, kind: str, method: str | None
) -> None:
    world.sell()
    world.duitku.fail_next("inquiry" if method else "createInvoice", kind)
    first = world.ask_to_buy("key-1", payment_method=method)
    second = world.ask_to_buy("key-1", payment_method=method)
    third = world.ask_to_buy("key-1", payment_method=method)

    assert first.status_code in {502, 503}
    assert second.status_code == third.status_code == 201
    assert second.json() == third.json()
    [order_id] = [order.asked.merchant_order_id for order in world.duitku.orders]
    assert second.json()["merchant_order_id"] == order_id
    assert second.json()["reference"] == world.duitku.orders[order_id].reference
    assert len(world.kept()["payments"]) == 1
    assert "invoice_failed" in world.story(order_id)
    assert (second.json().get("va_number") or second.json().get("qr_string") or None) == _shown(world, order_id, method)


def _shown(world: World, order_id: str, method: str | None) -> str | None:
    attempt = world.duitku.orders[order_id].attempt
    return None if method is None or attempt is None else attempt.va_number or attempt.qr_string


def test_what_was_taken_up_can_be_paid_and_ends_in_the_course(world: World) -> None:
    world.sell()
    world.duitku.fail_next("createInvoice", "timeout-after")
    world.ask_to_buy("key-1")
    order_id = world.ask_to_buy("key-1").json()["merchant_order_id"]

    world.call_back(world.duitku.pay(order_id))
    world.work()

    assert world.enrolled() == [("siti@example.com", COURSE)]


def test_the_same_key_again_gives_the_same_payment(world: World) -> None:
    world.sell()

    answers = [world.ask_to_buy("key-1") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201] * 3
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert len(world.duitku.calls) == 1


def test_a_lease_outlasts_both_calls_that_a_request_which_is_taken_up_makes() -> None:
    slowest = sum(seconds or 0.0 for seconds in TIMEOUT.as_dict().values())

    assert slowest <= SLOWEST
    assert 2 * slowest < INVOICE_LEASE < LEASE


@pytest.mark.parametrize("seen", [True, False])
def test_an_order_that_is_over_gets_no_invoice_any_more(embedded: World, *, seen: bool) -> None:
    embedded.sell()
    embedded.duitku.fail_next("inquiry", "connect")
    embedded.ask_to_buy("key-1", payment_method="SP")
    embedded.clock.move(minutes=70)
    if seen:
        embedded.reconcile()

    over = embedded.ask_to_buy("key-1", payment_method="SP")
    anew = embedded.ask_to_buy("key-2", payment_method="SP")

    assert (over.status_code, over.json()["code"]) == (409, "move_refused")
    assert anew.status_code == 201
    assert [order.asked.merchant_order_id for order in embedded.duitku.orders] == [anew.json()["merchant_order_id"]]


def test_without_a_key_every_request_is_an_order_of_its_own(embedded: World) -> None:
    embedded.sell()

    assert embedded.buy() != embedded.buy()


@pytest.mark.parametrize("changed", [{"customer_name": "Siti R"}, {"payment_method": "BC"}, {"offer": "other"}])
def test_a_key_used_with_another_request_is_refused(world: World, changed: dict[str, str]) -> None:
    world.sell()
    world.sell("Lain", slug="other")
    world.ask_to_buy("key-1")

    answer = world.ask_to_buy("key-1", **changed)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(world.kept()["payments"]) == 1


def test_the_same_key_at_the_same_time_waits_for_the_first(world: World) -> None:
    world.sell()
    asked, go_on = Event(), Event()
    world.duitku.switches.slow_seconds = 1.0

    def hold(_seconds: float) -> None:
        asked.set()
        go_on.wait(20)

    world.duitku.till.pause = hold
    with ThreadPoolExecutor() as others:
        first = others.submit(world.ask_to_buy, "key-1")
        asked.wait(20)
        second = TestClient(world.web.app).post("/payment/initiate", json=WANTED, headers={"Idempotency-Key": "key-1"})
        go_on.set()

    assert (second.status_code, second.json()["code"]) == (409, "still_in_progress")
    assert int(second.headers["retry-after"]) > 0
    assert first.result().status_code == 201
    assert len(world.kept()["payments"]) == 1


def test_an_order_that_duitku_says_is_paid_when_its_request_is_repeated_is_enrolled(world: World) -> None:
    world.sell()
    world.duitku.fail_next("createInvoice", "timeout-after")
    world.ask_to_buy("key-1")
    [order_id] = [order.merchant_order_id for order in world.duitku.orders]
    world.duitku.pay(order_id)

    answer = world.ask_to_buy("key-1")
    world.work()

    assert (answer.status_code, answer.json()["code"]) == (502, "already_paid")
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [("siti@example.com", COURSE)]
