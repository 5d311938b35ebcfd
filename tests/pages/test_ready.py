"""After paying: the way into the course, the receipt; and the seller's buy button."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

import httpx2
from fastapi.testclient import TestClient

from tests.pages.browser import choose, ordered, text
from tests.pages.test_coupons import coupon
from tests.pages.test_paying import payment_of
from tests.pages.test_status import bought
from tests.test_oauth import SITE
from tests.world import OFFER, Hosts, world_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import World


def entrance(world: World, public_id: str) -> str:
    return world.web.get(f"/o/{public_id}/class", follow_redirects=False).headers["location"]


def test_the_way_into_the_course_is_the_schools_own_door(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()

    assert entrance(embedded, public_id).endswith("/enrollments")
    assert "jwt=" not in entrance(embedded, public_id)


def test_only_the_browser_that_ordered_is_signed_in_and_only_into_an_account_that_the_order_made(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world_on(tmp_path, sqlite_url, None, thinkific_sso=True) as world:
        world.sell()
        world.sell("Kelas kedua", slug="kedua")
        first = bought(world)
        world.work()
        stranger = TestClient(world.web.app, base_url="https://pay.example.com")

        assert "/api/sso/v2/sso/jwt?jwt=" in entrance(world, first)
        assert "jwt=" not in stranger.get(f"/o/{first}/class", follow_redirects=False).headers["location"]

        second = ordered(world, "kedua")
        choose(world, second)
        world.call_back(world.duitku.pay(payment_of(world, second).merchant_order_id))
        world.work()

        assert payment_of(world, second).status == "completed"
        assert "jwt=" not in entrance(world, second)


def test_a_clock_of_thinkifics_that_is_a_little_behind_signs_the_buyer_in_all_the_same(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world_on(tmp_path, sqlite_url, None, thinkific_sso=True, thinkific_site_url=SITE) as world:
        world.sell()
        public_id = bought(world)
        world.work()
        world.thinkific.switches.sso_clock_behind_seconds = 45.0

        with httpx2.Client(transport=Hosts(thinkific=world.thinkific), headers={"User-Agent": "browser"}) as browser:
            let_in = browser.get(entrance(world, public_id))

    assert let_in.headers["location"].endswith("/enrollments")
    assert "session" in let_in.headers["set-cookie"]


def test_the_receipt_names_the_buyer_to_the_buyer_alone(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    assert embedded.web.get(f"/o/{public_id}/receipt").status_code == 404
    paid = bought(embedded)
    embedded.work()
    receipt = text(embedded.web.get(f"/o/{paid}/receipt"))
    stranger = TestClient(embedded.web.app, base_url="https://pay.example.com").get(f"/o/{paid}/receipt").text

    for part in ("Rp 150.000", "Siti Rahmawati", "siti@example.com", "BCA Virtual Account", "23 Nov 2026, 09.00 WIB"):
        assert part in receipt
    assert "Siti Rahmawati" not in stranger
    assert "siti@example.com" not in stranger


def pdf_text(raw: bytes) -> str:
    """The words of a PDF that fpdf2 made: its streams are deflated, its strings in brackets."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", raw, flags=re.DOTALL)
    drawn = b" ".join(zlib.decompress(each) for each in streams if each[:1] == b"x")
    said = b" ".join(re.findall(rb"\(((?:[^()\\]|\\.)*)\) ?Tj", drawn)).decode("latin-1")
    return re.sub(r"\\(.)", r"\1", said)


def test_the_receipt_can_be_kept_as_a_pdf_with_all_that_stands_on_the_page(embedded: World) -> None:
    embedded.duitku.switches.fees_to_buyer = True
    embedded.sell(
        "Belajar “Python” \N{EN DASH} 日本 dari Dasar, dan sebuah nama yang begitu panjang sehingga tidak muat"
    )
    coupon(embedded)
    public_id = ordered(embedded, coupon="SETENGAH")
    page = text(choose(embedded, public_id))
    assert "Jumlah yang harus dibayar Rp 79.000" in page
    assert "Termasuk biaya metode Rp 4.000." in page
    assert embedded.web.get(f"/o/{public_id}/receipt.pdf").status_code == 404
    embedded.call_back(embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id))
    embedded.work()
    answer = embedded.web.get(f"/o/{public_id}/receipt.pdf")
    said = pdf_text(answer.content)
    payment = payment_of(embedded, public_id)

    assert answer.headers["content-type"] == "application/pdf"
    assert f'filename="kuitansi-{payment.merchant_order_id}.pdf"' in answer.headers["content-disposition"]
    for part in (
        payment.merchant_order_id,
        str(payment.reference),
        "Siti Rahmawati",
        "siti@example.com",
        "BCA Virtual Account",
        "23 Nov 2026, 09.00 WIB",
        'Belajar "Python" - ??',
        "Rp 150.000",
        "Kupon SETENGAH",
        "-Rp 75.000",
        "Rp 4.000",
        "Rp 79.000",
    ):
        assert part in said, said
    stranger = pdf_text(embedded.another_browser().get(f"/o/{public_id}/receipt.pdf").content)
    assert "si**@example.com" in stranger
    assert "Siti" not in stranger
    assert "Receipt" in pdf_text(embedded.web.get(f"/o/{public_id}/receipt.pdf?lang=en").content)


def test_a_name_in_other_letters_stands_in_the_pdf_as_it_is_written(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded, customer_name="Łukasz Дмитриев")
    choose(embedded, public_id)
    embedded.call_back(embedded.duitku.pay(payment_of(embedded, public_id).merchant_order_id))
    embedded.work()

    raw = embedded.web.get(f"/o/{public_id}/receipt.pdf").content

    maps = raw.decode("latin-1").upper()
    assert b"DejaVuSans" in raw
    assert [letter for letter in "ŁДмитрев" if f"<{ord(letter):04X}>" not in maps] == []
    assert len(raw) < 60_000


def test_the_buy_button_is_ready_to_be_copied(embedded: World) -> None:
    embedded.sell()
    page = text(embedded.web.get(f"/buy/{OFFER}/button"))

    assert f"https://pay.example.com/buy/{OFFER}" in page
    assert "data-kelaspay-checkout" in page
    assert embedded.web.get("/static/buy.js").headers["content-type"].startswith("text/javascript")
    assert embedded.web.get("/buy/unknown/button").status_code == 404
