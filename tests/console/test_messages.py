"""Messages to a buyer in the console: seen, read, sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr
from tests.console.desk import joined

from kelaspay.codes import send_code
from kelaspay.letters import KINDS
from kelaspay.mail import MailRefused
from kelaspay.messages import office, send_due
from kelaspay.store import messages
from kelaspay.store.messages import State
from kelaspay.web.console import words

if TYPE_CHECKING:
    from tests.world import World

    from kelaspay.mail import Letter


def test_what_was_told_is_seen_read_and_sent_again(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    sent: list[Letter] = []
    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)

    def refuse(_: Letter) -> None:
        raise MailRefused("SMTP 550")

    send_due(replace(at, post=refuse))
    desk = joined(world)
    desk.open(f"/console/payments/{order_id}")
    assert f"/console/payments/{order_id}/messages" in desk.text
    desk.open(f"/console/payments/{order_id}/messages")
    assert "SMTP 550" in desk.text
    assert "siti@example.com" in desk.text
    read = desk.text.partition(f'href="/console/payments/{order_id}/messages/')[2].partition('"')[0]
    assert "Halo Siti," in desk.open(f"/console/payments/{order_id}/messages/{read}")

    desk.open(f"/console/payments/{order_id}/messages")
    desk.press(f"/console/payments/{order_id}/messages/{read}/again")
    assert "Pesan sedang dikirim lagi." in desk.text
    send_due(replace(at, post=sent.append))
    assert len(sent) == 1
    desk.open(f"/console/payments/{order_id}/messages/999999")
    assert desk.status == 404


def test_messages_of_all_payments_are_listed_filtered_and_the_failed_sent_again_at_once(world: World) -> None:
    world.sell()
    orders = [world.buy(customer_email=f"b{number}@example.com") for number in range(2)]
    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)

    def refuse(_: Letter) -> None:
        raise MailRefused("SMTP 550")

    send_due(replace(at, post=refuse))
    desk = joined(world)
    assert '/console/messages?state=failed"><strong>2' in desk.open("/console")
    failed = desk.open("/console/messages?state=failed")
    assert [order for order in orders if order not in failed] == []
    assert "Server email menolak email ini secara permanen. SMTP 550" in failed
    kinds = desk.open("/console/messages?kind=order_made")
    assert ("b0@example.com" in kinds, "Pengingat pertama</a>" in kinds) == (True, False)
    assert "Pengingat pertama</a>" in desk.open("/console/messages?state=waiting&kind=reminder")

    desk.open("/console/messages")
    asked = desk.press("/console/messages/again")
    assert "Kirim ulang 2 pesan?" in asked
    assert "2 pesan sedang dikirim lagi." in desk.press("/console/messages/again")
    sent: list[Letter] = []
    send_due(replace(at, post=sent.append))

    assert sorted(each.to for each in sent) == ["b0@example.com", "b1@example.com"]
    assert "Mengirim ulang semua pesan yang gagal" in desk.open("/console/audit")


def test_no_operator_reads_a_buyers_code(embedded: World) -> None:
    embedded.sell()
    embedded.buy()
    send_code(
        embedded.database, key=SecretStr("k" * 32), email="siti@example.com", source="1.2.3.4", now=embedded.clock()
    )
    at = office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock)
    send_due(at)
    with embedded.database.read() as db:
        [row] = [each for each in messages.list_messages(db) if each.kind.startswith("sign_in")]
    desk = joined(embedded)

    assert "Kode masuk" in desk.open("/console/messages?kind=sign_in")
    shown = desk.open(f"/console/payments/{row.merchant_order_id}/messages/{row.id}")
    handed_out = desk.open("/console/customers/siti@example.com/export")

    assert "Isinya tidak ditampilkan" in shown
    assert row.blank is not None
    assert row.blank not in shown + handed_out


def test_every_kind_and_state_has_its_words() -> None:
    assert set(words.MESSAGE) == set(KINDS)
    assert set(words.MESSAGE_STATE) == set(State)
