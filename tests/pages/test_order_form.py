"""The order form: what it takes, what it says, and that it makes one order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from kelaspay.app import create_app
from kelaspay.payment import Rupiah
from kelaspay.store import payments
from kelaspay.store.payments import list_payments
from kelaspay.web.typos import suggested
from tests.pages.browser import BUYER, choose, hidden, order, ordered, text
from tests.world import OFFER, World, world_on

if TYPE_CHECKING:
    from pathlib import Path

    from kelaspay.payment import Payment


def all_orders(world: World) -> list[Payment]:
    with world.database.read() as db:
        return list_payments(db, status=None, attention=False, limit=100)


def test_an_order_waits_for_its_method_and_duitku_has_not_heard_of_it(world: World) -> None:
    world.sell()
    answer = order(world)

    assert answer.status_code == 303
    (made,) = all_orders(world)
    assert answer.headers["location"] == f"/o/{made.public_id}/method"
    assert (made.status, made.payment_amount, made.reference) == ("pending", 150_000, None)
    assert not world.duitku.calls


def test_a_double_click_makes_one_order(world: World) -> None:
    world.sell()
    form = hidden(world.web.get(f"/buy/{OFFER}")) | BUYER

    def send(_: int) -> str:
        answer = world.web.post(f"/buy/{OFFER}", data=form, follow_redirects=False)
        return f"{answer.status_code} {answer.headers.get('location')}"

    with ThreadPoolExecutor(2) as two:
        answers = set(two.map(send, range(2)))

    (made,) = all_orders(world)
    assert answers == {f"303 /o/{made.public_id}/method"}


def test_an_unpaid_order_for_the_same_address_is_resumed(world: World) -> None:
    world.sell()
    first = ordered(world)
    choose(world, first)
    answer = order(world, customer_email=" SITI@example.com ", customer_name="Siti R")

    assert answer.headers["location"] == f"/o/{first}"
    assert len(all_orders(world)) == 1


def test_an_order_that_lapsed_or_has_another_price_is_not_resumed(embedded: World) -> None:
    course = embedded.sell()
    first = ordered(embedded)
    embedded.offer(OFFER, course.name, 99_000, course_id=course.id)
    second = ordered(embedded)
    embedded.clock.move(days=2)
    third = ordered(embedded)

    assert len({first, second, third}) == 3


def test_who_has_the_access_already_is_told_before_paying(world: World) -> None:
    world.sell()
    world.buy_and_pay()
    world.work()
    answer = order(world)

    assert answer.status_code == 409
    assert "Email ini sudah punya akses ke kelas ini." in text(answer)
    assert 'value="Siti Rahmawati"' in answer.text
    assert len(all_orders(world)) == 1

    again = order(world, again="1")

    assert again.status_code == 303
    assert len(all_orders(world)) == 2


def test_whose_access_will_end_is_offered_to_renew_it(world: World) -> None:
    world.sell(access_days=30)
    world.buy_and_pay()
    world.work()
    world.clock.move(days=20)

    answer = order(world)

    assert "Email ini sudah punya akses ke kelas ini sampai 23 Des 2026, 09.00 WIB." in text(answer)
    assert "30 hari ditambahkan setelah tanggal itu." in text(answer)
    assert "tidak perlu membayar lagi" not in text(answer)
    assert '<button class="button" name="again" value="1">Perpanjang akses</button>' in answer.text


def test_who_had_access_that_has_ended_may_buy_again_at_once(embedded: World) -> None:
    embedded.sell(access_days=30)
    embedded.buy_and_pay()
    embedded.work()
    embedded.clock.move(days=31)

    assert order(embedded).status_code == 303


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"customer_name": " "}, "Nama wajib diisi."),
        ({"customer_email": "siti@"}, "Email tidak valid. Contoh: nama@gmail.com"),
        ({"customer_phone": "12"}, "Nomor WhatsApp tidak valid. Contoh: 0812-3456-7890"),
    ],
)
def test_a_wrong_entry_is_said_beside_its_field_and_the_others_are_kept(
    embedded: World, entered: dict[str, str], said: str
) -> None:
    embedded.sell()
    answer = order(embedded, **entered)
    (field,) = entered

    assert answer.status_code == 422
    assert said in text(answer)
    assert f'id="{field}-wrong"' in answer.text
    kept = [value for name, value in BUYER.items() if name != field]
    assert [value for value in kept if f'value="{value}"' not in answer.text] == []
    assert all_orders(embedded) == []


def test_a_corrected_entry_goes_through_with_the_same_form(embedded: World) -> None:
    embedded.sell()
    wrong = order(embedded, customer_name="")
    answer = embedded.web.post(f"/buy/{OFFER}", data=hidden(wrong) | BUYER, follow_redirects=False)

    assert answer.status_code == 303


def test_a_slip_in_the_address_is_suggested_and_never_blocks(embedded: World) -> None:
    embedded.sell()
    asked = order(embedded, customer_email="siti@gmial.com")

    assert asked.status_code == 200
    assert "Maksud Anda siti@gmail.com" in text(asked)

    kept = hidden(asked) | BUYER | {"customer_email": "siti@gmial.com"}
    answer = embedded.web.post(f"/buy/{OFFER}", data=kept, follow_redirects=False)

    assert answer.status_code == 303
    assert embedded.web.post("/typo", data={"email": "siti@gmial.com"}).json() == {"meant": "siti@gmail.com"}


@pytest.mark.parametrize(
    ("email", "meant"),
    [
        ("a@gmial.com", "a@gmail.com"),
        ("a@gmail.con", "a@gmail.com"),
        ("A@GMAIL.CO", "a@gmail.com"),
        ("a@yaho.com", "a@yahoo.com"),
        ("a@yahoo.co.id", None),
        ("a@gmail.com", None),
        ("a@mail.com", None),
        ("a@ui.ac.id", None),
        ("a", None),
        ("", None),
    ],
)
def test_only_what_looks_like_a_slip_is_suggested(email: str, meant: str | None) -> None:
    assert suggested(email) == meant


def test_a_link_fills_the_form_in_and_says_where_the_buyer_came_from(embedded: World) -> None:
    embedded.sell()
    link = f"/buy/{OFFER}?email=siti%40example.com&name=Siti&utm_source=ig&utm_campaign=lebaran&other=x"
    form = embedded.web.get(link)

    assert 'value="siti@example.com"' in form.text
    assert 'value="Siti"' in form.text

    embedded.web.post(f"/buy/{OFFER}", data=hidden(form) | BUYER, follow_redirects=False)
    (made,) = all_orders(embedded)
    with embedded.database.read() as db:
        told = [line.text for line in payments.read_story(db, made.merchant_order_id) if line.what == "came_from"]

    assert told == ["utm_source=ig&utm_campaign=lebaran"]


def test_what_it_cost_before_and_how_refunds_go_is_said_before_paying(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, None, seller_refund_policy="Dana kembali dalam 7 hari.") as world:
        world.offer(OFFER, "Python", 150_000, price_before=Rupiah(250_000), course_id=1)
        form, shop = text(world.web.get(f"/buy/{OFFER}")), text(world.web.get("/"))

    assert "Harga biasa Rp 250.000 Rp 150.000" in " ".join(form.split())
    assert "Harga biasa Rp 250.000 Rp 150.000" in " ".join(shop.split())
    assert "Pengembalian dana : Dana kembali dalam 7 hari." in " ".join(form.replace(":", " : ").split())


def test_what_was_entered_is_never_markup(embedded: World) -> None:
    embedded.sell()
    answer = order(embedded, customer_name='"><script>alert(1)</script>', customer_phone="x")

    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("address", "accepts", "says"),
    [
        (f"/buy/{OFFER}", "", "Nama lengkap"),
        (f"/buy/{OFFER}", "id-ID,id;q=0.9,en;q=0.8", "Nama lengkap"),
        (f"/buy/{OFFER}", "en-US,en;q=0.9,id;q=0.8", "Full name"),
        (f"/buy/{OFFER}", "de", "Nama lengkap"),
        (f"/buy/{OFFER}?lang=en", "id", "Full name"),
        (f"/buy/{OFFER}?lang=id", "en", "Nama lengkap"),
        (f"/buy/{OFFER}?lang=xx", "in-ID", "Nama lengkap"),
    ],
)
def test_the_page_speaks_the_buyers_language(embedded: World, address: str, accepts: str, says: str) -> None:
    embedded.sell()
    answer = embedded.web.get(address, headers={"Accept-Language": accepts})

    assert says in text(answer)
    assert f'<html lang="{"en" if says == "Full name" else "id"}">' in answer.text


def test_a_chosen_language_stays(embedded: World) -> None:
    embedded.sell()
    embedded.web.get(f"/buy/{OFFER}?lang=en")

    assert "Choose how to pay" in text(embedded.web.get(f"/o/{ordered(embedded)}/method"))
    assert "Name is required." in text(order(embedded, customer_name=""))


def test_the_first_load_is_small_and_asks_nobody_else(embedded: World) -> None:
    embedded.sell()
    form = embedded.web.get(f"/buy/{OFFER}")
    addresses = [part.split('"')[0] for part in form.text.split('="/static/')[1:]]
    loaded = [embedded.web.get(f"/static/{address}") for address in addresses]

    assert len(loaded) == 3
    assert len(form.content) + sum(len(each.content) for each in loaded) < 50_000
    assert 'src="http' not in form.text
    policy = form.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_seller_may_prefer_duitkus_own_page(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, None, payment_page="duitku") as world:
        world.sell()
        answer = order(world)
        again = order(world)

        assert answer.headers["location"].startswith("http://duitku.test")
        assert "/redirect_checkout?reference=" in answer.headers["location"]
        assert again.headers["location"] == answer.headers["location"]
        assert world.web.get(f"/o/{all_orders(world)[0].public_id}/method", follow_redirects=False).status_code == 303


def test_an_old_form_whose_order_is_over_leads_to_that_order_and_to_no_invoice(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, None, payment_page="duitku") as world:
        world.sell()
        world.duitku.fail_next("createInvoice", "503")
        order(world, key="old")
        world.clock.move(days=1, minutes=10)
        world.reconcile()
        page = world.web.get(str(order(world, key="old").headers["location"]))

        assert page.url.path == f"/o/{all_orders(world)[0].public_id}"
        assert len(world.duitku.orders) == 0


def test_an_order_that_lies_open_for_a_day_lapses(embedded: World) -> None:
    embedded.sell()
    ordered(embedded)
    embedded.clock.move(days=1, minutes=10)
    embedded.reconcile()

    (made,) = all_orders(embedded)
    assert made.status == "expired"


def test_without_duitku_there_is_nothing_to_buy(embedded: World) -> None:
    embedded.sell()
    embedded.outside.schools.default = None
    web = TestClient(create_app(embedded.outside, embedded.inbox, embedded.engine.start))

    assert web.post(f"/buy/{OFFER}", data=BUYER).status_code == 404
