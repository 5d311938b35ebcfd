"""What `POST /payment/initiate` takes and refuses, and what becomes of a payment when Duitku fails in the middle."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.duitku import CHANNELS
from kelaspay.payment import MerchantOrderId
from kelaspay.store import offers
from tests.databases import once_on_a_server
from tests.world import COURSE, OFFER, PRICE, START, WANTED

if TYPE_CHECKING:
    import httpx2

    from tests.world import World

PROBLEM = "application/problem+json"
URL = "https://pay.example.com/o/"


def fields(answer: httpx2.Response) -> dict[str, str]:
    """The fields that a 422 names, each with what is wrong."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == PROBLEM
    said = answer.json()
    assert (said["status"], said["code"]) == (422, "invalid_input")
    return {each["field"]: each["detail"] for each in said["errors"]}


def customer(world: World, order_id: str) -> Any:
    return world.school.customers.recall(MerchantOrderId(order_id))


# What is refused, each field by name.

WRONG: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "no name": ({"customer_name": ...}, {"customer_name": "is missing"}),
    "an empty name": ({"customer_name": "  "}, {"customer_name": "is missing"}),
    "a name of digits": ({"customer_name": "0812"}, {"customer_name": "has no letters"}),
    "a name without end": ({"customer_name": "x" * 101}, {"customer_name": "is longer than 100 characters"}),
    "no e-mail": ({"customer_email": ...}, {"customer_email": "is missing"}),
    "no e-mail address": ({"customer_email": "siti@"}, {"customer_email": "is not an e-mail address"}),
    "two e-mail addresses": ({"customer_email": "a@b.co, c@d.co"}, {"customer_email": "is not an e-mail address"}),
    "an e-mail address with a line break": (
        {"customer_email": "siti@example.com\nBcc: a@b.co"},
        {"customer_email": "is not an e-mail address"},
    ),
    "an e-mail address that Duitku does not take": (
        {"customer_email": f"{'a' * 45}@example.com"},
        {"customer_email": "is longer than 50 characters, which Duitku does not take"},
    ),
    "no phone": ({"customer_phone": ...}, {"customer_phone": "is missing"}),
    "a phone too short": ({"customer_phone": "0812"}, {"customer_phone": "is not a possible phone number"}),
    "a phone of letters": ({"customer_phone": "telepon"}, {"customer_phone": "is not a phone number"}),
    "a phone too long": ({"customer_phone": "0812" * 9}, {"customer_phone": "is not a phone number"}),
    "neither offer nor course": ({"offer": ...}, {"course_name": "is missing"}),
    "an unknown offer": ({"offer": "other"}, {"offer": "is not an offer of ours"}),
    "an unknown course": ({"offer": ..., "course_name": "Other"}, {"course_name": "is not an offer of ours"}),
    "a course's name in part": (
        {"offer": ..., "course_name": "Web Development"},
        {"course_name": "is not an offer of ours"},
    ),
    "an amount": ({"amount": 1}, {"amount": "is not accepted: the price is ours"}),
    "an unknown field": ({"price": 1}, {"price": "is not known"}),
    "an unknown method": (
        {"payment_method": "XX"},
        {"payment_method": "is not a payment method of Duitku's that we offer"},
    ),
    "a method that needs a linked account": (
        {"payment_method": "OL"},
        {"payment_method": "is not a payment method of Duitku's that we offer"},
    ),
    "several at once": (
        {"customer_name": "", "customer_email": "x", "customer_phone": "08", "offer": "other", "payment_method": "XX"},
        {
            "customer_name": "is missing",
            "customer_email": "is not an e-mail address",
            "customer_phone": "is not a possible phone number",
            "payment_method": "is not a payment method of Duitku's that we offer",
            "offer": "is not an offer of ours",
        },
    ),
    "several missing and an amount": (
        {"customer_name": ..., "customer_phone": ..., "amount": 1},
        {
            "customer_name": "is missing",
            "customer_phone": "is missing",
            "amount": "is not accepted: the price is ours",
        },
    ),
}


@pytest.mark.parametrize("name", [COURSE, f" {COURSE.upper()}", "What it was called before", "two\nlines"])
def test_a_name_beside_the_offer_may_be_its_own_or_mean_nothing(embedded: World, name: str) -> None:
    embedded.sell()

    assert embedded.ask_to_buy(course_name=name).status_code == 201


