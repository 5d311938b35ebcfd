"""Duitku and Thinkific failing at each step, before and after they did what was asked; and staying away for long.
Whoever paid is enrolled once, or a person is told why not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest

from kelaspay.payment import Attention, ExternalOrderState
from kelaspay.store import jobs
from kelaspay.thinkific import KeyAuth, Thinkific
from kelaspay.thinkific.client import OpenGate
from tests.databases import BOTH, ON_SQLITE, once_on_a_server
from tests.world import COURSE, Hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.world import World

EMAIL = "siti@example.com"
SITI = (EMAIL, COURSE)
ALWAYS = 1_000_000
BEFORE = ("503", "520", "500", "429", "timeout-before", "connect")
NEVER_ARRIVED = ("429", "connect")
AFTER = ("timeout-after", "garbled-after")
FAULTS = (*BEFORE, *AFTER)


class Garbling(Hosts):
    """Does what is asked, and then answers some calls with something else than the emulator said."""

    def __init__(self, world: World) -> None:
        super().__init__(duitku=world.duitku, thinkific=world.thinkific)
        self.said: dict[str, bytes] = {}
        """What is answered instead, by the end of "METHOD /path"."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().handle_request(request)
        for call, instead in self.said.items():
            asked = f"{request.method} {request.url.path}".replace("/api/public/v1", "")
            if answer.is_success and asked == call:
                return httpx2.Response(200, content=instead)
        return answer


@pytest.fixture
def garbling(world: World) -> Iterator[Garbling]:
    """The world's Thinkific without the gate, which would have the tests wait; nothing is garbled yet."""
    hosts = Garbling(world)
    with httpx2.Client(transport=hosts, headers={"User-Agent": "Kelaspay/tests"}) as http:
        school = world.thinkific.school
        auth = KeyAuth(school.subdomain, school.api_key)
        thinkific = Thinkific(http, api_url="http://thinkific.test", auth=auth, gate=OpenGate())
        world.school = replace(world.school, thinkific=thinkific)
        yield hosts


def known_to_thinkific(world: World) -> None:
    world.sell()
    world.thinkific.school.add_user(EMAIL, "Siti", "R")


def bundle(world: World) -> None:
    made = world.thinkific.school.add_bundle("Paket", [world.thinkific.school.add_course(COURSE).id])
    world.offer("web-fundamentals", "Paket", bundle_id=made.id, product_id=made.product_id)


def bought_for_a_month(world: World) -> None:
    world.sell(access_days=30)
    world.buy_and_pay()
    world.work()
    world.clock.move(days=10)


STEPS: dict[str, tuple[Callable[[World], object], str, str]] = {
    "make the user": (lambda world: world.sell(), "POST", "/users"),
    "find the user": (known_to_thinkific, "GET", "/users"),
    "look for the enrollment": (known_to_thinkific, "GET", "/enrollments"),
    "enroll": (lambda world: world.sell(), "POST", "/enrollments"),
    "extend": (bought_for_a_month, "PUT", "/enrollments"),
    "enroll in the bundle": (bundle, "POST", "/bundles"),
    "look for the bundle": (bundle, "GET", "/bundles"),
    "record the sale": (lambda world: world.sell(), "POST", "/external_orders"),
}


def sales(world: World, order_id: str) -> int:
    orders = world.thinkific.school.external_orders.values()
    return sum(order.transactions[0].reference == order_id for order in orders)


def attempts(world: World, order_id: str) -> int:
    with world.database.read() as db:
        job = jobs.find_job(db, order_id)
    assert job is not None
    return job.attempts


def away(world: World) -> None:
    world.thinkific.fail_next("*", "/", "503", ALWAYS)


# one fault


@pytest.mark.usefixtures("garbling")
@pytest.mark.parametrize(
    ("urls", "kind"),
    [*((BOTH[0], kind) for kind in FAULTS), (BOTH[1], "timeout-after")],  # which fault it is no database knows
    indirect=["urls"],
)
@pytest.mark.parametrize("step", STEPS)
def test_a_fault_of_thinkifics_at_any_step_ends_enrolled_once(world: World, step: str, kind: str) -> None:
    before, method, path = STEPS[step]
    before(world)
    world.thinkific.fail_next(method, path, kind)

    order_id = world.buy_and_pay()
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    if step == "record the sale" and kind not in NEVER_ARRIVED:
        assert enrollment.external_order_state is ExternalOrderState.UNKNOWN
        assert sales(world, order_id) == (kind in AFTER)
    else:
        assert enrollment.external_order_state is ExternalOrderState.RECORDED
        assert sales(world, order_id) == 1


