"""What an owner sets otherwise than by default, and that it is used by what sends and by what forgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.console.desk import joined
from tests.security.test_privacy import KEEP

from kelaspay.i18n import TRANSLATIONS
from kelaspay.letters import ALWAYS, KINDS, default, may_tell
from kelaspay.messages import office, send_due
from kelaspay.retention import tidy
from kelaspay.store import messages
from kelaspay.store.messages import by_day
from kelaspay.web.console import words

if TYPE_CHECKING:
    from tests.world import World

    from kelaspay.mail import Letter

TEXT = "/console/settings/texts/order_made/id"


def delivered(world: World) -> list[Letter]:
    sent: list[Letter] = []
    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)
    send_due(replace(at, post=sent.append))
    return sent


def test_a_letter_is_previewed_kept_used_and_brought_back_to_the_default(world: World) -> None:
    world.sell()
    desk = joined(world)

    desk.open(TEXT)
    seen = desk.press(TEXT, subject="Hai {name}", body="Silakan bayar <b>{amount}</b>.\n\n\n\n{number}", act="preview")
    assert "Hai Siti" in seen
    assert "Silakan bayar &lt;b&gt;Rp 150.000&lt;/b&gt;." in seen
    assert "teks sendiri" not in desk.open("/console/settings/texts")
    desk.open(TEXT)
    desk.press(TEXT, subject="Hai {name}", body="Silakan bayar <b>{amount}</b>.\n\n{number}", act="keep")
    assert "teks sendiri" in desk.text
    world.buy()
    [own] = delivered(world)
    desk.open(f"{TEXT}/default")
    desk.press(f"{TEXT}/default")
    world.buy(customer_email="budi@example.com")
    [after] = delivered(world)

    assert (own.subject, own.text.startswith("Silakan bayar <b>Rp 150.000</b>.")) == ("Hai Siti", True)
    assert "<b>" not in own.html.partition("Silakan")[2].partition("150.000")[0]
    assert after.subject.startswith("Pesanan Anda:")
    audit = desk.open("/console/audit")
    assert "Mengubah teks pesan" in audit
    assert "Mengembalikan teks pesan ke bawaan" in audit


@pytest.mark.parametrize(
    ("kind", "subject", "body", "why"),
    [
        ("paid", "", "Isi", "Tidak boleh kosong."),
        ("paid", "Judul", "Halo {nama}", "{nama} tidak dikenal"),
        ("paid", "Judul", "Halo {name!r}", "kurung kurawal"),
        ("paid", "Judul", "Halo {name.__class__}", "kurung kurawal"),
        ("sign_in", "Kode", "Halo {name}", "{blank} harus ada"),
    ],
)
def test_words_that_would_not_do_are_refused_with_the_reason(
    embedded: World, kind: str, subject: str, body: str, why: str
) -> None:
    desk = joined(embedded)
    path = f"/console/settings/texts/{kind}/id"

    desk.open(path)
    desk.press(path, subject=subject, body=body, act="keep")

    assert (desk.status, why in desk.text) == (422, True)
    assert "teks sendiri" not in desk.open("/console/settings/texts")


def test_a_schools_words_and_hours_are_its_own(embedded: World) -> None:
    embedded.sell()
    embedded.add_school("akademi")
    desk = joined(embedded, school="akademi")
    desk.open(TEXT)
    desk.press(TEXT, subject="Dari akademi", body="Halo", act="keep")
    desk.open("/console/settings/times")
    desk.press("/console/settings/quiet", start="0", end="23")

    embedded.buy()
    assert delivered(embedded)[0].subject != "Dari akademi"
    with embedded.database.read() as db:
        due = {row.kind: row.due_at for row in messages.list_messages(db)}
    assert due["reminder"] == embedded.clock() + timedelta(minutes=30)


def test_reminders_wait_for_the_end_of_the_hours_that_were_set(world: World) -> None:
    world.sell()
    desk = joined(world)
    desk.open("/console/settings/times")
    desk.press("/console/settings/quiet", start="9", end="11")
    order_id = world.buy()  # at 09.00 WIB

    with world.database.read() as db:
        due = {row.kind: row.due_at for row in messages.list_messages(db, order_id)}

    assert due["reminder"] == world.clock() + timedelta(hours=2)
    assert due["order_made"] == world.clock()
    assert by_day(world.clock(), (7, 7)) == world.clock()
    assert "Jam tenang disimpan." in desk.text


def test_what_is_forgotten_when_follows_what_the_owner_set_within_bounds(world: World) -> None:
    world.sell()
    order_id = world.buy()
    delivered(world)
    desk = joined(world)
    desk.open("/console/settings/times")
    desk.press("/console/settings/retention", events="29", messages="40", lapsed="366", audit="x")
    assert (desk.status, desk.text.count('role="alert"')) == (422, 3)
    desk.press("/console/settings/retention", events="30", messages="40", lapsed="20", audit="730")
    world.clock.move(days=41)

    done = tidy(database=world.database, keep=KEEP, now=world.clock)

    assert (done["calls"], done["messages"]) == (1, 1)
    assert "events: 90 → 30" in joined(world, email="lain@example.com").open("/console/audit")
    assert order_id


def test_who_belongs_to_a_school_does_not_decide_for_all_of_them(embedded: World) -> None:
    embedded.sell()
    embedded.add_school("akademi")
    desk = joined(embedded, school="akademi")
    shown = desk.open("/console/settings/times")
    csrf = shown.partition('name="csrf" value="')[2].partition('"')[0]

    values = dict.fromkeys(("events", "messages", "lapsed", "audit"), "365")
    answer = desk.web.post("/console/settings/retention", data={"csrf": csrf} | values)

    assert "/console/settings/retention" not in shown
    assert answer.status_code == 403


def test_every_value_of_every_letter_has_its_meaning_and_every_default_is_itself() -> None:
    told = {name for kind in KINDS for name in may_tell(kind)} | set(ALWAYS)

    assert told == set(words.VALUE)
    assert set(words.LANGUAGE) == set(TRANSLATIONS)
    assert all(all(default(kind, language)) for kind in KINDS for language in TRANSLATIONS)
