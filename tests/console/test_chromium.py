"""The console in a real Chromium: the one question it answers, with script and without, and what axe says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.console import clerk
from tests.pages import chromium
from tests.pages.chromium import DESK, PHONE, visit
from tests.pages.test_chromium import fits, serious

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from tests.console.clerk import Counter

pytestmark = pytest.mark.browser

COURSE = "Fotografi Produk dengan Ponsel"
SLUG = "fotografi-produk"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.running() as made:
        yield made


@pytest.fixture(scope="module")
def at(browser: Browser) -> Iterator[Counter]:
    """The demo, whose operator has chosen a password."""
    with clerk.counter() as at:
        with visit(browser, at.url) as page:
            clerk.join(page, at)
        yield at


def map_again(page: Page) -> None:
    page.get_by_role("link", name="Periksa kursus penawaran ini").click()
    page.get_by_label("Nama yang dilihat pembeli").fill(COURSE)
    page.get_by_label("Kursus atau paket di Thinkific").select_option(label=f"{COURSE} (Kursus)")
    page.get_by_role("button", name="Simpan").click()
    expect(page.get_by_role("status")).to_contain_text("Penawaran diubah")


@pytest.mark.parametrize("script", [True, False], ids=["script", "without"])
def test_who_paid_and_is_not_in_the_course_is_found_from_home_understood_and_mended(
    browser: Browser, at: Counter, *, script: bool
) -> None:
    with visit(browser, at.url, size=DESK if script else PHONE, script=script) as page:
        clerk.sign_in(page)
        clerk.unmap(page, SLUG)
        made = clerk.buy(at.url, f"budi{script}@example.com", SLUG)
        clerk.pay(page, made)
        page.goto("/console")
        needing = page.get_by_role("link", name="Dibayar, belum terdaftar")
        if not script:
            clerk.until(at.url, made, "review")
            page.reload()
        expect(needing).to_contain_text("1")
        assert fits(page)

        needing.click()
        page.get_by_role("link", name=made["merchant_order_id"]).click()
        expect(page.get_by_role("heading", name="Penawaran belum terhubung ke kursus")).to_be_visible()
        assert fits(page)
        map_again(page)
        page.goto(f"/console/payments/{made['merchant_order_id']}")
        page.get_by_role("button", name="Coba daftarkan lagi").click()
        if not script:
            clerk.until(at.url, made, "completed")
            page.reload()

        expect(page.locator("#state")).to_contain_text("Terdaftar")
        expect(page.locator("#lines")).to_contain_text("Terdaftar di kursus")


@pytest.mark.parametrize(("language", "size"), [("id", PHONE), ("en", DESK)], ids=["phone", "desk"])
def test_axe_finds_nothing_serious_on_any_page_of_the_console_and_nothing_sticks_out(
    browser: Browser, at: Counter, language: str, size: dict[str, int]
) -> None:
    with visit(browser, at.url, size=size) as page:
        page.goto(f"/console/language/{language}")
        found = serious(page)
        clerk.sign_in(page)
        made = clerk.buy(at.url, "siti@example.com", "python-dasar")
        clerk.pay(page, made)
        page.goto("/console/events")
        event = page.locator("tbody a[href^='/console/events/']").first.get_attribute("href") or ""
        wide = []
        for path in clerk.pages(made["merchant_order_id"], "siti@example.com", event, SLUG).values():
            page.goto(path)
            assert not re.search("500|404", page.title()), path
            found += serious(page) if size == PHONE else []  # no rule of its depends on the width alone
            wide += [] if fits(page) else [path]

        assert found == []
        assert wide == []


@pytest.mark.parametrize("width", [360, 1100, 1280])
def test_the_whole_menu_is_at_hand_at_every_width_and_without_script(browser: Browser, at: Counter, width: int) -> None:
    with visit(browser, at.url, size={"width": width, "height": 740}, script=False) as page:
        page.goto("/console/language/id")
        clerk.sign_in(page)
        menu = page.get_by_role("button", name="Menu")
        assert menu.is_visible() == (width < 1152)
        if menu.is_visible():
            menu.click()
        last = page.get_by_role("navigation").get_by_role("link", name="Jejak audit")
        expect(last).to_be_in_viewport(ratio=1)

        header = page.locator("header").bounding_box()
        assert header is not None
        assert header["height"] < 110
        last.click()
        expect(page.get_by_role("heading", name="Jejak audit")).to_be_visible()