def test_a_name_beside_the_offer_that_is_another_offers_is_refused(embedded: World) -> None:
    embedded.sell()
    embedded.sell("Fotografi", slug="foto")

    said = fields(embedded.ask_to_buy(course_name="fotografi"))

    assert said == {"course_name": "is the name of another offer than `offer`"}
    assert list(embedded.duitku.calls) == []


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_of_each_field_and_nothing_is_kept(embedded: World, case: str) -> None:
    wanted, wrong = WRONG[case]
    embedded.sell()
    before = embedded.kept()

    said = fields(embedded.ask_to_buy(**wanted))

    assert said == wrong
    assert embedded.kept() == before
    assert list(embedded.duitku.calls) == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"customer_name": 1}, "customer_name"),
        ({"customer_name": ["Siti"]}, "customer_name"),
        ({"customer_email": None}, "customer_email"),
        ({"customer_phone": 8123456789}, "customer_phone"),
        ({"customer_name": "x" * 501}, "customer_name"),
        ({"return_url": "javascript:alert(1)"}, "return_url"),
        ({"return_url": "https://a b"}, "return_url"),
        ({"return_url": "https://a\x00b"}, "return_url"),
        ({"return_url": "https://pay.example.com/" + "x" * 232}, "return_url"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_field(embedded: World, wanted: dict[str, Any], field: str) -> None:
    embedded.sell()

    assert set(fields(embedded.ask_to_buy(**wanted))) == {field}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"customer_name": "\\ud800"}', "application/json"),
    ],
)
def test_what_is_no_json_object_is_refused_in_words(embedded: World, body: bytes, content_type: str) -> None:
    answer = embedded.web.post("/payment/initiate", content=body, headers={"Content-Type": content_type})

    said = fields(answer)
    assert set(said) <= {"body", "customer_name", "customer_email", "customer_phone"}
    assert all(why for why in said.values())


def test_what_was_entered_is_not_said_back(embedded: World) -> None:
    embedded.sell()

    answer = embedded.ask_to_buy(customer_email="siti.rahmawati@", customer_phone="0812-bukan", customer_name="81273")

    assert "rahmawati" not in answer.text
    assert "bukan" not in answer.text
    assert "81273" not in answer.text


@pytest.mark.parametrize(
    ("urls", "name"),
    once_on_a_server("Siti\x00", "Siti\u200b Rahmawati", "Siti\tRahmawati\n", "\u202eSiti"),
    indirect=["urls"],
)
def test_a_name_is_cleaned_of_what_cannot_be_seen(world: World, name: str) -> None:
    world.sell()

    order_id = world.buy(customer_name=name)

    assert customer(world, order_id).name in {"Siti", "Siti Rahmawati"}


@pytest.mark.parametrize("field", ["offer", "course_name", "payment_method", "customer_email"])
def test_a_nul_is_no_reason_to_fall_over(world: World, field: str) -> None:
    world.sell()
    wanted: dict[str, Any] = {field: "B\x00C"}
    if field == "course_name":
        wanted["offer"] = ...

    assert set(fields(world.ask_to_buy(**wanted))) == {field}


@pytest.mark.parametrize("path", ["/payment/KP%00", "/o/%00", "/buy/%00", "/payment/%ED%A0%80", "/%00"])
def test_no_address_is_a_reason_to_fall_over(world: World, path: str) -> None:
    answer = world.web.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM


def test_an_offer_is_sold_only_while_it_is_on_sale(embedded: World) -> None:
    embedded.sell()
    embedded.sell("Yang lama", slug="retired")
    embedded.offer("soon", COURSE, course_id=1, on_sale_from=START + timedelta(days=1))
    embedded.offer("over", COURSE, course_id=1, on_sale_until=START)
    with embedded.database.begin() as db:
        offers.retire_offer(db, "retired", START)

    refused = {slug: fields(embedded.ask_to_buy(offer=slug)) for slug in ("retired", "soon", "over")}

    assert refused == {slug: {"offer": "is not on sale"} for slug in ("retired", "soon", "over")}
    assert [each["slug"] for each in embedded.web.get("/courses").json()] == [OFFER]
    assert embedded.ask_to_buy(offer=..., course_name=COURSE).status_code == 201


def test_a_name_that_several_offers_have_is_not_guessed_at(embedded: World) -> None:
    embedded.sell()
    embedded.sell(slug="another")

    said = fields(embedded.ask_to_buy(offer=..., course_name=COURSE))

    assert said == {"course_name": "is the name of several offers; say which by `offer`"}


# What is taken, and how it is kept.


