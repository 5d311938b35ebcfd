"""One trace leads from Duitku's callback to the course, and names nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kelaspay.messages import office, resend_access, send_due
from kelaspay.spans import to
from kelaspay.traces import asked_for
from kelaspay.tracing import UNTRACED
from tests.collector import collecting
from tests.webhooks_out.receiver import deliver_due, now_is_real, outbox, receiving, tell
from tests.world import WANTED, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.world import World

STRANGERS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(urls: tuple[str, str | None], tmp_path: Path, exporter: InMemorySpanExporter) -> Iterator[World]:
    with world_on(tmp_path, *urls, tracing=to(exporter)) as made:
        yield made


def names(spans: list[ReadableSpan]) -> list[str]:
    """In the order in which they began."""
    return [span.name for span in sorted(spans, key=lambda span: span.start_time or 0)]


def traces(exporter: InMemorySpanExporter) -> dict[int, list[ReadableSpan]]:
    """Every span so far, by its trace."""
    found: dict[int, list[ReadableSpan]] = {}
    for span in exporter.get_finished_spans():
        found.setdefault(span.context.trace_id, []).append(span)
    return found


def test_one_trace_leads_from_the_callback_over_a_retry_to_course_letter_and_webhook(
    traced: World, exporter: InMemorySpanExporter
) -> None:
    now_is_real(traced)
    traced.sell()
    with receiving() as receiver:
        tell(traced, receiver.url, "enrollment.created")
        order_id = traced.buy()
        exporter.clear()
        traced.thinkific.fail_next("POST", "/enrollments", "503", 1)
        traced.web.post("/webhooks/duitku", data=traced.duitku.pay(order_id), headers={"traceparent": STRANGERS})
        traced.work_for(minutes=2)
        deliver_due(traced, outbox(traced, tracing=traced.outside.tracing))
        at = office(
            traced.outside.settings,
            traced.outside.schools.profile,
            traced.database,
            traced.clock,
            tracing=traced.outside.tracing,
        )
        letters: list[object] = []
        send_due(replace(at, post=letters.append))

    assert traced.status(order_id) == "completed"
    ((trace_id, spans),) = [(key, those) for key, those in traces(exporter).items() if "callback" in names(those)]
    assert names(spans) == [
        "callback",
        "hand over",
        "run",
        "confirm",
        "Duitku transactionStatus",
        "course",
        "user",
        "Thinkific POST /users",
        "enroll",
        "Thinkific POST /enrollments",
        "run",
        "confirm",
        "course",
        "user",
        "enroll",
        "Thinkific GET /enrollments",
        "Thinkific POST /enrollments",
        "external_order",
        "Thinkific POST /external_orders",
        "complete",
        "webhook enrollment.created",
        "send letter",
        "send letter",
    ]
    runs = [span.attributes or {} for span in spans if span.name == "run"]
    assert [known.get("kelaspay.fault") for known in runs] == ["thinkific_unavailable", None]
    assert f"{trace_id:032x}" not in STRANGERS
    told = repr(
        [(span.name, dict(span.attributes or {}), span.status.description) for span in exporter.get_finished_spans()]
    )
    assert order_id in told
    for personal in (*WANTED.values(), "siti", "Rahmawati", "81234567890", "@"):
        assert str(personal) not in told


def test_a_caller_of_the_api_goes_on_with_their_trace_and_a_page_has_none(
    traced: World, exporter: InMemorySpanExporter
) -> None:
    traced.sell()
    body = WANTED | {"customer_email": "budi@example.com"}
    answer = traced.web.post("/payment/initiate", json=body, headers={"traceparent": STRANGERS})
    traced.web.get(f"/payment/{answer.json()['merchant_order_id']}", headers={"traceparent": "00-nonsense"})
    traced.web.get("/")

    found = {f"{key:032x}": names(spans) for key, spans in traces(exporter).items()}
    assert found.pop(STRANGERS.split("-")[1]) == ["POST /payment/initiate", "Duitku createInvoice"]
    assert list(found.values()) == [["GET /payment/{merchant_order_id}"]]


def test_a_refused_callback_is_a_failed_span(traced: World, exporter: InMemorySpanExporter) -> None:
    traced.sell()
    form = traced.duitku.pay(traced.buy()) | {"signature": "0" * 32}
    exporter.clear()

    assert traced.call_back(form).status_code == 400
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {"kelaspay.fault": "bad_signature"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "shop"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_without_being_asked_nothing_is_traced(environment: dict[str, str]) -> None:
    assert asked_for(environment) is UNTRACED


def test_spans_reach_a_collector_under_the_name_that_the_environment_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "kelaspay-worker"}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        tracing = asked_for(environment)
        with tracing.span("run"):
            pass
        tracing.close()

    assert collector.paths == {"/v1/traces"}
    assert [(told.service, told.name) for told in collector.spans()] == [("kelaspay-worker", "run")]


def test_a_letter_long_after_the_sale_begins_a_trace_of_its_own(traced: World, exporter: InMemorySpanExporter) -> None:
    traced.sell()
    order_id = traced.buy_and_pay()
    traced.work()
    at = office(
        traced.outside.settings,
        traced.outside.schools.profile,
        traced.database,
        traced.clock,
        tracing=traced.outside.tracing,
    )
    send_due(replace(at, post=lambda _letter: None))
    traced.clock.move(days=2)
    assert resend_access(traced.database, order_id, traced.clock())
    send_due(replace(at, post=lambda _letter: None))

    letters = [names(those).count("send letter") for those in traces(exporter).values()]
    assert sorted(letters)[-2:] == [1, 2]
