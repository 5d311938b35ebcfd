"""The whole journey in a real Chromium, with script and without, and what axe says of every page."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.pages import chromium, screenshots
from tests.pages.chromium import visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import APIResponse, Browser, Page, Request, Route

pytestmark = pytest.mark.browser

AXE = Axe().axe_script
READY = "Akses siap"
WEB = "/buy/web-fundamentals"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.running() as made:
        yield made


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo prints."""
    return tmp_path_factory.mktemp("demo") / "printed"


@pytest.fixture(scope="module")
def shop(printed: Path) -> Iterator[str]:
    with chromium.demo(said=str(printed)) as url:
        yield url


def fill(page: Page, email: str) -> None:
    page.get_by_label("Nama lengkap").fill("Rina Wulandari")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Nomor WhatsApp").fill("0812 3456 7890")
    page.get_by_role("button", name="Lanjut bayar Rp 150.000").click()


def choose(page: Page, method: str) -> None:
    page.get_by_label(method).check()
    page.get_by_role("button", name="Lanjut ke pembayaran").click()


def pay(page: Page) -> None:
    """At the emulated Duitku page, in a window of its own."""
    address = page.get_by_role("link", name="Buka halaman Duitku").get_attribute("href")
    there = page.context.new_page()
    there.goto(address or "")
    there.get_by_role("button", name="Bayar", exact=True).click()
    there.wait_for_url("**/o/**")
    there.close()


