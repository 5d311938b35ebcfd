"""Pictures of the buyer's pages, and of the operator's, for the documentation: `make screenshots`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.console import screenshots as console
from tests.pages import chromium
from tests.pages.chromium import DESK, PHONE, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
BUYER = {"customer_name": "Rina Wulandari", "customer_phone": "0812 3456 7890"}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with chromium.demo() as url, chromium.running() as browser:
        for language in ("id", "en"):
            for name, size in (("phone", PHONE), ("desk", DESK)):
                picture(browser, url, language, size, folder, name)
        console.take(browser, folder)


def picture(browser: Browser, url: str, language: str, size: dict[str, int], folder: Path, name: str) -> None:
    """One buyer's journey, a picture of each page."""

    def take(what: str, *, whole: bool = True) -> None:
        page.screenshot(path=folder / f"{what}-{language}-{name}.png", full_page=whole)

    with visit(browser, url, size=size) as page:
        page.goto(f"/?lang={language}")
        take("shop")
        page.goto("/buy/python-dasar")
        fill(page, f"rina.{language}.{name}@gmial.com")
        page.locator("[data-typo]").wait_for()
        take("order")
        page.locator("#customer_email").fill(f"rina.{language}.{name}@example.com")
        send(page)
        page.wait_for_url("**/method")
        page.locator("input[value=BC]").check()
        take("method", whole=False)  # its last line stays in sight while one scrolls
        choose(page, "BC", ".pay")
        take("pay-va")
        choose(page, "SQ", ".qr")
        take("pay-qris")
        choose(page, "BC", "[data-number]")
        pay(page)
        page.locator(".head.completed").wait_for()
        take("ready")


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
