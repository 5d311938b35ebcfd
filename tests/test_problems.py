"""Every error of every route is a problem with a stable code; a defect tells nothing but a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from kelaspay.app import create_app
from kelaspay.endpoint_faults import AddressRefused
from kelaspay.faults import StillInProgress, Superseded, ThinkificUserMissing
from tests.world import OFFER, WANTED

if TYPE_CHECKING:
    from kelaspay.faults import Fault
    from tests.world import World

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("POST", "/nothing", 404, "not_found"),
        ("GET", "/payment/KP-unknown", 404, "payment_unknown"),
        ("GET", "/o/unknown", 404, "payment_unknown"),
        ("GET", "/buy/unknown", 404, "offer_unknown"),
        ("DELETE", "/payment/initiate", 405, "method_not_allowed"),
        ("GET", "/static/../../etc/passwd", 404, "not_found"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("GET", "/payment/" + "x" * 600, 404, "payment_unknown"),
    ],
)
def test_every_error_is_a_problem_with_a_stable_code(
    embedded: World, method: str, path: str, status: int, code: str
) -> None:
    answer = embedded.web.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    said = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    assert said["title"]


@pytest.mark.parametrize(
    ("fault", "of_one_place"),
    [
        (StillInProgress, "Idempotency-Key"),  # of a repeat, but of a method and a delivery too
        (Superseded, "run"),  # of a run, but of a repeat too
        (ThinkificUserMissing, "taken"),  # when it is to be made, but when it is to be enrolled too
        (AddressRefused, "Webhook"),  # of an endpoint, but of a picture too
    ],
)
def test_a_message_fits_wherever_its_fault_is_raised(fault: type[Fault], of_one_place: str) -> None:
    assert of_one_place not in fault.message()


def test_a_part_that_is_not_configured_answers_404(embedded: World) -> None:
    embedded.sell()
    embedded.outside.schools.default = None
    web = TestClient(create_app(embedded.outside, embedded.inbox, embedded.engine.start))

    answers = [web.post("/payment/initiate", json=WANTED), web.post("/webhooks/duitku", data={"a": "b"})]
    form = web.post(f"/buy/{OFFER}", data=WANTED)

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_configured")] * 2
    assert form.status_code == 404


def test_a_defect_is_told_by_a_number_alone(embedded: World) -> None:
    embedded.sell()
    web = TestClient(embedded.web.app, raise_server_exceptions=False)
    embedded.outside.schools = object()  # type: ignore[assignment]  # a defect on purpose
    with capture_logs() as logged:
        answer = web.post("/payment/initiate", json=WANTED)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM
    assert set(answer.json()) == {"type", "title", "status", "code", "request_id"}
    [line] = [line for line in logged if line["event"] == "defect"]
    assert line["request_id"] == answer.json()["request_id"]
    assert "siti" not in str(logged).lower()


def test_the_api_describes_itself(embedded: World) -> None:
    described = embedded.web.get("/openapi.json").json()

    assert set(described["paths"]) >= {"/payment/initiate", "/payment/{merchant_order_id}", "/courses"}
    responses = described["paths"]["/payment/initiate"]["post"]["responses"]
    assert {"201", "409", "422", "502", "503"} <= set(responses)
    assert embedded.web.get("/docs").status_code == 200
