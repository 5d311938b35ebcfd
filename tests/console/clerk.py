"""An operator in a real browser: the demo with its one-time link, a purchase, every page of the console."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import httpx2
from tests.pages import chromium
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

EMAIL = "operator@example.com"
PASSWORD = "kata sandi yang panjang"
BUYER = {"customer_name": "Budi Santoso", "customer_phone": "0813-2222-3333"}


@dataclass(slots=True)
class Counter:
    """The demo, with what it says on its terminal."""

    url: str
    invitation: str


@contextmanager
def counter() -> Iterator[Counter]:
    """The demo running, with the link by which its operator chooses a password."""
    with NamedTemporaryFile("r") as said, chromium.demo(said=said.name) as url:
        [invitation] = re.findall(r"http\S+/console/invitation/\S+", said.read())
        yield Counter(url, invitation)


def join(page: Page, at: Counter) -> None:
    """Choose the password behind the one-time link."""
    page.goto(at.invitation)
    page.locator("#password").fill(PASSWORD)
    page.locator("main .button").click()
    page.wait_for_url("**/console?said=welcome")


def sign_in(page: Page) -> None:
    page.goto("/console/sign-in")
    page.locator("#email").fill(EMAIL)
    page.locator("#password").fill(PASSWORD)
    page.locator("main .button").click()
    page.locator("#counters").wait_for()


def buy(url: str, email: str, offer: str) -> dict[str, Any]:
    """An order as a front end makes it."""
    wanted = {"offer": offer, "customer_email": email, "payment_method": "BC", **BUYER}
    made = httpx2.post(f"{url}/payment/initiate", json=wanted, timeout=PATIENCE)
    assert made.status_code == 201, made.text
    return dict(made.json())


def pay(page: Page, made: dict[str, Any]) -> None:
    """At the emulated Duitku page."""
    page.goto(made["payment_url"])
    page.locator("button[value=pay]").click()
    page.wait_for_url("**/o/**")


def until(url: str, made: dict[str, Any], status: str) -> None:
    """The payment has come so far."""
    deadline = time.monotonic() + PATIENCE
    address = f"{url}/payment/{made['merchant_order_id']}"
    while (now := httpx2.get(address, timeout=PATIENCE).json()["status"]) != status:
        if time.monotonic() > deadline:
            raise TimeoutError(now)
        time.sleep(0.1)


def unmap(page: Page, slug: str) -> None:
    """Have an offer lead nowhere: no id, and a name that no course has."""
    page.goto(f"/console/catalogue/{slug}")
    page.locator("#name").fill("Kelas yang belum ada")
    page.locator("select[name=target]").select_option("")
    page.locator("form[action^='/console/catalogue/'] .button").click()


def pages(order_id: str, email: str, event: str, slug: str) -> dict[str, str]:
    """Every page that an owner can open, by a name for it."""
    one, person, offer = f"/console/payments/{order_id}", f"/console/customers/{email}", f"/console/catalogue/{slug}"
    return {
        "home": "/console",
        "payments": "/console/payments",
        "needing": "/console/payments?need=not_enrolled",
        "payment": one,
        "mark-paid": f"{one}/mark-paid",
        "refund": f"{one}/refund",
        "enrollments": "/console/enrollments",
        "messages": "/console/messages",
        "message": f"{one}/messages",
        "events": "/console/events",
        "event": event,
        "jobs": "/console/jobs?state=dead",
        "catalogue": "/console/catalogue",
        "offer": offer,
        "retire": f"{offer}/retire",
        "coupons": "/console/coupons",
        "customers": "/console/customers",
        "customer": person,
        "erase": f"{person}/erase",
        "settings": "/console/settings",
        "texts": "/console/settings/texts",
        "text": "/console/settings/texts/order_made/id",
        "text-default": "/console/settings/texts/order_made/id/default",
        "times": "/console/settings/times",
        "audit": "/console/audit",
        "password": "/console/password",
    }
