"""Pictures of the operator's pages for the documentation; `make screenshots` takes them with the buyer's."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from tests.console import clerk
from tests.pages import chromium
from tests.pages.chromium import DESK, PHONE, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from tests.console.clerk import Counter

WIDE = ("home", "payments", "needing", "payment", "payment-done", "settings")
"""What is shown at a desk as well: the repository keeps every picture for ever."""
SHOWN = ("python-dasar", "web-fundamentals", "python-dasar")


def take(browser: Browser, folder: Path) -> None:
    """A picture of every page, in both languages, on a phone and at a desk."""
    with clerk.counter() as at, visit(browser, at.url, size=DESK) as page:
        clerk.join(page, at)
        paths = furnish(page, at)
        page.context.clear_cookies(name="kelaspay_language")
        for language in ("id", "en"):
            page.goto(f"/console/language/{language}")
            for size, name in ((PHONE, "phone"), (DESK, "desk")):
                page.set_viewport_size({"width": size["width"], "height": size["height"]})
                for what, path in paths.items():
                    page.goto(path)
                    if name == "phone" or what in WIDE:
                        drawn = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                        drawn.quantize(64).save(folder / f"console-{what}-{language}-{name}.png", optimize=True)


def furnish(page: Page, at: Counter) -> dict[str, str]:
    """Some sales, one of which got stuck; returned is which pages to show."""
    for number, slug in enumerate(SHOWN):
        made = clerk.buy(at.url, f"pembeli{number}@example.com", slug)
        clerk.pay(page, made)
        clerk.until(at.url, made, "completed")
    clerk.unmap(page, "fotografi-produk")
    stuck = clerk.buy(at.url, "budi@example.com", "fotografi-produk")
    clerk.pay(page, stuck)
    clerk.until(at.url, stuck, "review")
    clerk.buy(at.url, "belum.bayar@example.com", "web-fundamentals")
    page.goto("/console/events")
    event = page.locator("tbody a[href^='/console/events/']").first.get_attribute("href") or ""
    paths = clerk.pages(stuck["merchant_order_id"], "budi@example.com", event, "python-dasar")
    return paths | {"payment-done": f"/console/payments/{made['merchant_order_id']}"}


if __name__ == "__main__":
    with chromium.running() as browser:
        take(browser, Path(sys.argv[1]))
