"""What the logs say, and whom they never name: JSON lines over whole stories, read as an operator would."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from starlette.testclient import TestClient

from kelaspay import log
from kelaspay.log import NEVER
from kelaspay_emulators.duitku import TEST_MERCHANTS
from tests.console.desk import invited, joined
from tests.world import OFFER

if TYPE_CHECKING:
    from tests.world import World

[KEY] = TEST_MERCHANTS.values()
BUYER = {
    "customer_name": "Rahayu Kusumawardhani",
    "customer_email": "rahayu.k@surat.example",
    "customer_phone": "0813-9876-5432",
}
PERSONAL = ("Rahayu", "rahayu", "Kusumawardhani", "surat.example", "98765432", "9876-5432", KEY)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    printed = capsys.readouterr()
    assert printed.out == ""
    return [json.loads(line) for line in printed.err.splitlines()]


def no_person(said: object) -> bool:
    return not any(word in json.dumps(said, ensure_ascii=False) for word in PERSONAL)


def test_a_sale_is_told_by_its_order_id_and_names_nobody(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(verbose=True)
    world.sell()
    order_id = world.buy_and_pay(**BUYER)
    world.work()

    said = lines(capsys)
    assert next(line["event"] for line in said if line.get("merchant_order_id") == order_id) == "payment_created"
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(line) for line in said))
    assert no_person(said)
    assert world.thinkific.school.api_key not in json.dumps(said)


def test_nothing_that_goes_wrong_names_anybody_either(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(verbose=True)
    world.sell()
    web = TestClient(world.web.app, raise_server_exceptions=False)
    world.ask_to_buy(**(BUYER | {"customer_phone": "98765432"}))
    world.duitku.fail_next("createInvoice", "timeout-after")
    world.ask_to_buy("Rahayu", **BUYER)
    world.ask_to_buy("Rahayu", **BUYER)
    order_id = world.buy(**BUYER)
    form = world.duitku.pay(order_id)
    world.call_back(form | {"signature": "0" * 64, "customerName": "Rahayu"})
    world.call_back(form | {"customerName": "Rahayu"})
    world.thinkific.fail_next("POST", "/users", "503")
    world.work_for(minutes=1)
    world.thinkific.fail_next("POST", "/enrollments", "422")
    second = world.buy_and_pay(**BUYER, payment_method="BC")
    world.work_for(hours=1)
    world.duitku.fail_next("transactionStatus", "500-html")
    third = world.buy_and_pay(**BUYER)
    world.work_for(hours=1)
    world.offer(OFFER, "Kelas lain", course_id=None)
    world.buy_and_pay(**BUYER)
    world.work_for(hours=1)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE customers")
    broken = web.post("/payment/initiate", json={"offer": OFFER, **BUYER})

    said = lines(capsys)
    assert broken.status_code in {500, 503}
    assert {"callback_refused", "invoice_failed"} <= {line["event"] for line in said}
    assert {second, third} <= {line.get("merchant_order_id") for line in said}
    assert no_person(said)


def test_what_is_personal_is_hidden_whatever_a_caller_does(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    structlog.get_logger().info("told", **dict.fromkeys(NEVER, "Rahayu"), merchant_order_id="KP1")
    logging.getLogger("library").warning("A library's %s", "line", extra={"email": "rahayu@surat.example"})

    [ours, theirs] = lines(capsys)
    assert ours["merchant_order_id"] == "KP1"
    assert {ours[name] for name in NEVER} == {"[hidden]"}
    assert (theirs["event"], theirs["level"]) == ("A library's line", "warning")
    assert no_person([ours, theirs])


def test_an_error_of_ours_or_a_librarys_is_one_line_that_says_where_and_which_and_not_what_it_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure()
    go_wrong()

    for line in lines(capsys):
        assert "in go_wrong" in line["exception"]
        assert "builtins.KeyError" in line["exception"]
        assert line["exception"].endswith("ValueError\n")
        assert line["level"] == "error"
        assert no_person(line)


def test_a_terminal_shows_no_more_of_an_error_than_a_log() -> None:
    terminal = Terminal()
    with redirect_stderr(terminal):
        log.configure()
    go_wrong()

    assert "in go_wrong" in terminal.getvalue()
    assert "ValueError" in terminal.getvalue()
    assert no_person(terminal.getvalue())


def go_wrong() -> None:
    """With what errors of libraries tell: what was typed, beside it whatever lies around."""
    api_key, typed = KEY, BUYER["customer_email"]
    try:
        int(typed)
    except ValueError as error:
        error.__cause__ = ExceptionGroup(typed, [KeyError(api_key)])
        structlog.get_logger().exception("defect")
        structlog.get_logger().error("defect", exc_info=error)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_page_that_breaks_is_told_by_its_route(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(verbose=True)
    desk = joined(world)
    world.sell()
    order = world.payment(world.buy(**BUYER))
    invitation = invited(world, email="rahayu.k@surat.example")
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE payments SET status = 'odd'")
        connection.exec_driver_sql("UPDATE operators SET role = 'odd' WHERE email LIKE 'rahayu%%'")

    for address in (f"/o/{order.public_id}", "/console/customers/rahayu.k@surat.example", invitation):
        with pytest.raises(Exception, match="odd"):
            desk.open(address)
    said = lines(capsys)
    routes = ["/o/{public_id}", "/console/customers/{email}", "/console/invitation/{token}"]
    assert [line["path"] for line in said if line["event"] == "defect"] == routes
    assert no_person(said)
    assert order.public_id not in json.dumps(said)
    assert invitation.rpartition("/")[2] not in json.dumps(said)


@pytest.mark.parametrize(
    ("how", "shown"),
    [({}, ["info", "error"]), ({"quiet": True}, ["error"]), ({"verbose": True}, ["debug", "info", "error"])],
)
def test_how_much_is_said_can_be_chosen(
    capsys: pytest.CaptureFixture[str], how: dict[str, bool], shown: list[str]
) -> None:
    log.configure(**how)
    for level in ("debug", "info", "error"):
        getattr(structlog.get_logger(), level)("told")

    assert [line["level"] for line in lines(capsys)] == shown


def test_setting_it_up_twice_says_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.configure()
    logging.getLogger("library").warning("once")

    assert [line["event"] for line in lines(capsys)] == ["once"]