@pytest.mark.parametrize(
    "phone",
    [
        "081234567890",
        "0812-3456-7890",
        "6281234567890",
        "+62 812-3456-7890",
        "+6281234567890",
        " (0812) 3456 7890 ",
        "62 812 3456 7890",
        "0812.3456.7890",
        "+62 (0) 812 3456 7890",
        "81234567890",
    ],
)
def test_every_way_to_write_a_phone_number_is_kept_as_e164(embedded: World, phone: str) -> None:
    embedded.sell()

    assert customer(embedded, embedded.buy(customer_phone=phone)).phone == "+6281234567890"


def test_a_phone_number_of_another_country_is_kept_too(embedded: World) -> None:
    embedded.sell()

    assert customer(embedded, embedded.buy(customer_phone="+65 8123 4567")).phone == "+6581234567"


@pytest.mark.parametrize("email", ["siti@example.com", "  Siti@Example.COM ", "SITI@EXAMPLE.COM\n"])
def test_an_email_address_is_trimmed_and_lower_cased(embedded: World, email: str) -> None:
    embedded.sell()

    assert customer(embedded, embedded.buy(customer_email=email)).email == "siti@example.com"


@pytest.mark.parametrize("email", ["İx@example.com", "café@example.com", "用户@example.com"])
def test_an_address_that_few_mail_servers_take_is_refused(embedded: World, email: str) -> None:
    embedded.sell()

    assert fields(embedded.ask_to_buy(customer_email=email)) == {"customer_email": "is not an e-mail address"}


def test_a_domain_beyond_ascii_is_kept_as_mail_servers_write_it(embedded: World) -> None:
    embedded.sell()

    assert customer(embedded, embedded.buy(customer_email="siti@Bücher.example")).email == "siti@xn--bcher-kva.example"


def test_a_plus_in_an_email_address_is_part_of_it(embedded: World) -> None:
    embedded.sell()

    assert customer(embedded, embedded.buy(customer_email="Siti+Kelas@Example.com")).email == "siti+kelas@example.com"


def test_the_price_is_ours_and_what_was_sold_stays_as_it_was(embedded: World) -> None:
    embedded.sell(price=PRICE)
    order_id = embedded.buy()
    embedded.offer(OFFER, COURSE, PRICE * 2, course_id=1)

    assert embedded.duitku.orders[order_id].asked.payment_amount == PRICE
    assert embedded.web.get(f"/payment/{order_id}").json()["amount"] == PRICE


def test_a_method_is_taken_in_any_case(embedded: World) -> None:
    embedded.sell()

    order_id = embedded.buy(payment_method=" bc ")

    assert embedded.payment(order_id).payment_method == "BC"


@pytest.mark.parametrize("method", sorted(CHANNELS))
def test_a_bill_is_never_promised_for_longer_than_duitku_keeps_it(embedded: World, method: str) -> None:
    embedded.sell()

    order_id = embedded.buy(payment_method=method)

    assert embedded.payment(order_id).expires_at == embedded.duitku.orders[order_id].expires_at


def test_order_ids_start_with_letters_and_cannot_be_guessed(embedded: World) -> None:
    embedded.sell()

    ids = [embedded.buy() for _ in range(5)]

    assert len({order_id[-16:] for order_id in ids}) == 5
    assert all(order_id[:2].isalpha() and len(order_id) <= 50 and "siti" not in order_id for order_id in ids)


def test_the_public_state_says_nothing_about_who_pays(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()

    said = world.web.get(f"/payment/{order_id}")

    assert said.json()["status"] == "completed"
    assert said.json()["paid_at"] == "2026-11-23T02:00:00Z"
    assert said.json()["enrolled_at"] == "2026-11-23T02:00:00Z"
    for personal in ("siti", "Siti", "Rahmawati", "812", "example.com"):
        assert personal not in said.text


def test_the_return_url_is_where_duitku_sends_the_buyer_and_ours_without_one(embedded: World) -> None:
    embedded.sell()
    theirs = embedded.buy(return_url="https://kelas.thinkific.com/thanks?x=1")
    ours = embedded.buy()

    assert embedded.duitku.orders[theirs].asked.return_url == "https://kelas.thinkific.com/thanks?x=1"
    assert embedded.duitku.orders[ours].asked.return_url == URL + embedded.payment(ours).public_id
    assert embedded.duitku.orders[ours].asked.callback_url == "https://pay.example.com/webhooks/duitku"


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
def test_a_key_of_no_use_is_refused(embedded: World, key: str) -> None:
    embedded.sell()
    answer = embedded.web.post("/payment/initiate", json=WANTED, headers={"Idempotency-Key": key})

    assert set(fields(answer)) == {"Idempotency-Key"}
