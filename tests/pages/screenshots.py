"""Pictures of the buyer's pages, and of the operator's, for the documentation: `make screenshots`."""

from __future__ import annotations

import io
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from PIL import Image

from tests.console import screenshots as console
from tests.pages import chromium
from tests.pages.chromium import DESK, PHONE, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
WIDE = {"shop", "order", "method", "pay-va", "ready"}
"""Pages that are taken on a desk too."""
BUYER = {"customer_name": "Rina Wulandari", "customer_phone": "0812 3456 7890"}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with chromium.demo() as url, chromium.running() as browser:
        for language in ("id", "en"):
            for name, size in (("phone", PHONE), ("desk", DESK)):
                with visit(browser, url, size=size) as page:
                    album = Album(page, folder, language, name)
                    order(album, language)
                    watch(album)
                    afterwards(album, url)
        console.take(browser, folder)


class Album:
    """One buyer's journey in one language on one size of screen, a picture of each page."""

    def __init__(self, page: Page, folder: Path, language: str, size: str) -> None:
        self.page = page
        self.email = f"rina.{language}.{size}@example.com"
        self._where = folder, f"{language}-{size}"
        self._only = None if size == "phone" else WIDE

    def take(self, what: str, *, whole: bool = True) -> None:
        """In few colours: a page has no more, and the repository keeps every picture for ever."""
        if self._only is not None and what not in self._only:
            return
        folder, how = self._where
        drawn = Image.open(io.BytesIO(self.page.screenshot(full_page=whole)))
        drawn.quantize(64).save(folder / f"{what}-{how}.png", optimize=True)


def order(album: Album, language: str) -> None:
    page = album.page
    page.goto(f"/?lang={language}")
    album.take("shop")
    page.goto("/buy/python-dasar?coupon=BELAJAR20")
    fill(page, album.email.replace("example", "gmial"))
    page.locator("[data-typo]").wait_for()
    album.take("order")
    page.locator("#customer_email").fill(album.email)
    send(page)
    page.wait_for_url("**/method")
    page.locator("input[value=BC]").check()
    album.take("method", whole=False)  # its last line stays in sight while one scrolls


def watch(album: Album) -> None:
    page = album.page
    for method, shown, what in (("BC", ".pay", "va"), ("SQ", ".qr", "qris"), ("OV", "[data-push]", "ovo")):
        choose(page, method, shown)
        album.take(f"pay-{what}")
    choose(page, "BC", "[data-number]")
    made = page.url
    page.goto(f"{made}/email")
    album.take("email")
    page.goto(made)
    pay(page)
    page.locator(".head.completed").wait_for()
    album.take("ready")
    page.goto(f"{made}/receipt")
    album.take("receipt")


def afterwards(album: Album, url: str) -> None:
    page = album.page
    page.goto("/me")
    album.take("me")
    sign_in(page, url, album.email, seen=lambda: album.take("me-code"))
    album.take("me-orders")
    for path, what in (("/buy/python-dasar/button", "button"), ("/mails", "mails"), ("/buy/unknown", "not-found")):
        page.goto(path)
        album.take(what, whole=what != "mails")


def sign_in(page: Page, url: str, email: str, *, seen: Callable[[], object] = lambda: None) -> None:
    """Prove an address with the code from the newest letter; `seen` looks at the page that asks for it."""
    page.goto("/me")
    page.locator("#email").fill(email)
    page.locator("main form .button").first.click()
    page.locator("#code").wait_for()
    seen()
    page.locator("#code").fill(_code(url))
    page.locator("main form .button").first.click()
    page.locator("main article").first.wait_for()


def _code(url: str) -> str:
    """From the letters that the demo keeps, once the newest is made."""
    for _ in range(100):
        letters = httpx2.get(f"{url}/mails").text
        newest = re.search(r"/mails/(\d+)", letters)
        letter = httpx2.get(f"{url}/mails/{newest[1]}").text if newest else ""
        if found := re.search(r"\b(\d{6})\b</p>", letter):
            return found[1]
        time.sleep(0.1)
    raise LookupError("no code came")


def choose(page: Page, method: str, shown: str) -> None:
    if not page.url.endswith("/method"):
        page.goto(f"{page.url}/method")
    page.locator(f"input[value={method}]").check()
    send(page)
    page.locator(shown).wait_for()


def pay(page: Page) -> None:
    """At the emulated Duitku page."""
    there = page.context.new_page()
    there.goto(page.locator(".pay a[target=_top]").first.get_attribute("href") or "")
    there.locator("button[value=pay]").click()
    there.wait_for_url("**/o/**")
    there.close()


def fill(page: Page, email: str) -> None:
    for field, value in BUYER.items():
        page.locator(f"#{field}").fill(value)
    page.locator("#customer_email").fill(email)
    page.locator("#customer_name").focus()


def send(page: Page) -> None:
    page.locator("main form .button").last.click()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
