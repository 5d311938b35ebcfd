"""Messages by WhatsApp: beside the e-mail, each once, tried again, and never by another school's number."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from pydantic import SecretStr

from kelaspay.i18n import TRANSLATIONS
from kelaspay.letters import KINDS
from kelaspay.messages import SIGN_IN, office, send_due
from kelaspay.notes import NOTES, PREFIX, template
from kelaspay.school import DEFAULT
from kelaspay.schools import Keys, keep_school
from kelaspay.store import messages, schools
from kelaspay.whatsapp import Note, WhatsAppUnavailable, cloud_api
from kelaspay_emulators.whatsapp import WhatsAppEmulator
from tests.pages.browser import choose, ordered
from tests.pages.test_paying import payment_of
from tests.pages.test_status import bought
from tests.shell import shell
from tests.test_schools import OTHER, OTHER_OFFER, two

if TYPE_CHECKING:
    from tests.shell import Shell
    from tests.world import World

__all__ = ["shell", "two"]

TOKEN, NUMBER = "EAAG-token-of-the-tests", "106540352242922"


@pytest.fixture
def meta() -> WhatsAppEmulator:
    """WhatsApp with all our templates approved."""
    url = "https://pay.example.com/o/{{1}}"
    approved = {(f"{PREFIX}{kind}", each): (template(kind, each), url) for kind in NOTES for each in TRANSLATIONS}
    return WhatsAppEmulator(TOKEN, NUMBER, approved)


def deliver(world: World, meta: WhatsAppEmulator, *, senders: tuple[str, ...] = (DEFAULT,)) -> None:
    """What the sender does now, by mail and by WhatsApp from these schools' numbers."""
    with httpx2.Client(transport=httpx2.WSGITransport(app=meta)) as http:
        post = cloud_api(http, url="http://whatsapp.test/v23.0", phone_number_id=NUMBER, token=SecretStr(TOKEN))
        at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)
        while send_due(replace(at, whatsapp_of=lambda school: post if school in senders else None)):
            pass


def rows(world: World) -> dict[str, Any]:
    with world.database.read() as db:
        return {row.kind: row for row in messages.list_messages(db) if row.kind.endswith("@whatsapp")}


def test_a_purchase_is_told_by_whatsapp_too_step_by_step(world: World, meta: WhatsAppEmulator) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    deliver(world, meta)
    (made,) = meta.sent
    order_id = payment_of(world, public_id).merchant_order_id

    assert (made.to, made.template, made.language) == ("6281234567890", "kelaspay_order_made", "id")
    assert made.text.startswith("Halo Siti, pesanan Anda untuk Web Development Fundamentals sudah kami terima.")
    assert "Rp 150.000. Bayar lewat BCA Virtual Account, " in made.text
    assert made.url == f"https://pay.example.com/o/{public_id}"

    world.call_back(world.duitku.pay(order_id))
    world.work()
    deliver(world, meta)
    deliver(world, meta)

    assert [each.template for each in meta.sent] == [
        "kelaspay_order_made",
        "kelaspay_paid",
        "kelaspay_access_ready",
    ]
    assert {row.state for row in rows(world).values()} == {"sent"}
    assert rows(world)["paid@whatsapp"].text == meta.sent[1].text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("evil.com/win", "evil. com/win"),
        ("https://evil.example/x", "https: //evil. example/x"),
        ("www.evil.com", "www. evil. com"),
        ("hadiah@evil.com", "hadiah@ evil. com"),
        ("evil\u3002com", "evil\u3002 com"),
        ("evil\uff0ecom:8080", "evil\uff0e com: 8080"),
        ("Moh.Rizal Fauzi", "Moh. Rizal"),
        ("M. Rizky", "M."),
        ("Nur'aini-Putri", "Nur'aini-Putri"),
    ],
)
def test_a_buyers_name_is_no_link_in_a_letter_or_in_whatsapp(
    embedded: World, meta: WhatsAppEmulator, name: str, told: str
) -> None:
    embedded.sell()
    choose(embedded, ordered(embedded, customer_name=name))
    deliver(embedded, meta)

    (note,) = meta.sent
    with embedded.database.read() as db:
        (letter,) = [row for row in messages.list_messages(db) if row.kind == "order_made"]
    assert note.text.startswith(f"Halo {told}, pesanan Anda")
    assert f"Halo {told}," in letter.text
    assert f"Halo {escape(told)}," in letter.html


def test_who_has_paid_is_not_reminded_by_whatsapp_either(embedded: World, meta: WhatsAppEmulator) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    deliver(embedded, meta)
    embedded.clock.move(minutes=31)
    deliver(embedded, meta)
    embedded.call_back(embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id))
    embedded.work()
    embedded.clock.move(days=1)
    deliver(embedded, meta)

    assert [each.template.removeprefix(PREFIX) for each in meta.sent].count("reminder") == 1
    assert "kelaspay_last_reminder" not in [each.template for each in meta.sent]


