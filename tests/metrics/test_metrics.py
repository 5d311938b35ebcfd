"""What Prometheus sees, told at `/metrics`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from kelaspay.app import create_watch
from kelaspay.calls import named, result_of
from kelaspay.faults import DatabaseUnavailable
from tests.webhooks_out.receiver import deliver_due, outbox, receiving, tell
from tests.world import world_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World

TOKEN = "a token of the tests"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
NAME = re.compile(r"kelaspay_[a-z_]+")


@pytest.fixture
def watched(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world_on(tmp_path, sqlite_url, None, metrics_token=TOKEN) as made:
        yield made


def seen(world: World) -> dict[str, float]:
    """Every sample by its name and labels, like `kelaspay_callbacks_total{kept}`."""
    answer = world.web.get("/metrics", headers=SHOWN)
    assert answer.status_code == 200, answer.text
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_without_a_token_set_there_is_no_such_page(embedded: World) -> None:
    assert embedded.web.get("/metrics").status_code == 404
    assert embedded.web.get("/metrics", headers=SHOWN).status_code == 404


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer other"}, {"Authorization": f"Basic {TOKEN}"}])
def test_only_who_shows_the_token_sees_it(watched: World, given: dict[str, str]) -> None:
    answer = watched.web.get("/metrics", headers=given)

    assert answer.status_code == 401
    assert "kelaspay_" not in answer.text


def test_a_purchase_is_seen_from_the_callback_to_the_course(watched: World) -> None:
    watched.sell()
    order_id = watched.buy()
    form = watched.duitku.pay(order_id)
    watched.call_back(form)
    watched.call_back(form | {"signature": "wrong"})
    watched.clock.move(seconds=3)
    watched.work()

    found = seen(watched)

    assert found["kelaspay_callbacks_total{kept}"] == 1
    assert found["kelaspay_callbacks_total{bad_signature}"] == 1
    assert found["kelaspay_paid_to_enrolled_seconds_count"] == 1
    assert found["kelaspay_thinkific_calls_total{POST /enrollments,ok}"] == 1
    assert found["kelaspay_duitku_seconds_count{createInvoice,ok}"] == 1
    assert found["kelaspay_duitku_seconds_count{transactionStatus,ok}"] == 1
    assert found["kelaspay_http_requests_total{POST,/payment/initiate,201}"] == 1
    assert found["kelaspay_paid_not_enrolled"] == 0


def test_a_buyer_who_waits_is_seen_with_how_long(watched: World) -> None:
    watched.offer("foto", "Fotografi")
    watched.buy_and_pay(offer="foto")
    watched.work()
    watched.buy_and_pay(offer="foto", customer_email="budi@example.com")
    watched.hand_over()
    watched.clock.move(minutes=10)

    found = seen(watched)

    assert found["kelaspay_paid_not_enrolled"] == 1
    assert found["kelaspay_oldest_paid_not_enrolled_seconds"] == 600
    assert (found["kelaspay_jobs_waiting"], found["kelaspay_oldest_job_seconds"]) == (1, 600)
    assert found["kelaspay_needing_attention"] == 1
    assert found["kelaspay_database_up"] == 1


def test_webhooks_that_are_not_taken_are_counted(watched: World) -> None:
    watched.sell()
    with receiving() as receiver:
        receiver.status = 500
        tell(watched, receiver.url, "order.created")
        watched.buy()
        deliver_due(watched, outbox(watched, told=watched.outside.metrics.webhook))

    found = seen(watched)

    assert found["kelaspay_webhook_attempts_total{not_taken}"] == 1
    assert found["kelaspay_deliveries_waiting"] == 1


def test_orders_and_buyers_are_in_no_label(watched: World) -> None:
    watched.sell()
    order_id = watched.buy_and_pay()
    watched.work()
    watched.web.get(f"/payment/{order_id}")
    watched.web.get("/nothing/here/siti@example.com")

    text = watched.web.get("/metrics", headers=SHOWN).text

    assert order_id not in text
    assert "siti" not in text
    assert 'route="/payment/{merchant_order_id}"' in text


def test_what_was_read_from_the_database_is_kept_for_a_moment(watched: World) -> None:
    watched.sell()
    before = seen(watched)["kelaspay_jobs_waiting"]
    watched.buy_and_pay()
    watched.hand_over()

    assert seen(watched)["kelaspay_jobs_waiting"] == before


def test_calls_are_named_without_ids() -> None:
    assert named("PUT", "/api/public/v1/enrollments/123") == "PUT /enrollments/{id}"
    assert named("GET", "/api/public/v1/bundles/7/enrollments") == "GET /bundles/{id}/enrollments"
    assert [result_of(status) for status in (200, 302, 404, 429, 500)] == ["ok", "ok", "refused", "busy", "error"]


def test_a_worker_without_a_web_says_how_it_is(watched: World) -> None:
    with TestClient(create_watch(watched.outside, lambda: None)) as watch:
        assert watch.get("/healthz").status_code == 200
        assert watch.get("/readyz").json()["engine"] == "ok"
        assert watch.get("/metrics", headers=SHOWN).status_code == 200
        assert watch.get("/metrics").status_code == 401
        assert watch.get("/payment/x").status_code == 404


def test_a_process_whose_engine_is_away_is_not_ready(watched: World) -> None:
    def away() -> None:
        raise DatabaseUnavailable

    with TestClient(create_watch(watched.outside, away)) as watch:
        ready = watch.get("/readyz")

    assert (ready.status_code, ready.json()["engine"]) == (503, "away")


def test_every_metric_in_the_alerts_and_on_the_dashboard_exists(watched: World) -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
    listed = [rule for group in rules["groups"] for rule in group["rules"]]
    asked = [rule["expr"] for rule in listed]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    families = list(watched.outside.metrics.registry.collect())
    known = {family.name for family in families}
    known |= {f"{family.name}{end}" for family in families for end in ENDINGS[family.type]}

    unknown = {name for expr in asked for name in NAME.findall(expr)} - known

    assert unknown == set()
    assert all(rule["annotations"].keys() == {"summary", "action"} for rule in listed)


def test_every_metric_is_in_the_docs(watched: World) -> None:
    text = (MONITORING.parents[1] / "docs" / "operations" / "monitoring.md").read_text(encoding="utf-8")
    told = set(NAME.findall(text))

    exist = {
        f"{each.name}_total" if each.type == "counter" else each.name
        for each in watched.outside.metrics.registry.collect()
    }

    assert exist - told == set()
    assert told - exist == set()


ENDINGS = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [], "unknown": []}
