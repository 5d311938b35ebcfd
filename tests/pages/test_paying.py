"""Choosing how to pay, the instructions, and the buyer's word that it is paid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from kelaspay.formats import by_fours
from kelaspay.store import payments
from tests.meanwhile import Meanwhile
from tests.pages.browser import choose, ordered, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from kelaspay.payment import Payment
    from tests.world import World


def payment_of(world: World, public_id: str) -> Payment:
    with world.database.read() as db:
        found = payments.find_by_public_id(db, public_id)
    assert found is not None
    return found


def asked(world: World, path: str) -> int:
    return sum(path in call.path.lower() for call in world.duitku.calls)


def test_the_channels_are_grouped_as_duitku_lists_them_and_asked_for_once(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    page = embedded.web.get(f"/o/{public_id}/method")
    embedded.web.get(f"/o/{public_id}/method")

    groups = re.findall(r"<legend>([^<]+)</legend>", page.text)
    assert groups[:6] == ["QRIS", "Virtual Account", "E-wallet", "Gerai", "Kartu kredit atau debit", "Paylater"]
    assert "BCA Virtual Account" in text(page)
    assert 'value="OL"' not in page.text
    assert asked(embedded, "getpaymentmethod") == 1


def test_fees_are_shown_as_duitku_gives_them(embedded: World) -> None:
    embedded.duitku.switches.fees_to_buyer = True
    embedded.sell()
    page = text(embedded.web.get(f"/o/{ordered(embedded)}/method"))

    assert "BCA Virtual Account +Rp 4.000" in page
    assert "QRIS Nusapay Tanpa biaya" in page


def test_channels_that_do_not_take_the_amount_are_hidden(embedded: World) -> None:
    embedded.sell(price=5_000)
    page = embedded.web.get(f"/o/{ordered(embedded)}/method").text

    assert re.findall(r"<legend>([^<]+)</legend>", page) == ["QRIS"]


def test_when_duitku_cannot_list_its_channels_the_buyer_may_try_again(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    embedded.outside.schools.default = None

    assert embedded.web.get(f"/o/{public_id}/method").status_code == 404


def test_that_no_channel_takes_the_amount_is_remembered_too(embedded: World) -> None:
    embedded.sell(price=60_000_000)
    public_id = ordered(embedded)
    for _ in range(3):
        embedded.web.get(f"/o/{public_id}/method")

    assert asked(embedded, "getpaymentmethod") == 1


def test_a_number_can_be_read_copied_and_compared(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    page = choose(world, public_id)
    payment = payment_of(world, public_id)

    assert payment.payment_method == "BC"
    assert payment.va_number is not None
    assert by_fours(payment.va_number) in text(page)
    assert f'data-copy="{payment.va_number}"' in page.text
    assert "Rp 150.000" in text(page)
    assert "Bayar sebelum 24 Nov 2026, 09.00 WIB" in text(page)
    assert f"masukkan nomor {by_fours(payment.va_number)}" in text(page)
    assert "KlikBCA" in text(page)


def test_choosing_twice_asks_duitku_once(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    first, second = choose(world, public_id), choose(world, public_id)

    assert (first.status_code, second.status_code) == (200, 200)
    assert asked(world, "inquiry") == 1


def test_a_changed_method_warns_that_the_old_number_can_still_be_paid(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    assert "Jika Anda mengganti metode, nomor ini masih bisa dibayar" in text(choose(world, public_id))
    old = payment_of(world, public_id).va_number or ""
    assert f"Nomor lama {by_fours(old)} masih bisa dibayar" in text(world.web.get(f"/o/{public_id}/method"))
    world.clock.move(minutes=5)
    page = choose(world, public_id, "M2")

    new = payment_of(world, public_id)
    assert new.va_number not in {old, None}
    assert f"Nomor lama {by_fours(old)} masih bisa dibayar sampai 24 Nov 2026, 09.00 WIB" in text(page)
    with world.database.read() as db:
        kept = [line.va_number for line in payments.list_invoices(db, new.merchant_order_id)]
    assert kept == [new.va_number, old]


def test_an_old_number_that_is_paid_pays_the_order(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    choose(world, public_id, "M2")
    order_id = payment_of(world, public_id).merchant_order_id
    world.call_back(world.duitku.pay(order_id, payment_method="BC"))
    world.work()

    assert "Akses siap" in text(world.web.get(f"/o/{public_id}"))


@pytest.mark.parametrize("paid", ["BC", "M2"])
def test_a_bill_that_another_replaced_under_another_reference_pays_the_order_once(world: World, paid: str) -> None:
    world.duitku.switches.reinquiry_keeps_reference = False
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    first = payment_of(world, public_id)
    choose(world, public_id, "M2")
    second = payment_of(world, public_id)
    order = world.duitku.orders[first.merchant_order_id]
    attempt = next(each for each in order.attempts if each.payment_method == paid)

    form = world.duitku.pay(first.merchant_order_id, publisher_order_id=attempt.publisher_order_id)
    world.call_back(form)
    world.call_back(form)
    world.work()

    assert first.reference != second.reference
    assert payment_of(world, public_id).attention is None
    assert len(world.enrolled()) == 1


def test_a_channel_that_duitku_refuses_leaves_the_choice_open(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    embedded.web.get(f"/o/{public_id}/method")
    embedded.duitku.switches.channels_off = {"BC"}
    refused = choose(embedded, public_id)

    assert refused.status_code == 502
    assert "Metode itu sedang tidak tersedia. Silakan pilih metode lain." in text(refused)
    assert choose(embedded, public_id, "M2").status_code == 200


def test_no_method_or_an_unknown_one_is_said(embedded: World) -> None:
    embedded.sell()
    answer = choose(embedded, ordered(embedded), "XX")

    assert answer.status_code == 422
    assert "Pilih salah satu metode pembayaran." in text(answer)


def test_qris_is_drawn_by_us_and_can_be_kept(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    page = choose(embedded, public_id, "SQ")
    drawn = embedded.web.get(f"/o/{public_id}/qris.svg")
    kept = embedded.web.get(f"/o/{public_id}/qris.png")

    assert f'src="/o/{public_id}/qris.svg"' in page.text
    assert (drawn.headers["content-type"], drawn.content[:5]) == ("image/svg+xml", b"<?xml")
    assert kept.content.startswith(b"\x89PNG")
    assert "attachment" in kept.headers["content-disposition"]
    assert embedded.web.get(f"/o/{public_id}/qris.exe").status_code == 404


def test_a_number_whose_time_is_over_gives_way_to_a_new_one(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    choose(embedded, public_id, "SQ")
    embedded.clock.move(hours=2)
    page = embedded.web.get(f"/o/{public_id}")

    assert "Waktu pembayaran ini habis." in text(page)
    assert "Selesaikan pembayaran di bawah ini." not in text(page)
    assert "Buat pembayaran baru" in text(page)
    assert "Bayar sebelum" in text(choose(embedded, public_id, "SQ"))


def test_a_qris_that_lapsed_leaves_the_order_open_while_an_earlier_number_can_be_paid(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    old = payment_of(world, public_id)
    world.clock.move(minutes=5)
    choose(world, public_id, "SQ")
    world.clock.move(hours=1, minutes=5)
    world.reconcile()
    page = text(world.web.get(f"/o/{public_id}"))

    assert world.duitku_asks() == 1
    assert payment_of(world, public_id).status == "pending"
    assert "Buat pembayaran baru" in page
    assert f"Nomor lama {by_fours(old.va_number or '')} masih bisa dibayar sampai 24 Nov 2026, 09.00 WIB" in page
    world.duitku.switches.expired_payable = True
    world.call_back(world.duitku.pay(old.merchant_order_id, payment_method="BC"))
    world.work_for(minutes=1)
    assert world.enrolled() == [("siti@example.com", "Web Development Fundamentals")]


def test_an_order_lapses_with_the_last_number_of_it_that_can_be_paid(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    choose(world, public_id, "SQ")
    for _ in range(25):
        world.clock.move(hours=1)
        world.reconcile()

    assert payment_of(world, public_id).status == "expired"
    assert world.duitku_asks() <= 4


def test_an_order_that_duitku_says_is_paid_when_another_method_is_chosen_is_enrolled(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    world.duitku.pay(payment_of(world, public_id).merchant_order_id)
    choose(world, public_id, "M2")
    world.work()

    assert world.enrolled() == [("siti@example.com", "Web Development Fundamentals")]


def test_a_number_that_has_lapsed_is_not_said_to_be_payable(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    before = text(embedded.web.get(f"/o/{public_id}/method"))
    embedded.clock.move(days=1, minutes=1)
    after = text(embedded.web.get(f"/o/{public_id}/method"))

    assert "masih bisa dibayar sampai 24 Nov 2026, 09.00 WIB" in before
    assert "Pilih metode pembayaran" in after
    assert "masih bisa dibayar" not in after


def test_an_order_does_not_lapse_whose_buyer_chose_anew_while_duitku_was_asked(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    world.clock.move(days=1, minutes=7)
    meanwhile = Meanwhile(world, "duitku", "POST /transactionStatus", lambda: choose(world, public_id, "I1"))

    world.reconcile()

    payment = payment_of(world, public_id)
    assert meanwhile.acted
    assert (payment.status, payment.payment_method) == ("pending", "I1")
    assert payment.expires_at > world.clock()


def test_what_the_browser_brings_back_from_duitku_changes_nothing(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    page = world.web.get(f"/o/{public_id}?merchantOrderId=x&resultCode=00&reference=y")

    assert "Menunggu pembayaran" in text(page)
    assert "gagal" not in text(page).lower()


def test_the_buyers_word_asks_duitku_at_most_once_in_ten_seconds(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    said = [text(world.web.post(f"/o/{public_id}/check")) for _ in range(3)]

    assert "Bank belum mengonfirmasi pembayaran Anda." in said[0]
    assert "Silakan coba lagi dalam 10 detik." in said[1]
    assert world.duitku_asks() == 1

    world.clock.move(seconds=10)
    world.duitku.pay(payment_of(world, public_id).merchant_order_id)
    paid = text(world.web.post(f"/o/{public_id}/check"))

    assert "Menyiapkan akses" in paid
    assert world.duitku_asks() == 2
    world.work()
    assert world.enrolled() == [("siti@example.com", "Web Development Fundamentals")]


def test_nobody_asks_while_a_method_that_was_chosen_late_is_being_paid(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    embedded.clock.move(minutes=55)
    choose(embedded, public_id, "SP")
    for _ in range(12):
        embedded.clock.move(minutes=5)
        embedded.reconcile()
    while_paying = embedded.duitku_asks()
    embedded.clock.move(minutes=6)
    embedded.reconcile()

    assert (while_paying, embedded.duitku_asks()) == (0, 1)
    assert payment_of(embedded, public_id).status == "expired"


def test_the_end_of_a_method_that_was_chosen_late_is_seen_when_it_comes(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    embedded.clock.move(hours=2)
    embedded.reconcile()
    choose(embedded, public_id, "SP")
    embedded.clock.move(minutes=67)
    embedded.reconcile()

    assert payment_of(embedded, public_id).status == "expired"


def test_an_order_for_which_a_method_is_chosen_while_duitku_is_asked_after_its_end_does_not_expire(
    embedded: World,
) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    embedded.clock.move(days=1, minutes=6)

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        embedded.hosts.put("duitku", embedded.duitku)
        if environ["PATH_INFO"].endswith("transactionStatus"):
            choose(embedded, public_id)
        return embedded.duitku(environ, start_response)

    embedded.hosts.put("duitku", slow)
    embedded.reconcile()
    payment = payment_of(embedded, public_id)

    assert (payment.status, payment.payment_method) == ("pending", "BC")


def test_asking_often_does_not_make_the_callback_wait(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    for _ in range(8):
        embedded.web.post(f"/o/{public_id}/check")
        embedded.clock.move(seconds=11)
    embedded.call_back(embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id))
    embedded.work()

    assert payment_of(embedded, public_id).status == "completed"


def test_asking_often_after_the_end_does_not_make_a_late_callback_wait(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    embedded.clock.move(days=1, minutes=6)
    for _ in range(8):
        embedded.web.post(f"/o/{public_id}/check")
        embedded.clock.move(seconds=11)
    ended = payment_of(embedded, public_id)
    embedded.duitku.switches.expired_payable = True
    embedded.call_back(embedded.duitku.pay(ended.merchant_order_id))
    embedded.work()

    assert ended.status == "expired"
    assert payment_of(embedded, public_id).status == "completed"


@pytest.mark.parametrize("code", ["BC", "SQ", "OV", "IR", "VC", "AT", "JP", "T1"])
def test_every_kind_of_channel_tells_how_to_pay(embedded: World, code: str) -> None:
    embedded.sell()
    page = choose(embedded, ordered(embedded), code)

    assert page.status_code == 200
    assert "<details" in page.text
    assert "{number}" not in page.text
    assert "{amount}" not in page.text
