"""Several payments at once: those of a filter, within what Duitku bears, and never another school's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.console.desk import joined

from kelaspay.messages import office, send_due

if TYPE_CHECKING:
    from tests.world import World

    from kelaspay.mail import Letter

SEVERAL = "/console/payments/several"


def test_access_is_sent_again_to_everybody_whom_the_filter_finds_after_saying_to_how_many(world: World) -> None:
    world.sell()
    done = [world.buy_and_pay(customer_email=f"b{number}@example.com") for number in range(2)]
    waiting = world.buy(customer_email="later@example.com")
    world.work()
    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)
    send_due(at)
    world.clock.move(minutes=10)
    desk = joined(world)

    desk.open("/console/payments?status=completed")
    asked = desk.press(SEVERAL, found="all", action="resend")
    said = desk.press(SEVERAL)
    sent: list[Letter] = []
    send_due(replace(at, post=sent.append))

    assert "Kirim ulang akses ke pembeli dari 2 pembayaran?" in asked
    assert waiting not in asked
    assert "2 pembeli dikirimi lagi akses kelasnya" in said
    assert sorted(each.to for each in sent) == ["b0@example.com", "b1@example.com"]
    audit = desk.open("/console/audit")
    assert [audit.count(order_id) for order_id in done] == [1, 1]


def test_duitku_is_asked_about_some_now_and_about_the_rest_by_and_by(embedded: World) -> None:
    embedded.sell()
    for number in range(25):
        embedded.buy(customer_email=f"b{number}@example.com")
    desk = joined(embedded)

    desk.open("/console/payments?status=pending")
    desk.press(SEVERAL, found="all", action="recheck")
    said = desk.press(SEVERAL)
    at_once = embedded.duitku_asks()
    embedded.reconcile()

    assert "5 pembayaran lagi dicek" in said
    assert (at_once, embedded.duitku_asks()) == (20, 25)


def test_while_duitku_is_away_nothing_is_lost_and_nobody_waits(embedded: World) -> None:
    embedded.sell()
    for number in range(3):
        embedded.buy(customer_email=f"b{number}@example.com")
    embedded.duitku.switches.down = True
    desk = joined(embedded)

    desk.open("/console/payments")
    desk.press(SEVERAL, found="all", action="recheck")
    said = desk.press(SEVERAL)

    assert "3 pembayaran lagi dicek" in said


def test_who_belongs_to_a_school_does_nothing_to_several_payments_of_another(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy()
    embedded.duitku.pay(order_id)
    embedded.add_school("akademi")
    desk = joined(embedded, school="akademi")
    csrf = re.findall(r'name="csrf" value="(\w+)"', desk.open("/console"))[0]

    for action in ("recheck", "retry", "resend"):
        for sent in ({"order": order_id, "sure": "yes"}, {"found": "all"}):
            answer = desk.web.post(SEVERAL, data={"csrf": csrf, "action": action} | sent)
            assert "Belum ada yang dipilih" in answer.text
    assert embedded.status(order_id) == "pending"
    assert embedded.duitku_asks() == 0


@pytest.mark.parametrize(("action", "counted"), [("recheck", [1, 1]), ("retry", [0, 0]), ("resend", [1, 0])])
def test_what_was_not_done_for_an_order_is_not_written_down_for_it(
    embedded: World, action: str, counted: list[int]
) -> None:
    embedded.sell()
    done = embedded.buy_and_pay()
    embedded.work()
    send_due(office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock))
    embedded.clock.move(minutes=10)
    failed = embedded.buy(customer_email="budi@example.com", payment_method="BC")
    desk = joined(embedded)

    desk.open("/console/payments")
    desk.press(SEVERAL, order=[done, failed], action=action)
    desk.press(SEVERAL)
    audit = desk.open("/console/audit")

    assert [audit.count(each) for each in (done, failed)] == counted
