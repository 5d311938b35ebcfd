"""What buyers are written: each thing once, in time, never what is no longer so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.formats import by_fours
from kelaspay.mail import Letter, MailRefused, MailUnavailable, as_message
from kelaspay.messages import office, send_due
from kelaspay.review import mark_paid
from kelaspay.revoke import ask_to_end, ask_to_revoke
from kelaspay.store import messages, wordings
from kelaspay.store.messages import by_day
from tests.pages.browser import choose, ordered, text
from tests.pages.test_paying import payment_of
from tests.pages.test_status import bought
from tests.world import START, world_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.world import World


def deliver(world: World, post: Callable[[Letter], None] | None = None) -> list[str]:
    """What the sender does now; returned is what was written so far and is not waiting."""
    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)
    send_due(replace(at, post=post))
    return [row.kind for row in rows(world) if row.state in {"sent", "kept"}]


def rows(world: World) -> list[Any]:
    with world.database.read() as db:
        return messages.list_messages(db)[::-1]


def test_a_purchase_is_told_step_by_step(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)

    assert deliver(world) == ["order_made"]
    number = payment_of(world, public_id).va_number or ""
    (made,) = [row for row in rows(world) if row.kind == "order_made"]
    assert made.recipient == "siti@example.com"
    assert made.subject == "Pesanan Anda: Web Development Fundamentals, bayar sebelum 24 Nov 2026, 09.00 WIB"
    for part in ("Halo Siti,", "Rp 150.000", by_fours(number), f"https://pay.example.com/o/{public_id}"):
        assert part in made.text
        assert part in made.html

    world.call_back(world.duitku.pay(payment_of(world, public_id).merchant_order_id))
    world.work()

    assert set(deliver(world)) == {"order_made", "paid", "access_ready"}
    (ready,) = [row for row in rows(world) if row.kind == "access_ready"]
    assert re.search(r'<a href="(https://\S+/users/password/new)"[^>]*>\1</a>', ready.html)


def test_another_number_chosen_later_is_written_too(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    sent: list[Letter] = []
    numbers = []
    for method in ("BC", "M2", "M2"):
        choose(world, public_id, method)
        deliver(world, sent.append)
        deliver(world, sent.append)
        numbers.append(by_fours(payment_of(world, public_id).va_number or ""))
        world.clock.move(minutes=1)

    first, second = sent
    assert numbers[0] in first.text
    assert numbers[1] in second.text
    assert numbers[0] != numbers[1] == numbers[2]


def test_a_message_is_sent_once_however_often_its_reason_comes(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    sent: list[Letter] = []
    for _ in range(3):
        deliver(embedded, sent.append)
    again = embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id, payment_method="M2")
    embedded.call_back(again)
    embedded.work()
    deliver(embedded, sent.append)

    assert sorted(letter.subject for letter in sent) == [
        "Akses kelas siap: Web Development Fundamentals",
        "Pembayaran diterima: Web Development Fundamentals",
    ]


def test_who_has_paid_is_not_reminded(embedded: World) -> None:
    embedded.sell()
    bought(embedded)
    embedded.work()
    embedded.clock.move(days=2)
    deliver(embedded)

    assert {row.kind: row.state for row in rows(embedded)} == {
        "order_made": "dropped",
        "reminder": "dropped",
        "last_reminder": "dropped",
        "paid": "kept",
        "access_late": "dropped",
        "access_ready": "kept",
    }


def test_what_will_not_be_told_any_more_is_not_said_to_wait(embedded: World) -> None:
    embedded.sell()
    bought(embedded)
    embedded.work()

    waiting = {row.kind for row in rows(embedded) if row.state == "waiting"}
    assert waiting & {"reminder", "last_reminder", "access_late"} == set()
    assert {"paid", "access_ready"} <= waiting


def test_who_has_not_paid_is_reminded_twice_and_told_of_the_end(embedded: World) -> None:
    embedded.sell()
    choose(embedded, ordered(embedded))
    deliver(embedded)
    embedded.clock.move(minutes=31)
    assert deliver(embedded)[-1] == "reminder"
    embedded.clock.time = START + timedelta(hours=23, minutes=30)
    assert deliver(embedded)[-1] == "last_reminder"
    embedded.clock.move(hours=1)
    embedded.reconcile()

    assert deliver(embedded) == ["order_made", "reminder", "last_reminder", "expired"]


@pytest.mark.parametrize(
    ("at", "when"),
    [
        ("08:00", "08:00"),
        ("19:59", "19:59"),
        ("20:00", "next 08:00"),
        ("23:30", "next 08:00"),
        ("00:10", "08:00"),
        ("07:59", "08:00"),
    ],
)
def test_nobody_is_reminded_at_night(at: str, when: str) -> None:
    hour, minute = map(int, at.split(":"))
    told = by_day(datetime(2026, 11, 23, hour, minute, tzinfo=UTC) - timedelta(hours=7), (20, 8)) + timedelta(hours=7)

    assert f"{told:%H:%M}" == when.removeprefix("next ")
    assert told.day == (24 if when.startswith("next") else 23)


@pytest.mark.parametrize(
    ("language", "subject", "part"),
    [
        ("id", "Pembayaran Anda sedang kami periksa: Web Development Fundamentals", "sudah kami terima dan aman"),
        ("en", "We are checking your payment: Web Development Fundamentals", "has arrived and is safe"),
    ],
)
def test_money_of_another_amount_is_told_to_be_here_and_checked(
    world: World, language: str, subject: str, part: str
) -> None:
    world.sell()
    world.web.headers["accept-language"] = language
    public_id = ordered(world)
    choose(world, public_id)
    order_id = payment_of(world, public_id).merchant_order_id
    world.call_back(world.duitku.pay(order_id, amount=100_000))
    world.work_for(hours=1)

    assert payment_of(world, public_id).status == "review"
    assert deliver(world) == ["amount_differs"]
    (told,) = [row for row in rows(world) if row.kind == "amount_differs"]
    assert told.subject == subject
    assert part in told.text


def test_money_that_a_person_has_accepted_meanwhile_is_not_told_to_be_checked(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=100_000))
    world.work()
    mark_paid(order_id, database=world.database, start=world.engine.start, now=world.clock, actor="op", reason="a gift")
    world.work()

    assert "amount_differs" not in deliver(world)


def test_access_that_is_late_is_told_after_a_quarter_of_an_hour(embedded: World) -> None:
    embedded.sell()
    embedded.thinkific.fail_next("*", "/", "503", times=100)
    bought(embedded)
    embedded.work()
    assert "access_late" not in deliver(embedded)
    embedded.clock.move(minutes=15)

    assert "access_late" in deliver(embedded)


def test_the_end_of_access_is_told_before_it_comes(embedded: World) -> None:
    embedded.sell(access_days=30)
    bought(embedded)
    embedded.work()
    deliver(embedded)
    embedded.clock.move(days=16, hours=1)
    assert deliver(embedded)[-1] == "access_ends_14"
    embedded.clock.move(days=11)

    assert deliver(embedded)[-1] == "access_ends_3"
    assert "21 Des 2026" not in rows(embedded)[-1].text
    assert "berakhir pada 23 Des 2026, 09.00 WIB" in rows(embedded)[-1].text


def test_a_refund_is_told_with_its_day(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    deliver(embedded)
    order_id = payment_of(embedded, public_id).merchant_order_id
    ask_to_revoke(
        order_id,
        database=embedded.database,
        start=embedded.engine.start,
        now=embedded.clock,
        reason="diminta pembeli",
        actor="operator",
    )
    embedded.work()

    assert deliver(embedded)[-1] == "refunded"
    (told,) = [row.text for row in rows(embedded) if row.kind == "refunded"]
    assert "Dana sebesar Rp 150.000 untuk Web Development Fundamentals dikembalikan dan aksesnya diakhiri." in told
    assert "Dicatat pada 23 Nov 2026, 09.00 WIB." in told


def end_or_refund(world: World, act: Callable[..., None], order_id: Any) -> None:
    act(order_id, database=world.database, start=world.engine.start, now=world.clock, reason="asked", actor="op")
    world.work_for(hours=2)


def test_a_refund_of_what_another_order_covers_is_told_with_the_access_that_stays(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.buy_and_pay()
    world.work()
    end_or_refund(world, ask_to_revoke, order_id)

    assert [kind for kind in deliver(world) if kind.startswith("refunded")] == ["refunded_kept"]
    (told,) = [row.text for row in rows(world) if row.kind == "refunded_kept"]
    assert "dikembalikan. Akses yang Anda miliki di luar pesanan ini tetap berlaku." in told
    assert "diakhiri" not in told


def test_a_refund_after_the_access_was_ended_is_told_once(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    end_or_refund(world, ask_to_end, order_id)
    before = [kind for kind in deliver(world) if kind.startswith("refunded")]
    end_or_refund(world, ask_to_revoke, order_id)

    assert before == []
    assert [kind for kind in deliver(world) if kind.startswith("refunded")] == ["refunded"]


def test_nobody_is_told_that_an_access_has_ended_before_it_has(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    world.thinkific.fail_next("*", "/", "503", times=10_000)
    end_or_refund(world, ask_to_revoke, order_id)
    before = [kind for kind in deliver(world) if kind.startswith("refunded")]
    world.thinkific.clear_faults()
    world.work_for(hours=4)

    assert before == []
    assert [kind for kind in deliver(world) if kind.startswith("refunded")] == ["refunded"]


def test_a_mail_server_that_is_away_costs_no_letter(embedded: World) -> None:
    embedded.sell()
    choose(embedded, ordered(embedded))
    sent: list[Letter] = []

    def away(_: Letter) -> None:
        raise MailUnavailable("ConnectionRefusedError")

    deliver(embedded, away)
    assert [row.fault for row in rows(embedded) if row.kind == "order_made"] != [None]
    deliver(embedded, sent.append)
    assert sent == []
    embedded.clock.move(seconds=31)
    deliver(embedded, sent.append)

    assert [letter.to for letter in sent if letter.subject.startswith("Pesanan Anda: ")] == ["siti@example.com"]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("corrections", [("siti@example.com",), ("siti@example.org", "siti@example.com")])
def test_an_address_corrected_while_the_letter_is_being_sent_gets_it_too(
    world: World, corrections: tuple[str, ...], *, at_once: bool
) -> None:
    world.sell()
    public_id = ordered(world, customer_email="siti@example.net")
    choose(world, public_id)
    sent: list[Letter] = []

    def post(letter: Letter) -> None:
        sent.append(letter)
        if letter.to == "siti@example.net":
            for email in corrections:
                world.web.post(f"/o/{public_id}/email", data={"customer_email": email})
            if at_once:
                deliver(world, post)

    deliver(world, post)
    deliver(world, post)

    assert [letter.to for letter in sent] == ["siti@example.net", "siti@example.com"]
    (made,) = [row for row in rows(world) if row.kind == "order_made"]
    assert (made.state, made.recipient) == ("sent", "siti@example.com")


def test_a_letter_that_is_refused_for_good_is_shown_to_the_operator(embedded: World) -> None:
    embedded.sell()
    choose(embedded, ordered(embedded))

    def refuses(_: Letter) -> None:
        raise MailRefused("SMTP 550")

    deliver(embedded, refuses)

    (made,) = [row for row in rows(embedded) if row.kind == "order_made"]
    assert (made.state, made.fault) == ("failed", "The mail server refuses the letter for good. SMTP 550")


def test_the_access_letter_can_be_asked_for_again_but_not_at_once(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    deliver(embedded)
    soon = text(embedded.web.post(f"/o/{public_id}/resend"))
    embedded.clock.move(minutes=4)
    later = text(embedded.web.post(f"/o/{public_id}/resend"))

    assert "Email akses baru saja dikirim." in soon
    assert "Email akses sedang dikirim ulang." in later
    assert [row.state for row in rows(embedded) if row.kind == "access_ready"] == ["waiting"]


def test_the_buyer_is_written_to_in_the_language_of_the_order(embedded: World) -> None:
    embedded.sell()
    embedded.web.get("/?lang=en")
    choose(embedded, ordered(embedded))
    deliver(embedded)

    (made,) = [row for row in rows(embedded) if row.kind == "order_made"]
    assert made.subject.startswith("Your order: Web Development Fundamentals, pay before 24 Nov 2026, 09:00 WIB")


def test_a_letter_has_both_forms_and_no_header_can_be_slipped_in() -> None:
    message = as_message(Letter('Kelas "Siti"', "siti@example.com", "Halo", "isi", "<p>isi</p>"), "kelas@example.com")

    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Auto-Submitted"] == "auto-generated"
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        as_message(Letter("Kelas", "siti@example.com", "Halo\nBcc: x@example.com", "isi", "isi"), "kelas@example.com")


def test_an_answer_to_a_letter_reaches_the_seller(sqlite_url: str, tmp_path: Path) -> None:
    sent: list[Letter] = []
    with world_on(tmp_path, sqlite_url, None, seller_email="kelas@example.com") as world:
        world.sell()
        choose(world, ordered(world))
        deliver(world, sent.append)

    assert as_message(sent[0], "no-reply@pay.example.com")["Reply-To"] == "kelas@example.com"


def test_a_letter_links_what_the_seller_wrote_and_nothing_that_the_buyer_did(embedded: World) -> None:
    embedded.sell()
    evil, told = "https://evil.example/hadiah", "https: //evil. example/hadiah"
    own = wordings.Said("Lunas", "Halo {name},\n\nGrup: https://chat.example/{order}\n\n{email}")
    with embedded.database.begin() as db:
        wordings.put_wording(db, "", "paid", "id", own, embedded.clock())
    public_id = ordered(embedded, customer_name=evil)
    choose(embedded, public_id)
    deliver(embedded)
    order_id = payment_of(embedded, public_id).merchant_order_id
    embedded.call_back(embedded.duitku.pay(order_id))
    embedded.work()
    deliver(embedded)

    written = {row.kind: row for row in rows(embedded) if told in (row.text or "")}
    assert {"order_made", "paid", "access_ready"} <= written.keys()
    assert all(evil not in row.html + row.text and told in row.html for row in written.values())
    assert f'<a href="https://chat.example/{order_id}"' in written["paid"].html
    assert re.search(r'<a href="\S+/users/password/new"', written["access_ready"].html)


def test_letters_are_not_for_everybody_to_read(embedded: World) -> None:
    assert embedded.web.get("/mails").status_code == 404
    assert embedded.web.get("/mails/1").status_code == 404