@pytest.mark.parametrize(("status", "code"), [(429, 130429), (500, 131000), (400, 131056), (401, 190), (503, 2)])
def test_what_passes_is_tried_again(embedded: World, meta: WhatsAppEmulator, status: int, code: int) -> None:
    embedded.sell()
    choose(embedded, ordered(embedded))
    meta.refuse_next = [(status, code)]
    deliver(embedded, meta)
    waiting = rows(embedded)["order_made@whatsapp"]
    assert (waiting.state, f"(code {code})" in waiting.fault) == ("waiting", True)
    embedded.clock.move(seconds=31)
    deliver(embedded, meta)

    assert [each.template for each in meta.sent] == ["kelaspay_order_made"]


@pytest.mark.parametrize(("status", "code"), [(400, 131026), (404, 132001), (400, 132000), (403, 131031)])
def test_what_is_refused_for_good_is_kept_with_its_reason_and_the_mail_goes_on(
    embedded: World, meta: WhatsAppEmulator, status: int, code: int
) -> None:
    embedded.sell()
    choose(embedded, ordered(embedded))
    meta.refuse_next = [(status, code)]
    deliver(embedded, meta)
    embedded.clock.move(hours=1)
    deliver(embedded, meta)

    assert rows(embedded)["order_made@whatsapp"].state == "failed"
    assert f"(code {code})" in rows(embedded)["order_made@whatsapp"].fault
    with embedded.database.read() as db:
        assert {row.kind: row.state for row in messages.list_messages(db)}["order_made"] == "kept"


def test_a_code_to_sign_in_with_goes_by_mail_alone(embedded: World, meta: WhatsAppEmulator) -> None:
    embedded.sell()
    ordered(embedded)
    embedded.web.post("/me/code", data={"email": "siti@example.com"})
    deliver(embedded, meta)

    assert meta.sent == []


def test_a_school_writes_to_its_buyers_from_its_own_number(two: World, meta: WhatsAppEmulator) -> None:
    two.hosts.put("whatsapp", meta)
    outside = two.outside
    keys = Keys(whatsapp_phone_number_id=NUMBER, whatsapp_token=SecretStr(TOKEN))
    keep_school(OTHER, keys, database=two.database, vault=outside.vault, start=two.engine.start, now=two.clock)
    at = office(
        outside.settings, outside.schools.profile, two.database, two.clock, whatsapp_of=outside.schools.whatsapp
    )
    choose(two, ordered(two, OTHER_OFFER))
    choose(two, ordered(two))
    while send_due(at):
        pass

    assert [each.template for each in meta.sent] == ["kelaspay_order_made"]
    assert [row.school for row in rows(two).values()] == [OTHER]
    with two.database.read() as db:
        kept = schools.find_credentials(db, OTHER)
    assert kept is not None
    assert TOKEN.encode() not in (kept.whatsapp_token or b"")


def test_another_schools_buyers_are_not_written_to_from_this_schools_number(two: World, meta: WhatsAppEmulator) -> None:
    choose(two, ordered(two, OTHER_OFFER))
    deliver(two, meta)

    assert meta.sent == []
    assert rows(two) == {}


def test_without_whatsapp_nothing_is_raised_for_it(embedded: World) -> None:
    embedded.sell()
    bought(embedded)
    embedded.work()
    send_due(office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock))

    assert rows(embedded) == {}


def test_every_kind_has_a_template_that_meta_would_approve() -> None:
    assert set(NOTES) == {kind for kind in KINDS if kind != SIGN_IN}
    for kind in NOTES:
        for language in TRANSLATIONS:
            text = template(kind, language)
            assert not text.startswith("{{")
            assert not text.endswith("}}")
            assert len(text) < 1024


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        ("502 Bad Gateway", [("Content-Type", "text/html")], "HTTP 502"),
        ("200 OK", [("Content-Encoding", "gzip")], "DecodingError"),
    ],
)
def test_an_answer_that_is_no_answer_of_metas_is_tried_again(
    status: str, headers: list[tuple[str, str]], said: str
) -> None:
    def broken(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return [b"<html>"]

    with httpx2.Client(transport=httpx2.WSGITransport(app=broken)) as http:
        post = cloud_api(http, url="http://whatsapp.test/v23.0", phone_number_id=NUMBER, token=SecretStr(TOKEN))
        with pytest.raises(WhatsAppUnavailable, match=said):
            post(a_note())


def a_note() -> Note:
    return Note("+6281234567890", "kelaspay_paid", "id", ("Siti",), "x", "Halo Siti")


def test_the_command_line_prints_the_templates_to_hand_in(shell: Shell) -> None:
    found = shell.json("whatsapp", "templates")
    (paid,) = [each for each in found if (each["name"], each["language"]) == ("kelaspay_paid", "en")]

    assert len(found) == 2 * len(NOTES)
    assert paid["url"] == "https://pay.example.com/o/{{1}}"
    assert "{{1}}" in paid["body"]
    assert "kelaspay_paid (id)" in shell("whatsapp", "templates").out


def test_half_a_setting_stops_the_start(shell: Shell) -> None:
    shell.set(WHATSAPP_TOKEN="a token")
    stopped = shell("work")

    assert stopped.code == 1
    assert "WHATSAPP_TOKEN, WHATSAPP_PHONE_NUMBER_ID: one is set without the other" in stopped.err
