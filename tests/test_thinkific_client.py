"""The client of Thinkific against every shape that it may answer in, and against searches that are not exact."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from kelaspay.faults import (
    Fault,
    ThinkificBusy,
    ThinkificRefused,
    ThinkificUnauthorized,
    ThinkificUnavailable,
    ThinkificUnreachable,
)
from kelaspay.payment import Customer, Rupiah
from kelaspay.thinkific import EmailTaken, KeyAuth, Thinkific
from kelaspay.thinkific.client import no_guard
from kelaspay.thinkific.values import parse_time, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.world import World

SITI = Customer("Siti Rahmawati", "siti+kelas@example.com", "+6281234567890")
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}


class Gate:
    """Opens always, and notes what it was told."""

    def __init__(self) -> None:
        self.closed_until: list[float] = []

    @contextmanager
    def turn(self, *, urgent: bool) -> Iterator[None]:  # noqa: ARG002 - the gate's form
        yield

    def close(self, until: float) -> None:
        self.closed_until.append(until)


class School:
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.asked: list[httpx2.Request] = []
        self.gate = Gate()
        self._answer = answer
        http = httpx2.Client(transport=httpx2.MockTransport(self._take), headers={"User-Agent": "Kelaspay/test"})
        self.client = Thinkific(http, api_url="https://api.test", auth=KeyAuth("kelas", "key"), gate=self.gate)

    def _take(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self._answer(request)


def answering(status: int, body: object = None, headers: dict[str, str] | None = None) -> School:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return School(lambda _: httpx2.Response(status, content=content, headers=JSON | (headers or {})))


def items(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(bodies), "meta": {"pagination": {"current_page": 1, "next_page": None}}}


HTML = b"<!DOCTYPE html><html><body>Error</body></html>"

SHAPES: list[tuple[int, Any, type[Fault], str]] = [
    (400, {"error": "Parameter ID is required."}, ThinkificRefused, "Parameter ID is required."),
    (401, {"error": "Authentication Error"}, ThinkificUnauthorized, "Authentication Error"),
    (
        403,
        {"error": "Access to Apps is not available on your plan."},
        ThinkificUnauthorized,
        "not available on your plan",
    ),
    (403, {"error": "Access token has insufficient scope."}, ThinkificUnauthorized, "insufficient scope"),
    (403, HTML, ThinkificUnavailable, "HTTP 403"),  # the edge, not the API (thinkific.md 6.3)
    (404, {"error": "Record not found."}, ThinkificRefused, "Record not found."),
    (404, {"error": ["Record not found."]}, ThinkificRefused, "Record not found."),
    (422, {"errors": {"first_name": ["can't be blank"]}}, ThinkificRefused, "first_name can't be blank"),
    (422, {"errors": {"email": ["is bad", "is long"]}}, ThinkificRefused, "email is bad, is long"),
    (
        422,
        {"errors": ["Course could not be found.", "User could not be found."]},
        ThinkificRefused,
        "Course could not be found., User could not be found.",
    ),
    (422, {"errors": [{"user_ids": "Invalid user IDs: 1"}]}, ThinkificRefused, "user_ids Invalid user IDs: 1"),
    (422, {"errors": {"topic": "invalid format"}}, ThinkificRefused, "topic invalid format"),
    (422, {}, ThinkificRefused, "HTTP 422"),
    (422, [], ThinkificRefused, "HTTP 422"),
    (422, None, ThinkificRefused, "HTTP 422"),
    (500, {"error": "Internal Server Error"}, ThinkificUnavailable, "HTTP 500"),
    *[
        (status, HTML, ThinkificUnavailable, f"HTTP {status}")
        for status in (502, 503, 504, 520, 521, 522, 524, 527, 530)
    ],
    (302, HTML, ThinkificUnavailable, "HTTP 302"),  # never followed
]


@pytest.mark.parametrize(("status", "body", "fault", "text"), SHAPES)
def test_every_shape_of_error_becomes_a_fault_with_its_reason(
    status: int, body: Any, fault: type[Fault], text: str
) -> None:
    school = answering(status, body)
    with pytest.raises(fault) as raised:
        school.client.enroll_user(1, 2, activated_at=NOW, expiry_date=None, guard=no_guard)

    assert type(raised.value) is fault
    assert text in str(raised.value)


@pytest.mark.parametrize(("status", "body", "fault", "text"), SHAPES)
def test_no_error_is_taken_for_an_answer_to_a_question(status: int, body: Any, fault: type[Fault], text: str) -> None:
    with pytest.raises(fault):
        answering(status, body).client.find_user(SITI.email)

    assert text


@pytest.mark.parametrize("body", [None, "x", 1, ["x"], {"errors": None}, {"errors": {"a": None}}, {"other": 1}])
def test_a_reason_of_no_known_shape_is_still_text(body: Any) -> None:
    assert isinstance(said(body), str)


@pytest.mark.parametrize("errors", [{"email": ["has already been taken"]}, {"email": "has already been taken"}])
def test_a_taken_email_address_has_a_fault_of_its_own(errors: Any) -> None:
    with pytest.raises(EmailTaken):
        answering(422, {"errors": errors}).client.create_user(SITI, guard=no_guard)


def test_a_refusal_that_speaks_of_another_field_is_no_taken_address() -> None:
    school = answering(422, {"errors": {"first_name": ["can't be blank"]}})
    with pytest.raises(ThinkificRefused):
        school.client.create_user(SITI, guard=no_guard)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_empty_success_is_a_success(status: int) -> None:
    school = answering(status)

    school.client.change_enrollment("1", activated_at=NOW, expiry_date=None, guard=no_guard)
    school.client.enroll_user_in_bundle(1, 2, activated_at=NOW, expiry_date=None, guard=no_guard)
    school.client.refund_external_order(1, amount=Rupiah(1), reference="KP1", guard=no_guard)

    assert [request.method for request in school.asked] == ["PUT", "POST", "POST"]


@pytest.mark.parametrize("body", [None, {}, [], HTML, {"items": None}, {"items": [{"id": None}]}, {"id": None}])
def test_a_success_that_says_nothing_where_something_must_be_said_is_tried_again(body: Any) -> None:
    client = answering(200, body).client
    for ask in (
        lambda: client.create_user(SITI, guard=no_guard),
        lambda: client.find_user(SITI.email),
        lambda: client.enroll_user(1, 2, activated_at=NOW, expiry_date=None, guard=no_guard),
        lambda: client.create_external_order(1, 2, amount=Rupiah(1), reference="KP1", guard=no_guard),
        lambda: list(client.get_products()),
        lambda: client.bundle_courses(1),
    ):
        with pytest.raises(ThinkificUnavailable):
            ask()


def test_every_request_says_who_asks_and_carries_the_key() -> None:
    school = answering(200, items())
    school.client.find_user(SITI.email)
    school.client.find_enrollment(1, 2)
    list(school.client.get_products())

    assert {request.headers["User-Agent"] for request in school.asked} == {"Kelaspay/test"}
    assert {request.headers["X-Auth-API-Key"] for request in school.asked} == {"key"}


def test_the_services_own_requests_say_who_asks(embedded: World) -> None:
    embedded.sell()
    embedded.buy_and_pay()
    embedded.work()

    assert embedded.enrolled() != []  # without a User-Agent the emulated edge answers 403
    refused = httpx2.Client(transport=httpx2.WSGITransport(app=embedded.thinkific)).get(
        "http://thinkific.test/api/public/v1/users", headers={"User-Agent": ""}
    )
    assert refused.status_code == 403


def test_a_plus_in_an_email_address_is_percent_encoded() -> None:
    school = answering(200, items())
    school.client.find_user(SITI.email)

    assert b"siti%2Bkelas%40example.com" in school.asked[0].url.query


@pytest.mark.parametrize(
    "others",
    [
        ["siti.kelas@example.com"],
        ["siti@example.com", "xsiti+kelas@example.com"],
        ["siti kelas@example.com", "siti+kelas@example.com.id"],
        [None, ""],
        [],
    ],
)
def test_a_search_that_finds_others_finds_nobody(others: list[str | None]) -> None:
    school = answering(200, items(*({"id": number, "email": email} for number, email in enumerate(others))))

    assert school.client.find_user(SITI.email) is None


def test_the_right_one_among_others_is_found_whatever_its_case() -> None:
    found = items({"id": 1, "email": "siti@example.com"}, {"id": 2, "email": " Siti+Kelas@Example.COM"})

    assert answering(200, found).client.find_user(SITI.email) == 2


def test_a_fuzzy_search_never_enrols_a_stranger(embedded: World) -> None:
    embedded.sell()
    school = embedded.thinkific.school
    stranger = school.add_user("siti.lain@example.com", "Siti", "Lain")
    school.add_user("siti@example.com", "Siti", "Rahmawati")
    school.lagging["siti@example.com"] = 0

    embedded.buy_and_pay()
    embedded.work()

    assert [email for email, _course in embedded.enrolled()] == ["siti@example.com"]
    assert stranger.id not in {each.user_id for each in school.enrollments.values()}


def enrollment(**changed: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "user_id": 1,
        "course_id": 2,
        "activated_at": "2026-11-23T02:00:00.123Z",
        "expiry_date": None,
        "is_free_trial": False,
        "percentage_completed": "0.0",
    } | changed


def test_an_enrollment_of_somebody_else_is_none() -> None:
    others = items(enrollment(user_id=9), enrollment(course_id=9))

    assert answering(200, others).client.find_enrollment(1, 2) is None
    assert answering(200, items(enrollment(user_id=9))).client.find_bundle_enrollment(1, 2) is None


@pytest.mark.parametrize("number", [7, "8", 20_240_101_000_000_000_000_001, "01HZX"])
def test_an_enrollments_id_may_be_a_number_or_text(number: int | str) -> None:
    found = answering(200, items(enrollment(id=number))).client.find_enrollment(1, 2)

    assert found is not None
    assert found.enrollment_id == str(number)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-02-22T20:32:52.726Z", datetime(2024, 2, 22, 20, 32, 52, 726_000, UTC)),
        ("2024-02-22T20:32:52Z", datetime(2024, 2, 22, 20, 32, 52, 0, UTC)),
        ("2020-02-27T21:32:33.62583953-05:00", datetime(2020, 2, 28, 2, 32, 33, 625_839, UTC)),
        ("2024-02-22", datetime(2024, 2, 22, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_every_spelling_of_a_time_is_read_as_utc(text: str | None, time: datetime | None) -> None:
    assert parse_time(text) == time


def test_an_enrollment_is_always_activated_and_ends_only_where_it_should() -> None:
    school = answering(201, enrollment())
    school.client.enroll_user(1, 2, activated_at=NOW, expiry_date=None, guard=no_guard)
    school.client.enroll_user(1, 2, activated_at=NOW, expiry_date=NOW, guard=no_guard)
    sent = [json.loads(request.content) for request in school.asked]

    assert sent[0] == {"user_id": 1, "course_id": 2, "activated_at": "2026-11-23T02:00:00Z"}
    assert sent[1]["expiry_date"] == "2026-11-23T02:00:00Z"


def test_more_products_than_a_page_holds_are_all_read(embedded: World) -> None:
    for number in range(613):
        embedded.thinkific.school.add_course(f"Kelas {number}")

    count = embedded.sync()

    assert count == 613
    pages = [call for call in embedded.thinkific_calls() if call.startswith("GET /products")]
    assert len(pages) == 3


def product(product_id: int) -> dict[str, Any]:
    return {"id": product_id, "productable_type": "Course", "productable_id": 1, "name": "Python"}


def test_paging_goes_on_until_there_is_no_next_page_however_short_a_page_is() -> None:
    pages = {"1": ([1], 2), "2": ([], 3), "3": ([2, 3], None)}

    def answer(request: httpx2.Request) -> httpx2.Response:
        ids, following = pages[request.url.params["page"]]
        return httpx2.Response(
            200, json={"items": [product(each) for each in ids], "meta": {"pagination": {"next_page": following}}}
        )

    assert [each.product_id for each in School(answer).client.get_products()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "known"),
    [
        ({"productable_id": None}, 2),
        ({"id": 2**63}, None),
        ({"name": None}, 2),
        ({"slug": ["web"]}, 2),
        ({"days_until_expiry": 2**31}, 2),
        ({"id": "two"}, None),
        ({"name": "Kelas \ud800"}, 2),
        ({"productable_id": float("inf")}, 2),
        ({"id": float("inf")}, None),
    ],
)
def test_a_product_that_cannot_be_read_holds_up_no_other(wrong: dict[str, Any], known: int | None) -> None:
    school = answering(200, {"items": [product(1), product(2) | wrong, product(3)]})
    unread: list[int | None] = []

    assert [each.product_id for each in school.client.get_products(unread.append)] == [1, 3]
    assert unread == [known]


@pytest.mark.parametrize("more", [{}, {"meta": None}])
def test_a_list_without_paging_is_one_page(more: dict[str, Any]) -> None:
    school = answering(200, {"items": [product(1)]} | more)

    assert [each.product_id for each in school.client.get_products()] == [1]
    assert len(school.asked) == 1


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ({"RateLimit-Reset": str(int((NOW.timestamp() + 30) * 1000))}, 1, 300),
        ({"RateLimit-Reset": "1"}, 0.9, 1.1),
        ({"RateLimit-Reset": "soon"}, 59, 61),
        ({}, 59, 61),
        ({"RateLimit-Reset": "9999999999999"}, 299, 301),
    ],
)
def test_a_reached_limit_closes_the_gate_for_a_while(header: dict[str, str], least: float, most: float) -> None:
    school = answering(429, {"error": "Rate limit exceeded"}, header)
    with pytest.raises(ThinkificBusy) as busy:
        school.client.find_user(SITI.email)

    assert busy.value.wait is not None
    assert least <= busy.value.wait <= most
    assert len(school.gate.closed_until) == 1


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (httpx2.ConnectError("no"), ThinkificUnreachable),
        (httpx2.ConnectTimeout("no"), ThinkificUnreachable),
        (httpx2.PoolTimeout("no"), ThinkificUnreachable),
        (httpx2.ReadTimeout("no"), ThinkificUnavailable),
        (httpx2.WriteTimeout("no"), ThinkificUnavailable),
        (httpx2.ReadError("no"), ThinkificUnavailable),
        (httpx2.RemoteProtocolError("no"), ThinkificUnavailable),
    ],
)
def test_what_was_surely_not_sent_is_told_from_what_may_have_been(error: Exception, fault: type[Fault]) -> None:
    def fail(_request: httpx2.Request) -> httpx2.Response:
        raise error

    with pytest.raises(fault) as raised:
        School(fail).client.create_external_order(1, 2, amount=Rupiah(1), reference="KP1", guard=no_guard)

    assert type(raised.value) is fault
