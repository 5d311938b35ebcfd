"""The status page of an order: what it says when, to whom, and how it is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from kelaspay.messages import office, send_due
from tests.pages.browser import choose, ordered, text
from tests.pages.test_paying import payment_of
from tests.test_refunds import refund
from tests.world import world_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import World


def bought(world: World, method: str = "BC") -> str:
    """An order that was paid and called back about; the work is still to be done."""
    public_id = ordered(world)
    choose(world, public_id, method)
    world.call_back(world.duitku.pay(payment_of(world, public_id).merchant_order_id))
    return public_id


def test_the_page_goes_from_waiting_to_the_way_into_the_course(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    waiting = text(choose(embedded, public_id))
    embedded.call_back(embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id))
    embedded.work()
    ready = embedded.web.get(f"/o/{public_id}")

    assert "Menunggu pembayaran" in waiting
    assert "Selesaikan pembayaran di bawah ini. Konfirmasi bank biasanya masuk kurang dari satu menit" in waiting
    assert "Pembayaran diterima : belum" in waiting
    assert "Akses siap" in text(ready)
    assert "Masuk ke kelas" in text(ready)
    assert "Buat kata sandi" in text(ready)
    assert "Terdaftar di kelas : selesai 23 Nov 2026, 09.00 WIB" in text(ready)


def test_only_the_browser_that_ordered_sees_the_whole_address(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    stranger = TestClient(embedded.web.app, base_url="https://pay.example.com").get(f"/o/{public_id}")

    assert "siti@example.com" in embedded.web.get(f"/o/{public_id}").text
    assert "siti@example.com" not in stranger.text
    assert "Siti Rahmawati" not in stranger.text
    assert "si••@example.com" in stranger.text


def test_a_forged_cookie_shows_nothing_more(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    forger = TestClient(embedded.web.app, base_url="https://pay.example.com")
    sealed = embedded.web.cookies["__Host-made"]
    forger.cookies.set("__Host-made", f"{sealed.partition('.')[0]}.{'0' * 64}")

    assert "siti@example.com" not in forger.get(f"/o/{public_id}").text


def test_access_that_takes_long_is_said_without_blame(embedded: World) -> None:
    embedded.sell()
    embedded.thinkific.fail_next("*", "/", "503", times=100)
    public_id = bought(embedded)
    embedded.work()
    soon = text(embedded.web.get(f"/o/{public_id}"))
    embedded.clock.move(minutes=6)
    late = text(embedded.web.get(f"/o/{public_id}"))

    assert "Akses kelas sedang disiapkan" in soon
    assert "Pembayaran Anda aman. Penyiapan akses lebih lama dari biasanya" in late


def test_without_script_the_page_asks_to_be_loaded_again_until_it_is_final(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    waiting = choose(embedded, public_id)
    embedded.call_back(embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id))
    embedded.work()

    assert '<noscript><meta http-equiv="refresh"' in waiting.text
    assert "http-equiv" not in embedded.web.get(f"/o/{public_id}").text


@pytest.mark.parametrize("paid", [True, False], ids=["late", "lapsed"])
def test_who_follows_is_told_of_what_time_alone_has_changed(embedded: World, *, paid: bool) -> None:
    embedded.sell()
    if paid:
        public_id = bought(embedded)
        embedded.thinkific.fail_next("*", "/", "503", times=100)
        embedded.work()
        assert embedded.status(payment_of(embedded, public_id).merchant_order_id) == "paid"
    else:
        public_id = ordered(embedded)
        choose(embedded, public_id)
    before = embedded.web.get(f"/o/{public_id}/state").json()
    embedded.clock.move(minutes=1)
    soon = embedded.web.get(f"/o/{public_id}/state").json()
    embedded.clock.move(days=2)

    assert soon == before
    assert embedded.web.get(f"/o/{public_id}/state").json()["version"] != before["version"]


def test_the_stream_tells_of_a_change_and_ends_when_nothing_more_can_come(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    before = embedded.web.get(f"/o/{public_id}/state").json()
    embedded.work()
    send_due(office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock))
    after = embedded.web.get(f"/o/{public_id}/state").json()
    stream = embedded.web.get(f"/o/{public_id}/events")

    assert (before["final"], after["final"]) == (False, True)
    assert before["version"] != after["version"]
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert f"data: {after['version']}" in stream.text
    assert "event: final" in stream.text
    assert embedded.web.get("/o/unknown/events").status_code == 404


def test_an_order_that_lapsed_can_be_made_again(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    embedded.clock.move(days=1, minutes=10)
    embedded.reconcile()
    page = embedded.web.get(f"/o/{public_id}")

    assert "Pesanan kedaluwarsa" in text(page)
    assert 'href="/buy/web-fundamentals"' in page.text
    assert embedded.web.get(f"/o/{public_id}/method", follow_redirects=False).status_code == 303
    assert "Pesanan kedaluwarsa" in text(choose(embedded, public_id))


def test_the_seller_can_be_asked_when_something_is_stuck(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, None, seller_phone="+62 811-222-333") as world:
        world.sell()
        public_id = ordered(world)
        choose(world, public_id)
        waiting = world.web.get(f"/o/{public_id}").text
        asked = world.web.post(f"/o/{public_id}/check").text
        world.clock.move(days=1, minutes=10)
        world.reconcile()
        expired = world.web.get(f"/o/{public_id}").text
        again = world.buy_and_pay()
        world.work()
        refund(world, again)
        world.work()
        refunded = world.web.get(f"/o/{world.payment(again).public_id}").text

        asks = ["https://wa.me/62811222333?text=Halo%2C%20saya" in page for page in (waiting, asked, expired, refunded)]
        assert asks == [False, True, True, True]
        assert ["Terdaftar di kelas" in page for page in (expired, refunded)] == [True, False]
