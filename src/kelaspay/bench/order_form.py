"""Measure 8: the order form as a phone on a slow line gets it: bytes, requests, and how long until it can be used.

Chromium over 400 kbit/s both ways with 400 ms for each round trip, as slow 3G is commonly emulated, with an empty
cache. Usable is when everything that the page asked for is there and the first field takes what is typed.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from kelaspay.bench.figures import Missing, Outcome, absolute
from kelaspay.bench.population import OFFER
from kelaspay.bench.scene import migrated, scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from kelaspay.bench.setting import Setting

LATENCY_MS = 400
BYTES_A_SECOND = 400_000 / 8
MOST_KB, MOST_REQUESTS, LONGEST_SECONDS = 50.0, 4.0, 2.5
PHONE = {"width": 360, "height": 740}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NAME = "the order form"
FIELD = "[name=customer_name]"
LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def measure(setting: Setting) -> Outcome:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - for development only: it may not be installed
    except ImportError:
        return _missing("Playwright is not installed (make setup-all)")
    chromium = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if chromium is None:
        return _missing("Chromium is not installed (Debian: apt-get install chromium)")
    store = setting.stores[0]
    with (
        store.copied(store.template(migrated)) as url,
        scene(store, url, setting.folder) as at,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        visits = [_visit(browser, f"{at.url}/buy/{OFFER}") for _number in range(setting.rounds)]
        browser.close()
    return _outcome(visits, setting)


def _missing(why: str) -> Outcome:
    return Outcome(missing=[Missing(8, NAME, why)])


def _visit(browser: Browser, url: str) -> tuple[float, float, float]:
    """What a first visit took: kB on the wire, requests, and seconds until it can be used."""
    context = browser.new_context(viewport={"width": PHONE["width"], "height": PHONE["height"]}, locale="id-ID")
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    slow = {"offline": False, "latency": LATENCY_MS} | dict.fromkeys(THROUGHPUT, BYTES_A_SECOND)
    line.send("Network.emulateNetworkConditions", slow)
    received: list[float] = []

    def finished(event: dict[str, Any]) -> None:
        received.append(event["encodedDataLength"])

    line.on("Network.loadingFinished", finished)
    page.goto(url, wait_until="load")
    page.fill(FIELD, "Siti Rahmawati")
    page.wait_for_function(f"{LOADED} > 0")
    seconds = float(page.evaluate(LOADED)) / 1000
    context.close()
    return sum(received) / 1000, float(len(received)), seconds


THROUGHPUT = ("downloadThroughput", "uploadThroughput")


def _outcome(visits: list[tuple[float, float, float]], setting: Setting) -> Outcome:
    kilobytes, requests, seconds = ([visit[part] for visit in visits] for part in range(3))
    setting.tell(f"order form: {kilobytes[-1]:.1f} kB, {requests[-1]:.0f} requests, {seconds[-1]:.2f} s")
    return Outcome(
        [
            absolute(8, "order form, on the wire", kilobytes, unit="kB", target=MOST_KB),
            absolute(8, "order form, requests", requests, unit="requests", target=MOST_REQUESTS),
            absolute(8, "order form, usable on slow 3G", seconds, unit="s", target=LONGEST_SECONDS),
        ]
    )
