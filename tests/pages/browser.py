"""A buyer's browser without script: forms are filled in and sent as they stand on the page."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

    from tests.world import World

BUYER = {"customer_name": "Siti Rahmawati", "customer_email": "siti@example.com", "customer_phone": "0812-3456-7890"}


def text(answer: httpx2.Response) -> str:
    """What can be read on the page, on one line."""
    body = re.sub(r"<(style|script|noscript)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def hidden(answer: httpx2.Response) -> dict[str, str]:
    """The hidden fields of the page's forms."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    return {name: unescape(value) for name, value in found}


def order(world: World, slug: str = "web-fundamentals", **entered: str) -> httpx2.Response:
    """The order form, opened, filled in and sent; where it leads is not followed."""
    form = world.web.get(f"/buy/{slug}")
    return world.web.post(f"/buy/{slug}", data=hidden(form) | BUYER | entered, follow_redirects=False)


def ordered(world: World, slug: str = "web-fundamentals", **entered: str) -> str:
    """The public id of an order made by the form."""
    answer = order(world, slug, **entered)
    assert answer.status_code == 303, text(answer)
    return urlsplit(answer.headers["location"]).path.split("/")[2]


def choose(world: World, public_id: str, method: str = "BC") -> httpx2.Response:
    """The page that follows the choice of a method."""
    return world.web.post(f"/o/{public_id}/method", data={"payment_method": method})
