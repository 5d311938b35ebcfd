"""Pesanan saya: who proves an address sees its orders, and nobody learns whose addresses are known."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kelaspay.messages import office, send_due
from kelaspay.store import messages
from kelaspay.store.buyers import MOST_ORDERS
from tests.pages.browser import choose, ordered, text
from tests.pages.test_coupons import coupon
from tests.pages.test_status import bought
from tests.test_schools import OTHER_OFFER, two

__all__ = ["two"]

if TYPE_CHECKING:
    import httpx2
    from starlette.testclient import TestClient

    from kelaspay.mail import Letter
    from tests.world import World

SITI = "siti@example.com"


def letters(world: World) -> list[Letter]:
    """What goes out now."""
    sent: list[Letter] = []
    at = office(world.outside.settings, world.outside.schools.profile, world.database, world.clock)
    send_due(replace(at, post=sent.append))
    return sent


def code_sent(world: World) -> str:
    found = [re.search(r"Kode Anda: (\d{6})", letter.text) for letter in letters(world)]
    (code,) = [each[1] for each in found if each]
    return code


def ask(browser: TestClient, email: str = SITI) -> httpx2.Response:
    return browser.post("/me/code", data={"email": email})


def enter(browser: TestClient, code: str, email: str = SITI) -> httpx2.Response:
    return browser.post("/me/sign-in", data={"email": email, "code": code})


def test_an_order_shows_what_was_paid_with_the_channels_fee(embedded: World) -> None:
    embedded.duitku.switches.fees_to_buyer = True
    embedded.sell()
    bought(embedded)
    embedded.work()
    browser = embedded.another_browser()
    ask(browser)

    assert "Akses siap · Rp 154.000" in text(enter(browser, code_sent(embedded)))


def test_a_code_from_the_letter_opens_all_orders_in_any_browser(world: World) -> None:
    world.sell()
    world.sell("Kelas kedua", slug="kedua")
    paid = bought(world)
    world.work()
    waiting = ordered(world, "kedua")
    choose(world, waiting)
    letters(world)
    elsewhere = world.another_browser()

    assert "Kode enam angka" in text(ask(elsewhere, " Siti@Example.com "))
    page = enter(elsewhere, code_sent(world))

    assert page.url.path == "/me"
    assert "Kelas kedua" in text(page)
    assert "Menunggu pembayaran" in text(page)
    assert "Akses siap" in text(page)
    for link in (f"/o/{waiting}", f"/o/{paid}/class", f"/o/{paid}/receipt"):
        assert f'href="{link}"' in page.text
    assert "Siti Rahmawati" in elsewhere.get(f"/o/{paid}/receipt").text
    resent = text(elsewhere.post(f"/me/resend/{paid}"))
    assert "Email akses baru saja dikirim." in resent
    world.clock.move(minutes=4)
    assert "Email akses sedang dikirim ulang." in text(elsewhere.post(f"/me/resend/{paid}"))

    elsewhere.post("/me/sign-out")
    assert "Kirim kode" in text(elsewhere.get("/me"))
    assert "Siti Rahmawati" not in elsewhere.get(f"/o/{paid}/receipt").text


def test_who_has_ordered_often_sees_the_oldest_order_as_their_own_too(embedded: World) -> None:
    embedded.sell()
    orders = [embedded.buy(customer_email=SITI) for _ in range(MOST_ORDERS)]
    while letters(embedded):
        pass
    elsewhere = embedded.another_browser()
    ask(elsewhere)
    enter(elsewhere, code_sent(embedded))

    for order_id in (orders[0], orders[-1]):
        public_id = embedded.payment(order_id).public_id
        assert f'value="{SITI}"' in elsewhere.get(f"/o/{public_id}/email").text


def test_a_browser_that_has_ordered_often_keeps_the_cookie_that_says_so(embedded: World) -> None:
    embedded.sell()
    for number in range(MOST_ORDERS + 1):
        last = ordered(embedded, customer_email=f"siti{number}@example.com")

    assert max(len(f"{cookie.name}={cookie.value}") for cookie in embedded.web.cookies.jar) < 3800
    assert f'value="siti{MOST_ORDERS}@example.com"' in embedded.web.get(f"/o/{last}/email").text


def test_the_letters_button_leads_to_where_its_code_is_entered_on_whichever_device(embedded: World) -> None:
    embedded.sell()
    bought(embedded)
    embedded.work()
    letters(embedded)
    ask(embedded.another_browser())
    [letter] = letters(embedded)
    phone = embedded.another_browser()

    [link] = re.findall(r"Masukkan kode: (\S+)", letter.text)
    page = phone.get(link)
    fields = re.findall(r'<input[^>]* name="(\w+)" type="(?:email|text)"', page.text)
    [code] = re.findall(r"Kode Anda: (\d{6})", letter.text)

    assert (page.status_code, fields) == (200, ["email", "code"])
    assert letters(embedded) == []
    assert enter(phone, code).url.path == "/me"


def test_the_answer_is_the_same_for_an_address_that_nobody_ordered_with(world: World) -> None:
    world.sell()
    ordered(world)
    letters(world)
    known, unknown = ask(world.another_browser()), ask(world.another_browser(), "lain@example.com")
    same = text(unknown).replace("lain@example.com", SITI)

    assert (known.status_code, text(known)) == (unknown.status_code, same)
    assert len(letters(world)) == 1
    refused = enter(world.another_browser(), "000000", "lain@example.com")
    assert "Kode salah atau sudah tidak berlaku." in text(refused)


def test_a_code_is_good_once_for_ten_minutes_and_until_the_next_is_sent(world: World) -> None:
    world.sell()
    ordered(world)
    letters(world)
    browser = world.another_browser()
    ask(browser)
    first = code_sent(world)
    ask(browser)
    second = code_sent(world)

    if first != second:
        assert enter(browser, first).status_code == 401
    assert enter(browser, f" {second[:3]} {second[3:]} ").status_code == 200
    assert enter(world.another_browser(), second).status_code == 401
    world.clock.move(minutes=16)
    ask(browser)
    third = code_sent(world)
    world.clock.move(minutes=10)
    assert enter(world.another_browser(), third).status_code == 401


def test_guessing_and_sending_are_limited(world: World) -> None:
    world.sell()
    ordered(world)
    letters(world)
    browser = world.another_browser()
    ask(browser)
    code = code_sent(world)
    wrong = "000000" if code != "000000" else "000001"
    guesses = [enter(browser, wrong).status_code for _ in range(5)]

    assert guesses == [401] * 5
    assert enter(browser, code).status_code == 401
    assert [ask(browser).status_code for _ in range(3)] == [200, 200, 429]
    assert "Terlalu banyak percobaan." in text(ask(browser))
    assert len(letters(world)) == 2


def test_one_network_address_cannot_have_codes_sent_to_everybody(embedded: World) -> None:
    answers = [ask(embedded.web, f"orang{number}@example.com").status_code for number in range(22)]

    assert answers == [200] * 20 + [429] * 2


def test_not_more_than_ten_codes_a_day_go_to_one_address(embedded: World) -> None:
    embedded.sell()
    ordered(embedded)
    letters(embedded)
    sent = 0
    for _ in range(8):
        ask(embedded.web)
        ask(embedded.web)
        sent += len(letters(embedded))
        embedded.clock.move(minutes=16)

    assert sent == 10


def test_a_code_that_was_sent_does_not_stay_in_the_database(embedded: World) -> None:
    embedded.sell()
    ordered(embedded)
    letters(embedded)
    ask(embedded.web)
    code = code_sent(embedded)
    with embedded.database.read() as db:
        (row,) = [each for each in messages.list_messages(db) if each.kind.startswith("sign_in")]

    assert code not in str(tuple(row))
    assert row.state == "sent"


def test_a_code_that_waited_too_long_is_not_sent(embedded: World) -> None:
    embedded.sell()
    ordered(embedded)
    letters(embedded)
    ask(embedded.web)
    embedded.clock.move(minutes=11)

    assert letters(embedded) == []


def test_orders_at_several_schools_are_shown_together_with_who_sold_them(two: World) -> None:
    ordered(two)
    ordered(two, OTHER_OFFER)
    letters(two)
    ask(two.web)
    page = text(enter(two.web, code_sent(two)))

    assert page.count("Web Development Fundamentals Menunggu pembayaran") == 2
    assert "Akademi" in page


def test_a_forged_cookie_opens_nothing(embedded: World) -> None:
    embedded.sell()
    ordered(embedded)
    for forged in ("x", "InNpdGlAZXhhbXBsZS5jb20i.abc", embedded.web.cookies["__Host-made"]):
        browser = embedded.another_browser()
        browser.cookies.set("__Host-buyer", forged)
        assert "Kirim kode" in text(browser.get("/me"))


@pytest.mark.parametrize("email", ["", "siti", "siti@"])
def test_what_is_no_address_is_said(embedded: World, email: str) -> None:
    answer = ask(embedded.web, email)

    assert answer.status_code == 422
    assert "Email" in text(answer)
    assert 'aria-invalid="true"' in answer.text


def test_an_order_that_lapsed_is_ordered_again_with_its_coupon(embedded: World) -> None:
    embedded.sell()
    coupon(embedded)
    ordered(embedded, coupon="SETENGAH")
    embedded.clock.move(days=2)
    embedded.reconcile()
    letters(embedded)
    ask(embedded.web)
    page = enter(embedded.web, code_sent(embedded))

    assert 'href="/buy/web-fundamentals?coupon=SETENGAH"' in page.text
