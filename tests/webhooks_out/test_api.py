"""A program sees to its own webhooks by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.endpoints import change_endpoint
from tests.api.client import Program
from tests.webhooks_out.receiver import deliver_due, dialer, now_is_real

if TYPE_CHECKING:
    from tests.webhooks_out.receiver import Receiver
    from tests.world import World

ENDPOINTS = "/webhook_endpoints"


def test_a_program_adds_an_endpoint_and_follows_its_deliveries(embedded: World, receiver: Receiver) -> None:
    now_is_real(embedded)
    embedded.sell()
    program = Program(embedded)
    wanted = {"url": "https://hooks.example.com/", "types": ["order.created"]}
    made = program.post(ENDPOINTS, wanted, Idempotency_Key="hook-1")
    again = program.post(ENDPOINTS, wanted, Idempotency_Key="hook-1")
    endpoint = made.json()
    place = f"{ENDPOINTS}/{endpoint['id']}"
    lead_to(receiver, embedded, endpoint["id"])
    embedded.buy()
    deliver_due(embedded)
    [delivery] = program.get(f"{place}/deliveries", state="delivered").json()["data"]
    repeated = program.post(f"{place}/deliveries/{delivery['id']}/redeliver").json()
    deliver_due(embedded)

    assert again.content == made.content
    assert [each["id"] for each in program.get(ENDPOINTS).json()["data"]] == [endpoint["id"]]
    assert "secret" not in program.get(place).json()
    assert (delivery["type"], delivery["attempts"], repeated["state"]) == ("order.created", 1, "waiting")
    assert receiver.types(endpoint["secret"]) == ["order.created"] * 2


def test_a_secret_is_not_kept_where_answers_are(embedded: World) -> None:
    program = Program(embedded)
    secret = program.post(ENDPOINTS, {"url": "https://hooks.example.com/"}, Idempotency_Key="hook-1").json()["secret"]

    assert secret.startswith("whsec_")
    assert secret not in str(embedded.kept())


def test_a_rotation_whose_answer_was_lost_is_not_done_twice(embedded: World) -> None:
    program = Program(embedded)
    place = f"{ENDPOINTS}/{program.post(ENDPOINTS, {'url': 'https://hooks.example.com/'}).json()['id']}"
    answers = [program.post(f"{place}/rotate", Idempotency_Key="turn-1").json() for _ in range(2)]
    another = program.post(f"{place}/rotate").json()

    assert answers[0] == answers[1]
    assert another["secret"] != answers[0]["secret"]


def test_an_endpoint_is_changed_disabled_and_removed(embedded: World) -> None:
    program = Program(embedded)
    place = f"{ENDPOINTS}/{program.post(ENDPOINTS, {'url': 'https://hooks.example.com/'}).json()['id']}"
    changed = program.ask("PATCH", place, json={"types": ["order.paid"], "enabled": False}).json()
    enabled = program.ask("PATCH", place, json={"types": [], "enabled": True}).json()
    private = program.ask("PATCH", place, json={"url": "ftp://hooks.example.com/"})
    unknown = program.ask("PATCH", place, json={"types": ["order.lost"]}).json()
    program.ask("DELETE", place)

    assert (changed["types"], changed["enabled"], changed["disabled_reason"]) == (["order.paid"], False, "by_hand")
    assert (enabled["types"], enabled["enabled"], enabled["url"]) == ([], True, "https://hooks.example.com/")
    assert (private.status_code, unknown["errors"][0]["field"]) == (422, "types")
    assert program.get(place).status_code == 404


def lead_to(receiver: Receiver, world: World, endpoint_id: str) -> None:
    """A receiver on this machine, which no program may name."""
    change_endpoint(
        endpoint_id, school="", url=receiver.url, database=world.database, dialer=dialer(), now=world.clock()
    )
