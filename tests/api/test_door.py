"""Every request has a name, and its body must be small, JSON and in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from kelaspay.web.door import LARGEST_BODY, Door
from tests.api.client import Program
from tests.world import OFFER, WANTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

    from tests.world import World

PROBLEM = "application/problem+json"


@pytest.mark.parametrize("given", ["order-2026-11-23.1", "a" * 64, "01JD3K8Q"])
def test_a_callers_name_for_a_request_is_kept(embedded: World, given: str) -> None:
    fine = embedded.web.get("/healthz", headers={"X-Request-Id": given})
    wrong = embedded.web.get("/payment/KP-unknown", headers={"X-Request-Id": given})

    assert fine.headers["X-Request-Id"] == given
    assert (wrong.headers["X-Request-Id"], wrong.json()["request_id"]) == (given, given)


@pytest.mark.parametrize("given", [None, "", "short", "a" * 65, "-starts-wrong", "spaces in it", "<script>alert"])
def test_any_other_name_is_replaced_by_ours(embedded: World, given: str | None) -> None:
    answer = embedded.web.get("/nowhere", headers={} if given is None else {"X-Request-Id": given})

    assert answer.headers["X-Request-Id"] == answer.json()["request_id"] != given
    assert len(answer.json()["request_id"]) == 16


def test_what_is_logged_of_a_request_bears_its_name(embedded: World) -> None:
    embedded.sell()
    embedded.duitku.switches.down = True
    with capture_logs(processors=[merge_contextvars]) as logged:
        answer = embedded.web.post("/payment/initiate", json=WANTED)

    [line] = [line for line in logged if line["event"] == "invoice_failed"]
    assert line["request_id"] == answer.json()["request_id"]


@pytest.mark.parametrize("path", ["/payment/initiate", f"/buy/{OFFER}", "/console/sign-in", "/nowhere"])
def test_a_body_that_is_too_large_is_refused(embedded: World, path: str) -> None:
    embedded.sell()

    def chunks() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // 1024 + 1):
            yield b"x" * 1024

    said = [embedded.web.post(path, content=b"x" * (LARGEST_BODY + 1)), embedded.web.post(path, content=chunks())]

    for answer in said:
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["content-type"] == PROBLEM


def test_a_body_that_does_not_come_is_not_waited_for(embedded: World) -> None:
    async def app(*_: Any) -> None:
        raise AssertionError

    async def receive() -> Message:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/payment/initiate", "headers": [(b"content-length", b"9")]}
    asyncio.run(Door(app, body_seconds=0.01)(scope, receive, send))

    assert embedded.web.get("/healthz").status_code == 200
    assert sent[0]["status"] == 408
    assert b'"code":"body_too_slow"' in sent[1]["body"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_a_body_of_another_kind_is_told_so(embedded: World, kind: str) -> None:
    answer = embedded.web.post("/payment/initiate", content=b'{"offer": "x"}', headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", f"/buy/{OFFER}", "GET, POST"),
        ("PUT", "/healthz", "GET"),
        ("GET", "/payment/initiate", ""),
        ("OPTIONS", "/payment/initiate", "POST"),
        ("PATCH", "/webhooks/duitku", "POST"),
    ],
)
def test_a_method_that_is_not_there_is_told_which_are(embedded: World, method: str, path: str, allowed: str) -> None:
    answer = embedded.web.request(method, path)

    if allowed:
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    else:  # another route takes it for an order's id
        assert answer.json()["code"] == "payment_unknown"


EDGES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z")
"""Times that another zone has no day for."""


@pytest.mark.parametrize("given", EDGES)
def test_a_time_at_the_end_of_the_calendar_is_refused_by_its_field(embedded: World, given: str) -> None:
    program = Program(embedded)
    put = program.post("/offers", {"slug": "sql", "name": "SQL", "price": 1, "on_sale_until": given})
    asked = program.get("/payments", created_from=given)

    assert (put.status_code, put.json()["errors"][0]["field"]) == (422, "on_sale_until")
    assert (asked.status_code, asked.json()["errors"][0]["field"]) == (422, "created_from")


@pytest.mark.parametrize("field", ["price", "price_before", "access_days", "course_id"])
def test_yes_is_no_number(embedded: World, field: str) -> None:
    answer = Program(embedded).post("/offers", {"slug": "sql", "name": "SQL", "price": 1} | {field: True})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("given", [0, "1764000000", "2026-12-01", "2026-12-01T08:00:00", True])
def test_a_number_or_half_a_time_is_no_time(embedded: World, given: object) -> None:
    answer = Program(embedded).post("/offers", {"slug": "sql", "name": "SQL", "price": 1, "on_sale_from": given})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "on_sale_from")
