"""Buy, pay, call back, work, enrolled; and each thing that can go otherwise. Told at the public door."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kelaspay.outside import utc_now
from tests.world import COURSE, OFFER, PRICE

if TYPE_CHECKING:
    from typing import Literal
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tests.world import World

SITI = ("siti@example.com", COURSE)


def test_whoever_paid_is_in_the_course(world: World) -> None:
    course = world.sell()
    answer = world.ask_to_buy()
    order_id = answer.json()["merchant_order_id"]

    called = world.call_back(world.duitku.pay(order_id))
    world.work()

    assert answer.status_code == 201
    assert called.status_code == 200
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert (enrollment.course_id, enrollment.state) == (course.id, "enrolled")
    assert [order.transactions[0].reference for order in world.thinkific.school.external_orders.values()] == [order_id]


def test_the_answer_says_where_to_pay_and_where_to_look(world: World) -> None:
    world.sell()

    made = world.ask_to_buy().json()

    assert made["payment_url"].startswith("http://duitku.test/redirect_checkout?reference=")
    assert made["status_url"].startswith("https://pay.example.com/o/")
    assert made["amount"] == PRICE
    assert made["merchant_order_id"].startswith("KP")
    assert len(made["merchant_order_id"]) <= 50
    assert world.web.get(made["status_url"]).status_code == 200


def test_a_chosen_method_gives_a_va_number_at_once(world: World) -> None:
    world.sell()

    made = world.ask_to_buy(payment_method="BC").json()

    assert made["va_number"].isdigit()
    assert "qr_string" not in made


def test_qris_gives_the_string_to_draw(world: World) -> None:
    world.sell()

    made = world.ask_to_buy(payment_method="SP").json()

    assert made["qr_string"].startswith("000201")
    assert "va_number" not in made


def test_a_new_buyer_costs_three_calls_and_a_returning_one_too(world: World) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python")
    world.buy_and_pay()
    world.work()
    first = world.thinkific_calls()
    world.buy_and_pay(offer="python")

    world.work()

    assert first == ["POST /users", "POST /enrollments", "POST /external_orders"]
    assert world.thinkific_calls()[3:] == ["GET /enrollments", "POST /enrollments", "POST /external_orders"]


def test_without_external_orders_a_new_buyer_costs_two_calls(world: World) -> None:
    world.offer(OFFER, COURSE, course_id=world.thinkific.school.add_course(COURSE).id)
    world.buy_and_pay()

    world.work()

    assert world.thinkific_calls() == ["POST /users", "POST /enrollments"]


def test_a_buyer_whom_only_thinkific_knows_is_found_in_at_most_four_calls(world: World) -> None:
    world.sell()
    world.thinkific.school.add_user("siti@example.com", "Siti", "R")
    world.buy_and_pay(customer_email=" Siti@Example.com ")

    world.work()

    assert world.enrolled() == [SITI]
    assert world.thinkific_calls()[:4] == ["POST /users", "GET /users", "GET /enrollments", "POST /enrollments"]


def test_a_buyer_is_found_among_all_whose_addresses_look_alike(world: World) -> None:
    course = world.sell()
    school = world.thinkific.school
    for number in range(260):
        school.add_user(f"x{number}.siti@example.com", "Siti", "Lain")
    own = school.add_user("siti@example.com", "Siti", "Rahmawati")
    world.thinkific.switches.inexact_search = True

    order_id = world.buy_and_pay()
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert school.enrollment_of(own.id, course.id) is not None
    assert len(school.enrollments) == 1


def test_a_callback_sent_twice_enrolls_once(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)

    answers = [world.call_back(form).status_code for _ in range(3)]
    world.work()
    answers.append(world.call_back(form).status_code)
    world.work()

    assert answers == [200] * 4
    assert world.enrolled() == [SITI]
    assert len(world.thinkific.school.external_orders) == 1
    assert world.duitku_asks() == 1


def test_a_forged_success_grants_nothing(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.callback_form(order_id, result_code="00")

    answer = world.call_back(form)
    world.work_for(hours=1)

    assert answer.status_code == 200
    assert world.status(order_id) == "pending"
    assert world.enrolled() == []
    assert world.duitku_asks() <= 8


def test_a_callback_that_comes_before_duitku_says_paid_is_asked_about_again(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.callback_form(order_id, result_code="00"))
    world.work()
    early = world.status(order_id)
    world.duitku.pay(order_id)

    world.work_for(minutes=1)

    assert early == "pending"
    assert world.status(order_id) == "completed"


@pytest.mark.parametrize("mode", ["upsert", "422", "400"])
def test_a_buyer_whom_the_school_enrolls_by_itself_meanwhile_is_enrolled_too(
    world: World, mode: Literal["upsert", "422", "400"]
) -> None:
    course = world.sell()
    emulator, school = world.thinkific, world.thinkific.school
    emulator.switches.enrollment_mode = mode

    def enrolling(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        answered = list(emulator(environ, start_response))
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/users"):
            for user in school.users.values():
                school.add_enrollment(user.id, course.id, activated_at=world.clock(), expiry_date=None)
        return answered

    world.hosts.put("thinkific", enrolling)
    order_id = world.buy_and_pay()
    world.work_for(hours=1)

    assert world.status(order_id) == "completed"
    assert len(school.enrollments) == 1


@pytest.mark.parametrize("unit", ["ms", "s"])
def test_a_full_limit_is_waited_for_in_whichever_unit_its_end_is_told(world: World, unit: Literal["ms", "s"]) -> None:
    world.sell()
    world.clock.time = utc_now() + timedelta(seconds=100)
    world.thinkific.switches.reset_in = unit
    world.thinkific.fail_next("POST", "/users", "429")

    world.buy_and_pay()
    world.work()

    assert 90 < world.outside.schools.gate().closed_for() < 102


@pytest.mark.parametrize(
    ("lag", "wait"),
    [(120.0, {"minutes": 5}), (300.0, {"minutes": 15}), (1500.0, {"minutes": 45}), (7200.0, {"hours": 5})],
)
def test_a_status_that_lags_behind_the_callback_is_waited_for(world: World, lag: float, wait: dict[str, float]) -> None:
    world.sell()
    world.duitku.switches.status_lag_seconds = lag
    order_id = world.buy_and_pay()
    end = world.clock() + timedelta(**wait)

    while world.clock() < end:
        world.work_for(minutes=5)
        world.reconcile()
    world.work()

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert world.duitku_asks() <= 11


@pytest.mark.parametrize(("result_code", "asks"), [("01", 6), ("00", 8)])
def test_only_a_success_that_was_called_back_is_asked_after_for_half_an_hour(
    embedded: World, result_code: str, asks: int
) -> None:
    embedded.sell()
    embedded.duitku.switches.status_lag_seconds = 7200.0
    order_id = embedded.buy()
    embedded.call_back(embedded.duitku.pay(order_id) | {"resultCode": result_code})

    embedded.work_for(hours=1)

    assert embedded.duitku_asks() == asks
    assert embedded.status(order_id) == "pending"


def test_a_status_that_lags_beyond_the_bills_end_loses_no_money(world: World) -> None:
    world.sell()
    world.duitku.switches.status_lag_seconds = 1800.0
    order_id = world.buy(payment_method="BC")
    world.clock.move(hours=23, minutes=59)
    world.call_back(world.duitku.pay(order_id))

    for _ in range(16):
        world.work_for(hours=1)
        world.reconcile()
    world.work()

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


@pytest.mark.parametrize("method", ["OV", "DA", "SA", "LA"])
def test_an_e_wallet_whose_answer_names_no_amount_is_paid_like_any_other(embedded: World, method: str) -> None:
    embedded.sell()
    embedded.duitku.switches.ewallet_amount = False

    order_id = embedded.buy_and_pay(payment_method=method)
    embedded.work()

    assert embedded.status(order_id) == "completed"


def test_the_same_callback_counts_again_when_it_first_came_too_early(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.callback_form(order_id, result_code="00")
    world.call_back(form)
    world.work_for(hours=1)
    world.duitku.pay(order_id)

    world.call_back(form)
    world.work_for(minutes=10)

    assert world.status(order_id) == "completed"


def test_the_browsers_return_changes_nothing(world: World) -> None:
    world.sell()
    made = world.ask_to_buy().json()
    order_id = made["merchant_order_id"]

    page = world.web.get(f"{made['status_url']}?merchantOrderId={order_id}&resultCode=00&reference=x")
    world.work()

    assert page.status_code == 200
    assert world.status(order_id) == "pending"
    assert world.duitku_asks() == 0


def test_another_amount_goes_to_a_person_and_enrolls_nobody(world: World) -> None:
    world.sell()
    order_id = world.buy()

    world.call_back(world.duitku.pay(order_id, amount=15_000))
    world.work_for(hours=1)

    assert world.status(order_id) == "review"
    assert world.payment(order_id).attention == "amount_differs"
    assert world.enrolled() == []


def test_a_buyer_with_one_name_only_is_enrolled(world: World) -> None:
    world.sell()

    world.buy_and_pay(customer_name="Suharto")
    world.work()

    assert world.enrolled() == [SITI]
    assert [user.first_name for user in world.thinkific.school.users.values()] == ["Suharto"]


def test_a_school_with_required_profile_fields_takes_the_buyer(world: World) -> None:
    world.thinkific.switches.required_custom_fields = ["Profesi"]
    world.sell()

    world.buy_and_pay()
    world.work()

    assert world.enrolled() == [SITI]


def test_a_course_is_found_by_its_exact_name_case_and_space_aside(world: World) -> None:
    course = world.thinkific.school.add_course("Fotografi  Produk")
    world.offer("foto", "fotografi produk")
    world.sync()

    order_id = world.buy_and_pay(offer=..., course_name="FOTOGRAFI PRODUK")
    world.work()

    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    assert enrollment.course_id == course.id
    assert world.status(order_id) == "completed"


@pytest.mark.parametrize("copies", [0, 2])
def test_a_course_that_cannot_be_told_goes_to_a_person_and_goes_on_when_mapped(world: World, copies: int) -> None:
    courses = [world.thinkific.school.add_course("Fotografi") for _ in range(copies)]
    world.offer("foto", "Fotografi")
    world.sync()
    order_id = world.buy_and_pay(offer="foto")
    world.work()
    stuck = (world.status(order_id), world.payment(order_id).attention, world.enrolled())

    right = courses[-1] if courses else world.thinkific.school.add_course("Fotografi Baru")
    world.offer("foto", "Fotografi", course_id=right.id, product_id=right.product_id)
    world.retry(order_id)
    world.work()

    assert stuck == ("review", "course_unmapped", [])
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [("siti@example.com", right.name)]
