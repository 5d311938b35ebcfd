"""An operator sees what integrators are told, on the command line and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kelaspay.store.operators import Role
from tests.console.desk import Forms, joined
from tests.shell import shell
from tests.webhooks_out.receiver import deliver_due, now_is_real, states, tell

if TYPE_CHECKING:
    from tests.shell import Shell
    from tests.webhooks_out.receiver import Receiver
    from tests.world import World

__all__ = ["shell"]


@pytest.fixture
def world(embedded: World) -> World:
    return embedded


def test_the_console_lists_endpoints_and_deliveries_and_sends_one_again(world: World, receiver: Receiver) -> None:
    now_is_real(world)
    world.sell()
    endpoint_id, _ = tell(world, receiver.url)
    order_id = world.buy()
    deliver_due(world)
    desk = joined(world)

    shown = desk.open("/console/webhooks")
    desk.press("/console/webhooks/deliveries/1/redeliver")
    deliver_due(world)

    assert endpoint_id in shown
    assert order_id in shown
    assert "terkirim" in shown
    assert len(receiver.calls) == 2


def test_a_test_is_sent_from_the_console(world: World, receiver: Receiver) -> None:
    now_is_real(world)
    endpoint_id, secret = tell(world, receiver.url)
    desk = joined(world)
    desk.open("/console/webhooks")

    said = desk.press(f"/console/webhooks/{endpoint_id}/ping")
    deliver_due(world)

    assert "Uji sedang dikirim" in said
    assert receiver.types(secret) == ["ping"]


def test_an_endpoint_that_was_given_up_is_said_where_people_look(shell: Shell, receiver: Receiver) -> None:
    world = shell.world
    shell.set(APP_BASE_URL="http://localhost:8000")
    world.sell()
    receiver.status = 410
    endpoint_id, _ = tell(world, receiver.url)
    world.buy()
    deliver_due(world)
    desk = joined(world)
    staff = joined(world, email="staf@example.com", role=Role.STAFF)

    home = desk.open("/console")
    listed, doctor = shell("webhooks", "list").out, shell("doctor").out
    without_button = staff.open("/console/webhooks")
    desk.open("/console/webhooks")
    enabled = desk.press(f"/console/webhooks/{endpoint_id}/enable")

    assert "Alamat webhook dimatikan" in home
    assert f"BAD  endpoints: disabled: {endpoint_id}" in doctor
    assert "disabled: gone" in listed
    assert "Aktifkan lagi" not in without_button
    assert "aktif lagi" in enabled
    assert "ok   endpoints: 1 endpoints" in shell("doctor").out


def test_the_command_line_adds_rotates_tests_and_removes(shell: Shell, receiver: Receiver) -> None:
    world = shell.world
    now_is_real(world)
    shell.set(WEBHOOKS_TO_PRIVATE="on", SECRET_KEY=world.outside.secret_key.get_secret_value())
    world.sell()

    made = shell.json("webhooks", "add", receiver.url, "--type", "order.created")
    pinged = shell.json("webhooks", "ping", made["id"])
    other = shell("webhooks", "rotate", made["id"]).out.strip()
    world.buy()
    deliver_due(world)
    again = shell("webhooks", "redeliver", "2").out
    world.clock.move(minutes=1)
    deliver_due(world)
    rows = shell.json("webhooks", "deliveries")
    shell("webhooks", "disable", made["id"])
    refused = shell("webhooks", "ping", made["id"])
    shell("webhooks", "enable", made["id"])
    removed = shell("webhooks", "remove", made["id"]).out

    assert pinged["state"] == "delivered"
    assert made["secret"].startswith("whsec_")
    assert other != made["secret"]
    assert receiver.types(made["secret"]) == ["ping", "order.created", "order.created"]
    assert [call.verified(other)["type"] for call in receiver.calls[1:]] == ["order.created"] * 2
    assert again == "Delivery 2 is sent again.\n"
    assert [(row["type"], row["state"]) for row in rows] == [("order.created", "delivered"), ("ping", "delivered")]
    assert (refused.code, refused.err.startswith("kelaspay: The webhook endpoint is disabled")) == (1, True)
    assert removed == f"Removed {made['id']}.\n"
    assert shell.json("webhooks", "list") == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/", "It is a private or special one."),
        ("ftp://example.com", "The URL must start with"),
        ("http://169.254.169.254/", "It is a private or special one."),
    ],
)
def test_an_address_that_leads_inside_is_refused_on_the_command_line(shell: Shell, url: str, why: str) -> None:
    refused = shell("webhooks", "add", url)

    assert refused.code == 1
    assert refused.err.startswith(f"kelaspay: The address cannot be used. {why}")


def test_nothing_that_is_no_id_is_looked_for(world: World) -> None:
    desk = joined(world)
    desk.open("/console/webhooks?before=x&state=nothing")
    assert desk.status == 200
    assert states(world) == []


def test_an_operator_of_another_school_sees_and_touches_none_of_them(world: World) -> None:
    world.sell()
    endpoint_id, _ = tell(world, "https://example.com/hook")
    order_id = world.buy()
    desk = joined(world, school="another")

    shown = desk.open("/console/webhooks")
    token = Forms(desk.text).forms[0].fields["csrf"][0]
    refused = [
        desk.web.post(f"/console/webhooks/{path}", data={"csrf": token}).status_code
        for path in (f"{endpoint_id}/ping", f"{endpoint_id}/enable", "deliveries/1/redeliver")
    ]

    assert endpoint_id not in shown
    assert order_id not in shown
    assert refused == [404, 404, 404]


def test_another_secret_is_made_only_when_it_is_meant(shell: Shell, receiver: Receiver) -> None:
    world = shell.world
    now_is_real(world)
    shell.set(WEBHOOKS_TO_PRIVATE="on", SECRET_KEY=world.outside.secret_key.get_secret_value())
    made = shell.json("webhooks", "add", receiver.url)

    rehearsed = shell("webhooks", "rotate", made["id"], "--dry-run")
    declined = shell("webhooks", "rotate", made["id"], typed="n\n")
    shell("webhooks", "ping", made["id"])

    assert rehearsed.out.startswith(f"{made['id']} would get another secret")
    assert (declined.code, declined.out) == (1, "")
    assert receiver.types(made["secret"]) == ["ping"]
