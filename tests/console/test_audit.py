"""That whoever did something is known whenever it was done: the line of the audit lies in the commit of the act."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.api.client import Program
from tests.api.matrix import HOOK
from tests.console.desk import EMAIL, joined
from tests.shell import shell
from tests.world import COURSE, OFFER

from kelaspay.messages import office, send_due

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.shell import Shell
    from tests.world import World

__all__ = ["shell"]

CATALOGUE, COUPONS, KEYS = "/console/catalogue", "/console/coupons", "/console/keys"
CUSTOMER = "/console/customers/siti%40example.com"
PAYMENT = "/console/payments/{order_id}"
ACTS = [
    (f"{CATALOGUE}/{OFFER}", f"{CATALOGUE}/{OFFER}", {"price": "120.000"}),
    (f"{CATALOGUE}/~new", f"{CATALOGUE}/~new", {"new_slug": "baru", "name": "Baru", "price": "1.000"}),
    (f"{CATALOGUE}/{OFFER}/retire", f"{CATALOGUE}/{OFFER}/retire", {}),
    (COUPONS, COUPONS, {"code": "SETENGAH", "takes": "50%"}),
    (KEYS, KEYS, {"name": "toko", "scope": "read"}),
    ("/console/settings", "/console/settings/operators", {"email": "baru@example.com", "name": "Baru"}),
    ("/console/settings/times", "/console/settings/quiet", {"start": "1", "end": "2"}),
    (f"{PAYMENT}/refund", f"{PAYMENT}/refund", {"reason": "Salah beli"}),
    (f"{PAYMENT}/end", f"{PAYMENT}/end", {"reason": "Salah beli"}),
    (f"{PAYMENT}/email", f"{PAYMENT}/email", {"email": "benar@example.com"}),
    (PAYMENT, f"{PAYMENT}/note", {"text": "Sudah ditelepon"}),
    (PAYMENT, f"{PAYMENT}/resend", {}),
    (f"{PAYMENT}/messages", f"{PAYMENT}/messages/4/again", {}),
    (f"{CUSTOMER}/erase", f"{CUSTOMER}/erase", {"typed": "siti@example.com"}),
    (CATALOGUE, f"{CATALOGUE}/sync", {}),
]


@pytest.mark.parametrize(("page", "form", "filled"), ACTS, ids=[f"{form}-{len(at)}" for at, form, _ in ACTS])
def test_nothing_is_done_in_the_console_without_its_line(
    embedded: World, page: str, form: str, filled: dict[str, str]
) -> None:
    embedded.sell()
    order_id = embedded.buy_and_pay()
    embedded.work()
    send_due(office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock))
    embedded.clock.move(minutes=10)
    desk = joined(embedded)
    desk.open(page.format(order_id=order_id))

    with nothing_changes_without_the_audit(embedded):
        desk.press(form.format(order_id=order_id), **filled)
    assert desk.status == 503
    desk.open(page.format(order_id=order_id))
    desk.press(form.format(order_id=order_id), **filled)

    assert desk.status in {200, 303}
    assert EMAIL.partition("@")[0] in desk.open("/console/audit").partition("<tbody>")[2]


def test_nothing_is_done_by_a_program_without_its_line(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy_and_pay()
    embedded.work()
    program = Program(embedded)
    made = program.post("/webhook_endpoints", HOOK).json()
    at = f"/webhook_endpoints/{made['id']}"
    acts: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"/payments/{order_id}/revoke", {"json": {"reason": "asked"}}),
        ("PATCH", at, {"json": {"enabled": False}}),
        ("DELETE", at, {}),
    ]

    for method, path, more in acts:
        with nothing_changes_without_the_audit(embedded):
            assert program.ask(method, path, **more).status_code == 503
        assert program.ask(method, path, **more).status_code == 200

    with embedded.database.read() as db:
        told = db.exec_driver_sql("SELECT action FROM audit WHERE operator LIKE 'api%%' ORDER BY id").scalars().all()
    assert told == ["endpoint_added", "refunded", "endpoint_changed", "endpoint_removed"]


def test_nothing_is_done_at_a_terminal_without_its_line(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy_and_pay()
    shell.world.work()
    for command in (
        ("offers", "add", "--slug", OFFER, "--name", COURSE, "--price", "120000"),
        ("offers", "retire", OFFER),
        ("keys", "add", "toko"),
        ("payments", "refund", order_id, "--reason", "asked"),
    ):
        with nothing_changes_without_the_audit(shell.world):
            assert shell(*command).code == 1
        assert shell(*command).code == 0


@contextmanager
def nothing_changes_without_the_audit(world: World) -> Iterator[None]:
    before = kept(world)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO audit_away")
    yield
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_away RENAME TO audit")
    assert kept(world) == before


def kept(world: World) -> dict[str, list[Any]]:
    told = {"executors", "leases", "sessions", "api_keys"}
    return {name: rows for name, rows in world.kept().items() if name not in told} | {
        "api_keys": [row[1:6] for row in world.kept()["api_keys"]]
    }