def fits(page: Page) -> bool:
    """Nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_demo_says_in_true_words_how_its_first_payment_is_paid(browser: Browser, shop: str, printed: Path) -> None:
    said = printed.read_text()
    links = dict(re.findall(r"^  (.*?)  +(http\S+)$", said, re.MULTILINE))
    how = next(line for line in said.splitlines() if line.startswith("Open "))
    opened, pressed = re.findall(r'"(.*?)"', how)

    with visit(browser, shop) as page:
        page.goto(links[opened])
        expect(page.get_by_role("heading", name="Pilih metode pembayaran")).to_be_visible()
        assert "choose a method" in how
        page.locator("[value=BC]").first.click()
        expect(page.get_by_role("button", name=pressed, exact=True)).to_be_visible()


def test_the_whole_journey_on_a_phone_ends_in_the_course_without_reloading(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto("/")
        page.get_by_role("link", name="Beli sekarang: Web Development Fundamentals").click()
        assert fits(page)
        fill(page, "rina@example.com")
        expect(page.get_by_role("heading", name="Pilih metode pembayaran")).to_be_visible()
        assert fits(page)
        choose(page, "BCA Virtual Account")
        expect(page.get_by_role("heading", name="Menunggu pembayaran")).to_be_visible()
        assert fits(page)
        number = page.locator("[data-number]").inner_text()
        page.get_by_role("button", name="Salin nomor", exact=True).click()
        expect(page.get_by_text("Tersalin")).to_be_visible()

        assert number.count(" ") == 3
        assert page.evaluate("navigator.clipboard.readText()") == number.replace(" ", "")
        assert page.get_by_role("timer").inner_text().startswith("23:5")

        page.evaluate("window.stillHere = true")
        pay(page)
        expect(page.get_by_role("heading", name=READY)).to_be_visible()

        assert page.evaluate("window.stillHere") is True
        assert fits(page)
        expect(page.get_by_role("link", name="Masuk ke kelas")).to_be_visible()
        expect(page.locator(".steps .done")).to_have_count(4)


def test_the_whole_journey_works_without_script(browser: Browser, shop: str) -> None:
    with visit(browser, shop, script=False) as page:
        page.goto(WEB)
        fill(page, "tanpa@example.com")
        choose(page, "BNI Virtual Account")
        expect(page.get_by_role("heading", name="Menunggu pembayaran")).to_be_visible()
        expect(page.get_by_role("button", name="Salin")).to_have_count(0)
        pay(page)

        expect(page.get_by_role("heading", name=READY)).to_be_visible()
        expect(page.get_by_role("link", name="Masuk ke kelas")).to_be_visible()


def test_without_server_sent_events_the_page_asks_again_by_itself(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.add_init_script("delete window.EventSource")
        page.goto(WEB)
        fill(page, "polling@example.com")
        choose(page, "Mandiri Virtual Account")
        page.evaluate("window.stillHere = true")
        pay(page)
        page.bring_to_front()

        expect(page.get_by_role("heading", name=READY)).to_be_visible()
        assert page.evaluate("window.stillHere") is True


def renewing(request: Request) -> bool:
    """Whether a page asks for itself anew, having heard that something has changed."""
    return request.resource_type == "fetch" and request.url.split("/")[-2] == "o"


def test_a_page_whose_last_change_did_not_get_through_asks_again_by_itself(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        asked: list[Request] = []
        page.on("request", lambda request: asked.append(request) if request.url.endswith("/state") else None)
        page.route("**/o/*", lambda way: way.continue_() if asked or not renewing(way.request) else way.abort())
        page.goto(WEB)
        fill(page, "terlewat@example.com")
        choose(page, "BCA Virtual Account")
        pay(page)

        expect(page.get_by_role("heading", name=READY)).to_be_visible()


def test_a_page_whose_stream_is_held_back_on_the_way_asks_by_itself(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        held: list[Route] = []
        page.route("**/o/*/events", lambda way: held.append(way))  # noqa: PLW0108 - it takes a function of Python
        page.goto(WEB)
        fill(page, "tertahan@example.com")
        choose(page, "BCA Virtual Account")
        pay(page)
        page.bring_to_front()

        expect(page.get_by_role("heading", name=READY)).to_be_visible()
        assert len(held) == 1


def test_an_answer_that_was_overtaken_does_not_put_an_order_back(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        late: list[tuple[Route, APIResponse]] = []

        def hold(way: Route) -> None:
            if renewing(way.request) and not late:
                late.append((way, way.fetch()))
            else:
                way.continue_()

        page.route("**/o/*", hold)
        page.goto(WEB)
        fill(page, "menyalip@example.com")
        choose(page, "BCA Virtual Account")
        expect(page.get_by_role("heading", name="Menunggu pembayaran")).to_be_visible()
        other = page.context.new_page()
        other.goto(f"{page.url}/method")
        with page.expect_request(renewing):
            choose(other, "BNI Virtual Account")
        pay(other)
        expect(page.locator("main[data-final]")).to_be_visible()
        [(way, answer)] = late
        with page.expect_event("requestfinished", renewing):
            way.fulfill(response=answer)
        page.evaluate("fetch('/').then((answer) => answer.text())")

        assert page.get_by_role("heading", name=READY).is_visible()


def test_a_slip_is_suggested_while_typing_and_taken_with_one_tap(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.goto(WEB)
        page.get_by_label("Email").fill("rina@gmial.com")
        page.get_by_label("Nomor WhatsApp").focus()
        expect(page.get_by_text("Maksud Anda rina@gmail.com?")).to_be_visible()
        page.get_by_role("button", name="Ya, pakai email itu").click()

        expect(page.get_by_label("Email")).to_have_value("rina@gmail.com")


def test_the_total_follows_the_chosen_method_and_qris_is_shown(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.goto(WEB)
        fill(page, "qris@example.com")
        choose(page, "QRIS Nusapay")
        picture = page.get_by_alt_text("Kode QRIS untuk pembayaran ini")
        expect(picture).to_be_visible()

        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth > 0")
        box = picture.bounding_box()
        assert box is not None
        assert box["width"] >= 240
        with page.expect_download() as download:
            page.get_by_role("link", name="Unduh QR").click()
        assert download.value.suggested_filename.endswith(".png")


def test_the_keyboard_alone_is_enough(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.goto(WEB)
        page.get_by_label("Nama lengkap").focus()
        for entered in ("Rina Wulandari", "keyboard@example.com"):
            page.keyboard.type(entered)
            page.keyboard.press("Tab")
        page.keyboard.type("081234567890")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Pilih metode pembayaran")).to_be_visible()
        page.get_by_label("BCA Virtual Account").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="Menunggu pembayaran")).to_be_visible()


def test_a_coupon_is_tried_in_place_and_nothing_that_was_entered_is_lost(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.goto(WEB)
        page.get_by_label("Nama lengkap").fill("Rina Wulandari")
        page.evaluate("window.stillHere = true")
        page.get_by_text("Punya kode kupon?").click()
        for typed, said, total in (
            ("SALAH", "Kupon ini tidak dikenal.", "Rp 150.000"),
            ("belajar20", "Kupon BELAJAR20 dipakai: hemat Rp 30.000.", "Rp 120.000"),
        ):
            page.get_by_label("Kode kupon").fill(typed)
            page.get_by_role("button", name="Pakai", exact=True).click()
            expect(page.get_by_text(said)).to_be_visible()
            expect(page.get_by_role("button", name=f"Lanjut bayar {total}")).to_be_visible()
            assert fits(page)

        assert page.evaluate("window.stillHere") is True
        expect(page.get_by_label("Nama lengkap")).to_have_value("Rina Wulandari")
        page.get_by_label("Email").fill("kupon@example.com")
        page.get_by_label("Nomor WhatsApp").fill("081234567890")
        page.get_by_role("button", name="Lanjut bayar Rp 120.000").click()
        choose(page, "BCA Virtual Account")
        expect(page.get_by_text("Jumlah yang harus dibayar")).to_be_visible()
        expect(page.locator(".pay .price")).to_have_text("Rp 120.000")


def test_orders_are_found_again_in_another_browser_by_a_code(browser: Browser, shop: str) -> None:
    with visit(browser, shop) as page:
        page.goto(WEB)
        fill(page, "lagi@example.com")
        choose(page, "BCA Virtual Account")
    with visit(browser, shop, script=False) as page:
        screenshots.sign_in(page, shop, "lagi@example.com")
        expect(page.get_by_role("heading", name="Pesanan saya")).to_be_visible()
        assert fits(page)
        page.get_by_role("link", name="Lanjutkan pembayaran").click()
        expect(page.get_by_role("heading", name="Menunggu pembayaran")).to_be_visible()


def test_the_first_load_of_the_order_form_is_small_over_the_wire_and_asks_nobody_else(
    browser: Browser, shop: str
) -> None:
    with visit(browser, shop) as page:
        wire = page.context.new_cdp_session(page)
        loaded: list[float] = []
        asked: list[str] = []
        wire.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
        wire.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
        wire.send("Network.enable")
        page.goto(WEB, wait_until="networkidle")

        assert len(loaded) == len(asked) >= 3
        assert sum(loaded) < 50_000
        assert {urlsplit(url).netloc for url in asked} == {urlsplit(shop).netloc}


@pytest.fixture(scope="module")
def elsewhere(shop: str) -> Iterator[str]:
    """A page of somebody else's, on another origin, with the buy button pasted in as the seller copied it."""
    button = (
        f'<!doctype html><title>Sekolah</title><a href="{shop}/buy/web-fundamentals" data-kelaspay-checkout>Beli</a>'
        f'<script src="{shop}/static/buy.js" async></script><ol id="told"></ol><script>'
        'for (const what of ["loaded", "success", "close"]) addEventListener("kelaspay:" + what, () => {'
        'const line = document.createElement("li"); line.textContent = what; told.append(line); });</script>'
    )

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(button.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def buy_in_the_frame(page: Page, email: str) -> str:
    """Buy in the order form that lies over the page; returned is the order's address, of which all has been told."""
    page.get_by_role("link", name="Beli").click()
    frame = page.frame_locator("dialog iframe")
    frame.get_by_label("Nama lengkap").fill("Rina Wulandari")
    frame.get_by_label("Email").fill(email)
    frame.get_by_label("Nomor WhatsApp").fill("081234567890")
    frame.get_by_role("button", name="Lanjut bayar").click()
    frame.get_by_label("BCA Virtual Account").check()
    frame.get_by_role("button", name="Lanjut ke pembayaran").click()
    address = frame.get_by_role("link", name="Buka halaman Duitku").get_attribute("href")
    there = page.context.new_page()
    there.goto(address or "")
    there.get_by_role("button", name="Bayar", exact=True).click()
    there.wait_for_url("**/o/**")
    there.close()
    expect(frame.get_by_role("heading", name=READY)).to_be_visible()
    expect(frame.locator("main[data-final]")).to_be_visible()
    return page.frames[-1].url


def test_the_buy_button_opens_the_order_form_over_a_page_of_another_origin(browser: Browser, elsewhere: str) -> None:
    with visit(browser, elsewhere) as page:
        page.goto("/")
        page.wait_for_load_state("networkidle")
        buy_in_the_frame(page, "bingkai@example.com")
        page.get_by_role("button", name="Tutup").click()
        expect(page.locator("dialog")).to_have_count(0)

        told = page.locator("#told li").all_inner_texts()
        assert told[0] == "loaded"
        assert told[-2:] == ["success", "close"]
        assert told.count("success") == 1
        assert page.url == f"{elsewhere}/"


def test_who_comes_back_into_the_frame_having_paid_is_told_of_as_well_but_once(
    browser: Browser, elsewhere: str
) -> None:
    with visit(browser, elsewhere) as page:
        page.goto("/")
        page.wait_for_load_state("networkidle")
        order = buy_in_the_frame(page, "kembali@example.com")
        page.get_by_role("button", name="Tutup").click()

        page.get_by_role("link", name="Beli").click()
        page.locator("dialog iframe").evaluate("(frame, order) => { frame.src = order }", order)
        expect(page.locator("#told li").last).to_have_text("success")
        page.frames[-1].evaluate("location.reload()")

        expect(page.locator("#told li").last).to_have_text("loaded")
        expect(page.locator("#told").get_by_text("success")).to_have_count(2)


def serious(page: Page) -> list[Any]:
    """What axe finds. Its own way of running hands over all that is in order too, which takes longer than to look."""
    page.evaluate(f"{AXE}; null")
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then((told) => told.violations)")
    return [
        (page.url, each["id"], [node["html"][:120] for node in each["nodes"]])
        for each in found
        if each["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize(("lang", "size"), [("id", chromium.PHONE), ("en", chromium.DESK)], ids=["id-phone", "en-desk"])
def test_axe_finds_nothing_serious_on_any_page(browser: Browser, shop: str, lang: str, size: dict[str, int]) -> None:
    with visit(browser, shop, size=size) as page:
        found: list[Any] = []

        def look(path: str | None = None) -> None:
            if path is not None:
                page.goto(path)
            found.extend(serious(page))
            assert fits(page), page.url

        email = f"axe{lang}{size['width']}@example.com"
        look(f"/?lang={lang}")
        page.goto(WEB)
        screenshots.send(page)
        page.locator("#customer_email-wrong").wait_for()
        look()
        screenshots.fill(page, email)
        screenshots.send(page)
        page.wait_for_url("**/method")
        look()
        order = page.url.removesuffix("/method")
        for method, what in (("OV", "[data-push]"), ("SQ", ".qr"), ("BC", "[data-number]")):
            screenshots.choose(page, method, what)
            look()
        look(f"{order}/email")
        page.goto(order)
        screenshots.pay(page)
        page.locator(".head.completed").wait_for()
        look()
        for path in (
            f"{order}/receipt",
            "/mails",
            f"{WEB}/button",
            "/buy/nix",
            f"{WEB}?coupon=belajar20",
            f"{WEB}?coupon=X",
        ):
            look(path)
        screenshots.sign_in(page, shop, email, seen=look)
        look()

        assert found == []
