"""Coupons: what they take off, how often, and that nothing is lost or counted twice by them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.coupon import Coupon, checked
from kelaspay.faults import InvalidInput
from kelaspay.payment import Rupiah
from kelaspay.store import coupons
from tests.pages.browser import BUYER, choose, hidden, order, ordered, text
from tests.pages.test_order_form import all_orders
from tests.pages.test_paying import payment_of
from tests.shell import shell
from tests.test_schools import OTHER, OTHER_OFFER, two
from tests.world import OFFER, START

if TYPE_CHECKING:
    from tests.shell import Shell
    from tests.world import World

__all__ = ["shell", "two"]

HALF = "SETENGAH"


def coupon(world: World, code: str = HALF, **values: Any) -> None:
    given = values if {"percent", "amount"} & set(values) else values | {"percent": 50}
    with world.database.begin() as db:
        coupons.put_coupon(db, checked(Coupon(code, **given)), world.clock())


def used(world: World, code: str = HALF) -> int:
    """How many orders have the coupon."""
    with world.database.read() as db:
        found = coupons.find_coupon(db, "", code)
    assert found is not None
    return found.redeemed


def told(world: World, public_id: str) -> list[str]:
    return world.story(payment_of(world, public_id).merchant_order_id)


def buyer(number: int) -> str:
    return f"pembeli{number}@example.com"


@pytest.mark.parametrize(
    ("takes", "price", "off"),
    [
        ({"percent": 10}, 99_999, 9_999),
        ({"percent": 100}, 150_000, 150_000),
        ({"amount": 25_000}, 150_000, 25_000),
        ({"amount": 200_000}, 150_000, 150_000),
    ],
)
def test_what_is_taken_off_is_whole_rupiah_and_never_more_than_the_price(
    takes: dict[str, Any], price: int, off: int
) -> None:
    assert Coupon("X1", **takes).off(Rupiah(price)) == off


def test_a_coupon_is_shown_from_the_form_to_the_receipt_and_duitku_is_asked_for_the_rest(world: World) -> None:
    world.sell()
    coupon(world)
    form = world.web.get(f"/buy/{OFFER}?coupon=setengah")
    assert "Kupon SETENGAH dipakai: hemat Rp 75.000." in text(form)
    assert "Lanjut bayar Rp 75.000" in text(form)

    public_id = ordered(world, coupon=" setengah ")
    assert "Kupon SETENGAH -Rp 75.000" in text(world.web.get(f"/o/{public_id}/method"))
    page = text(choose(world, public_id))
    assert "Harga Rp 150.000 Kupon SETENGAH -Rp 75.000 Total Rp 75.000" in page
    assert "Jumlah yang harus dibayar Rp 75.000" in page
    payment = payment_of(world, public_id)
    assert (payment.price, payment.discount, payment.payment_amount) == (150_000, 75_000, 75_000)
    world.call_back(world.duitku.pay(payment.merchant_order_id))
    world.work()

    assert payment_of(world, public_id).status == "completed"
    receipt = text(world.web.get(f"/o/{public_id}/receipt"))
    assert "Web Development Fundamentals Rp 150.000 Kupon SETENGAH -Rp 75.000 Total Rp 75.000" in receipt
    (sale,) = world.thinkific.school.external_orders.values()
    assert [each.amount for each in sale.transactions] == [75_000 * 100]
    assert "coupon_used" in told(world, public_id)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"code": "LAIN"}, "Kupon ini tidak dikenal. Periksa lagi kodenya."),
        ({"valid_from": START + timedelta(days=1)}, "Kupon ini belum berlaku."),
        ({"valid_until": START}, "Kupon ini sudah berakhir."),
        ({"offer": "lain"}, "Kupon ini tidak berlaku untuk kelas ini."),
        ({"retired_at": START}, "Kupon ini tidak dikenal. Periksa lagi kodenya."),
        ({"amount": 145_000}, "Kupon ini menyisakan kurang dari Rp 10.000, jumlah terkecil yang bisa dibayar."),
    ],
)
def test_a_coupon_that_cannot_be_used_is_said_in_words_and_loses_nothing(
    embedded: World, values: dict[str, Any], said: str
) -> None:
    embedded.sell()
    coupon(embedded, **values)
    looked = embedded.web.get(f"/buy/{OFFER}?coupon={HALF}&name=Siti")
    answer = order(embedded, coupon=HALF)

    assert (looked.status_code, answer.status_code) == (200, 422)
    for page in (looked, answer):
        assert said in text(page)
        assert "Lanjut bayar Rp 150.000" in text(page)
        assert f'value="{HALF}"' in page.text
    assert all(f'value="{value}"' in answer.text for value in BUYER.values())
    assert all_orders(embedded) == []
    without = embedded.web.post(f"/buy/{OFFER}", data=hidden(answer) | BUYER | {"coupon": ""}, follow_redirects=False)
    assert without.status_code == 303


def test_looking_what_a_coupon_takes_off_makes_no_order_and_keeps_what_was_entered(embedded: World) -> None:
    embedded.sell()
    coupon(embedded)
    page = order(embedded, coupon=HALF, look="1", customer_name="Siti", customer_email="", customer_phone="")

    assert page.status_code == 200
    assert "hemat Rp 75.000" in text(page)
    assert "wajib diisi" not in text(page)
    assert 'value="Siti"' in page.text
    assert all_orders(embedded) == []


def test_the_form_asks_for_a_code_only_where_there_is_one_to_have(embedded: World) -> None:
    embedded.sell()
    assert "Punya kode kupon?" not in text(embedded.web.get(f"/buy/{OFFER}"))
    coupon(embedded, offer="lain")
    assert "Punya kode kupon?" not in text(embedded.web.get(f"/buy/{OFFER}"))
    coupon(embedded, "SEMUA")

    assert "Punya kode kupon?" in text(embedded.web.get(f"/buy/{OFFER}"))


def test_of_two_that_want_the_last_one_at_once_one_wins(world: World) -> None:
    world.sell()
    coupon(world, most=1)
    forms = [hidden(world.web.get(f"/buy/{OFFER}")) for _ in range(4)]

    def send(number: int) -> int:
        entered = forms[number] | BUYER | {"customer_email": buyer(number), "coupon": HALF}
        return world.another_browser().post(f"/buy/{OFFER}", data=entered, follow_redirects=False).status_code

    with ThreadPoolExecutor(4) as four:
        answers = sorted(four.map(send, range(4)))

    assert answers == [303, 422, 422, 422]
    assert used(world) == 1
    assert [made.payment_amount for made in all_orders(world)] == [75_000]
    assert "Kupon ini sudah habis dipakai." in text(world.web.get(f"/buy/{OFFER}?coupon={HALF}"))


def test_one_address_has_it_only_so_often(world: World) -> None:
    world.sell()
    world.sell("Kelas kedua", slug="kedua")
    coupon(world, most_each=1)
    ordered(world, coupon=HALF)
    again = order(world, "kedua", coupon=HALF, customer_email="SITI@example.com")

    assert again.status_code == 422
    assert "Kupon ini sudah pernah dipakai dengan email ini." in text(again)
    assert used(world) == 1
    assert order(world, "kedua", coupon=HALF, customer_email=buyer(1)).status_code == 303


def test_an_order_that_lapses_gives_it_back_and_one_paid_late_is_honoured_at_its_price(world: World) -> None:
    world.sell()
    coupon(world, most=1)
    first = ordered(world, coupon=HALF)
    choose(world, first)
    world.clock.move(days=1, minutes=10)
    world.reconcile()
    assert payment_of(world, first).status == "expired"
    assert used(world) == 0

    ordered(world, coupon=HALF, customer_email=buyer(1))
    world.duitku.switches.expired_payable = True
    world.call_back(world.duitku.pay(payment_of(world, first).merchant_order_id))
    world.work_for(minutes=5)

    late = payment_of(world, first)
    assert (late.status, late.payment_amount, late.attention) == ("completed", 75_000, "paid_late")
    assert used(world) == 2
    assert [line for line in told(world, first) if line.startswith("coupon")] == [
        "coupon_used",
        "coupon_given_back",
        "coupon_taken_again",
    ]


def test_an_unpaid_order_is_taken_up_only_at_the_same_price(world: World) -> None:
    world.sell()
    coupon(world, most=1)
    without = ordered(world)
    with_it = ordered(world, coupon=HALF)

    assert without != with_it
    assert ordered(world, coupon=HALF) == with_it
    assert ordered(world) == without
    assert used(world) == 1


def test_nothing_left_to_pay_enrolls_at_once_and_duitku_never_hears_of_it(world: World) -> None:
    world.sell()
    coupon(world, "GRATIS", percent=100)
    form = text(world.web.get(f"/buy/{OFFER}?coupon=gratis"))
    answer = order(world, coupon="GRATIS")
    public_id = answer.headers["location"].removeprefix("/o/")
    waiting = text(world.web.get(f"/o/{public_id}"))
    world.work()
    ready = text(world.web.get(f"/o/{public_id}"))
    order_id = payment_of(world, public_id).merchant_order_id
    world.web.post(f"/o/{public_id}/check")
    world.clock.move(days=3)
    world.reconcile()
    world.work()

    assert "Daftar gratis" in form
    assert "Pesanan Anda sudah kami terima." in waiting
    assert "Akses siap" in ready
    assert "Pesanan diterima : selesai" in ready
    assert payment_of(world, public_id).status == "completed"
    assert world.enrolled() == [("siti@example.com", "Web Development Fundamentals")]
    assert not world.duitku.calls
    assert world.thinkific.school.external_orders == {}
    assert world.story(order_id)[:3] == ["created", "coupon_used", "paid"]
    assert "Metode Kupon GRATIS" in text(world.web.get(f"/o/{public_id}/receipt"))


def test_a_free_order_sent_twice_at_once_is_one(world: World) -> None:
    world.sell()
    coupon(world, "GRATIS", percent=100)
    form = hidden(world.web.get(f"/buy/{OFFER}")) | BUYER | {"coupon": "GRATIS"}

    def send(_: int) -> str:
        answer = world.web.post(f"/buy/{OFFER}", data=form, follow_redirects=False)
        return f"{answer.status_code} {answer.headers.get('location')}"

    with ThreadPoolExecutor(2) as two:
        answers = set(two.map(send, range(2)))

    (made,) = all_orders(world)
    assert answers == {f"303 /o/{made.public_id}"}
    assert used(world, "GRATIS") == 1


def test_a_front_end_of_ones_own_names_the_coupon(world: World) -> None:
    world.sell()
    coupon(world)
    coupon(world, "GRATIS", percent=100)
    half = world.ask_to_buy(key="a", coupon="setengah")
    free = world.ask_to_buy(key="b", coupon="GRATIS", customer_email=buyer(1))
    again = world.ask_to_buy(key="b", coupon="GRATIS", customer_email=buyer(1))
    wrong = world.ask_to_buy(coupon="LAIN")
    world.work()

    assert (half.status_code, half.json()["amount"], half.json()["discount"]) == (201, 75_000, 75_000)
    assert (free.status_code, free.json()["amount"]) == (201, 0)
    assert free.json()["payment_url"] == free.json()["status_url"]
    assert again.json()["merchant_order_id"] == free.json()["merchant_order_id"]
    assert world.status(free.json()["merchant_order_id"]) == "completed"
    assert (wrong.status_code, wrong.json()["errors"]) == (
        422,
        [{"field": "coupon", "detail": "is not a coupon of ours"}],
    )
    assert used(world, "GRATIS") == 1


def test_a_schools_coupon_is_no_coupon_of_another(two: World) -> None:
    coupon(two)
    coupon(two, "LAIN", percent=10, school=OTHER)
    elsewhere = order(two, OTHER_OFFER, coupon=HALF)

    assert elsewhere.status_code == 422
    assert "Kupon ini tidak dikenal." in text(elsewhere)
    assert order(two, coupon="LAIN").status_code == 422
    assert order(two, OTHER_OFFER, coupon="LAIN").status_code == 303
    assert order(two, coupon=HALF).status_code == 303


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "a b!", "percent": 5}, "code"),
        ({"code": "AB"}, "percent"),
        ({"code": "AB", "percent": 5, "amount": 5}, "percent"),
        ({"code": "AB", "percent": 101}, "percent"),
        ({"code": "AB", "amount": 0}, "amount"),
        ({"code": "AB", "percent": 5, "most": 0}, "most"),
        ({"code": "AB", "percent": 5, "valid_from": START, "valid_until": START}, "valid_until"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_not_kept(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(Coupon(**values))

    assert set(refused.value.fields) == {field}


def test_the_command_line_adds_lists_and_retires_them(embedded: World, shell: Shell) -> None:
    embedded.sell()
    added = shell.json("coupons", "add", "--code", "lebaran25", "--percent", "25", "--most", "10")
    corrected = shell("coupons", "add", "--code", "LEBARAN25", "--amount", "145000", "--offer", OFFER)
    listed = shell.json("coupons", "list")
    table = shell("coupons", "list")
    retired = shell("coupons", "retire", "lebaran25")

    assert (added["code"], added["percent"], added["most"]) == ("LEBARAN25", 25, 10)
    assert corrected.out == "Corrected LEBARAN25, Rp 145.000 off.\n"
    assert "web-fundamentals: it leaves less than Rp 10.000" in corrected.err
    assert [(each["code"], each["amount"], each["percent"]) for each in listed] == [("LEBARAN25", 145_000, None)]
    assert "LEBARAN25  Rp 145.000" in table.lines[1]
    assert retired.out == "Retired LEBARAN25.\n"
    assert shell("coupons", "retire", "nix").code == 1
    assert shell("coupons", "add", "--code", "X1").code == 2
    assert shell("coupons", "add", "--code", "X1", "--percent", "5", "--offer", "nix").code == 1