@pytest.mark.parametrize(
    ("urls", "kind"),
    once_on_a_server(
        "timeout-after",
        "503",
        "500-html",
        "500-json",
        "404-html",
        "200-html",
        "200-garbled",
        "timeout-before",
        "connect",
    ),
    indirect=["urls"],
)
def test_a_fault_of_duitkus_when_it_is_asked_ends_enrolled_once(world: World, kind: str) -> None:
    world.sell()
    world.duitku.fail_next("transactionStatus", kind)

    order_id = world.buy_and_pay()
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert sales(world, order_id) == 1
    assert world.duitku_asks() == 2


def test_the_days_are_added_once_though_the_answer_to_adding_them_was_lost(world: World) -> None:
    bought_for_a_month(world)
    [there] = world.thinkific.school.enrollments.values()
    assert there.activated_at is not None
    first_end = there.expiry_date
    world.thinkific.fail_next("PUT", "/enrollments", "timeout-after")

    world.buy_and_pay()
    world.work_for(hours=1)

    assert first_end is not None
    assert there.expiry_date is not None
    assert (there.expiry_date - first_end).days == 30


# away for long


@pytest.mark.usefixtures("garbling")
@ON_SQLITE
def test_whoever_waited_long_for_a_full_limit_is_served_soon_after_there_is_room(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("*", "/", "429", ALWAYS)
    order_id = world.buy_and_pay()
    world.work_for(hours=1)
    meanwhile = (world.status(order_id), attempts(world, order_id))
    world.thinkific.clear_faults()

    world.work_for(minutes=2)

    assert meanwhile == ("paid", 0)
    assert world.enrolled() == [SITI]


@pytest.mark.usefixtures("garbling")
def test_thinkific_away_for_twenty_hours_uses_up_no_attempts(world: World) -> None:
    world.sell()
    away(world)
    order_id = world.buy_and_pay()
    world.work_for(hours=20)
    meanwhile = (world.status(order_id), attempts(world, order_id))
    world.thinkific.clear_faults()

    world.work_for(hours=2)

    assert meanwhile == ("paid", 0)
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


@pytest.mark.usefixtures("garbling")
def test_thinkific_away_for_more_than_a_day_is_told_and_a_person_goes_on_where_it_stopped(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("*", "/enrollments", "503", ALWAYS)
    order_id = world.buy_and_pay()
    world.work_for(hours=30)
    stuck = (world.status(order_id), world.payment(order_id).attention)
    world.thinkific.clear_faults()

    world.retry(order_id)
    world.work()

    assert stuck == ("review", Attention.GAVE_UP)
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert world.thinkific_calls().count("POST /users") == 1


@pytest.mark.usefixtures("garbling")
def test_a_person_who_tries_too_early_gets_another_day_of_patience(world: World) -> None:
    world.sell()
    away(world)
    order_id = world.buy_and_pay()
    world.work_for(hours=30)

    world.retry(order_id)
    world.work_for(hours=20)
    second = world.status(order_id)
    world.thinkific.clear_faults()
    world.work_for(hours=2)

    assert second == "paid"
    assert world.enrolled() == [SITI]


# refused


@pytest.mark.usefixtures("garbling")
@pytest.mark.parametrize(
    ("urls", "refusal"), once_on_a_server("401", "403", "403-plan", "403-scope"), indirect=["urls"]
)
def test_what_the_operator_can_cure_heals_by_itself(world: World, refusal: str) -> None:
    world.sell()
    world.thinkific.fail_next("*", "/", refusal, ALWAYS)
    order_id = world.buy_and_pay()
    world.work_for(hours=5)
    meanwhile = (world.status(order_id), attempts(world, order_id))
    world.thinkific.clear_faults()

    world.work_for(hours=2)

    assert meanwhile == ("paid", 0)
    assert world.enrolled() == [SITI]
    assert sales(world, order_id) == 1


@pytest.mark.usefixtures("garbling")
@pytest.mark.parametrize(("urls", "refusal"), once_on_a_server("401", "403-plan", "403-scope"), indirect=["urls"])
def test_what_the_operator_cures_after_days_heals_by_itself_too(world: World, refusal: str) -> None:
    world.sell()
    world.thinkific.fail_next("*", "/", refusal, ALWAYS)
    order_id = world.buy_and_pay()
    world.work_for(days=3)
    meanwhile = (world.status(order_id), attempts(world, order_id))
    world.thinkific.clear_faults()

    world.work_for(hours=2)

    assert meanwhile == ("paid", 0)
    assert world.enrolled() == [SITI]


@pytest.mark.usefixtures("garbling")
def test_what_nobody_can_cure_by_waiting_stops_at_once_with_the_reason(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("POST", "/enrollments", "422")

    order_id = world.buy_and_pay()
    world.work()

    payment = world.payment(order_id)
    assert (payment.status, payment.attention) == ("review", Attention.THINKIFIC_REFUSED)
    assert "Course could not be found" in (payment.attention_text or "")
    assert world.engine.next_due() is None


def test_a_user_deleted_at_thinkific_between_two_purchases_is_made_again(world: World) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python")
    world.buy_and_pay()
    world.work()
    [user] = world.thinkific.school.users.values()
    world.thinkific.school.remove_user(user)

    order_id = world.buy_and_pay(offer="python")
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [(EMAIL, "Python dari Dasar")]
    assert sales(world, order_id) == 1


def test_a_user_deleted_at_thinkific_before_a_bundle_is_bought_is_made_again(world: World) -> None:
    course = world.sell()
    made = world.thinkific.school.add_bundle("Paket", [course.id])
    world.offer("paket", "Paket", bundle_id=made.id, product_id=made.product_id, access_days=30)
    world.buy_and_pay()
    world.work()
    [user] = world.thinkific.school.users.values()
    world.thinkific.school.remove_user(user)

    order_id = world.buy_and_pay(offer="paket")
    world.work_for(minutes=1)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert sales(world, order_id) == 1


def test_a_user_whom_the_search_shows_late_is_found(world: World) -> None:
    known_to_thinkific(world)
    world.thinkific.switches.search_lag = 3

    order_id = world.buy_and_pay()
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


# answers that make no sense

NONSENSE = [b"", b'{"id": null}', b"<html>\xff"]


@pytest.mark.parametrize(("urls", "nonsense"), once_on_a_server(*NONSENSE), indirect=["urls"])
@pytest.mark.parametrize("call", ["POST /users", "POST /enrollments", "GET /enrollments"])
def test_a_success_that_makes_no_sense_for_a_while_ends_enrolled_once(
    world: World, garbling: Garbling, call: str, nonsense: bytes
) -> None:
    known_to_thinkific(world) if call.startswith("GET") else world.sell()
    garbling.said[call] = nonsense
    order_id = world.buy_and_pay()
    world.work_for(minutes=5)
    garbling.said.clear()

    world.work_for(hours=3)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert sales(world, order_id) == 1


@pytest.mark.parametrize(("urls", "nonsense"), once_on_a_server(b"[]", b'{"items": null}'), indirect=["urls"])
def test_a_success_that_never_makes_sense_ends_with_a_person_and_is_not_lost(
    world: World, garbling: Garbling, nonsense: bytes
) -> None:
    known_to_thinkific(world)
    garbling.said["GET /users"] = nonsense
    order_id = world.buy_and_pay()
    world.work_for(days=3)
    stuck = (world.status(order_id), world.payment(order_id).attention)
    garbling.said.clear()

    world.retry(order_id)
    world.work_for(hours=1)

    assert stuck == ("review", Attention.GAVE_UP)
    assert world.enrolled() == [SITI]


@pytest.mark.parametrize(("urls", "nonsense"), once_on_a_server(b"", b"{}"), indirect=["urls"])
def test_a_sale_answered_with_nonsense_is_not_sent_again(world: World, garbling: Garbling, nonsense: bytes) -> None:
    world.sell()
    garbling.said["POST /external_orders"] = nonsense

    order_id = world.buy_and_pay()
    world.work_for(days=2)

    assert world.status(order_id) == "completed"
    assert sales(world, order_id) == 1
    assert world.payment(order_id).attention is Attention.EXTERNAL_ORDER_UNKNOWN


@pytest.mark.parametrize(
    ("urls", "nonsense"),
    once_on_a_server(
        b"", b"[]", b'{"statusCode": "00"}', b'{"statusCode": "00", "merchantOrderId": "another", "amount": "150000"}'
    ),
    indirect=["urls"],
)
def test_an_answer_of_duitkus_that_makes_no_sense_pays_nothing_and_is_asked_again(
    world: World, garbling: Garbling, nonsense: bytes
) -> None:
    duitku = world.school.duitku
    with httpx2.Client(transport=garbling) as http:
        hosts = ("http://duitku.test", "http://duitku.test", "http://duitku.test")
        key = next(iter(world.duitku.till.merchants.values()))
        asked = type(duitku)(http, merchant_code=duitku.merchant_code, api_key=key, hosts=hosts)
        world.school = replace(world.school, duitku=asked)
        world.sell()
        garbling.said["POST /api/merchant/transactionStatus"] = nonsense
        order_id = world.buy_and_pay()
        world.work_for(hours=1)
        meanwhile = world.status(order_id)
        garbling.said.clear()

        world.work_for(hours=3)

    assert meanwhile == "pending"
    assert world.enrolled() == [SITI]
