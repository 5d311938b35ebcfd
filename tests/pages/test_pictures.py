"""What is on sale, described and shown; the picture comes from our own address."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from kelaspay.app import create_app
from kelaspay.dial import Dialer
from tests.pages.browser import text
from tests.world import OFFER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World

PNG = b"\x89PNG\r\n\x1a\n and the rest"
FILES = {
    "/a.png": ("image/png", PNG),
    "/page": ("text/html", b"<script>"),
    "/large.png": ("image/png", b"\0" * 2_000_001),
    "/drawing.svg": ("image/svg+xml", b"<svg/>"),
}


class Keeper(HTTPServer):
    """Keeps pictures, and counts who asks for them."""

    asked = 0


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked += 1
            media_type, content = FILES.get(self.path, ("image/png", b""))
            self.send_response(200 if self.path in FILES else 404)
            self.send_header("Content-Type", media_type)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with Keeper(("127.0.0.1", 0), Page) as there:
        threading.Thread(target=there.serve_forever, args=(0.01,), daemon=True).start()
        yield there
        there.shutdown()


def web(world: World, *, private: bool = True) -> TestClient:
    """A service that may reach this machine's addresses, or as in real life may not."""
    world.outside.dialer = Dialer(private=private, https=False)
    return TestClient(create_app(world.outside, world.inbox, world.engine.start), base_url="https://pay.example.com")


def sell(world: World, keeper: Keeper, path: str) -> None:
    world.offer(
        OFFER, "Python", description="Dari nol.\nSampai mahir.", picture=f"http://127.0.0.1:{keeper.server_port}{path}"
    )


def test_the_picture_is_shown_from_our_own_address_and_fetched_once(embedded: World, keeper: Keeper) -> None:
    sell(embedded, keeper, "/a.png")
    browser = web(embedded)
    form = browser.get(f"/buy/{OFFER}")
    first, second = browser.get(f"/buy/{OFFER}/picture"), browser.get(f"/buy/{OFFER}/picture")

    assert "Dari nol. Sampai mahir." in text(form)
    assert f'src="/buy/{OFFER}/picture"' in form.text
    assert "127.0.0.1" not in form.text
    assert (first.content, first.headers["content-type"]) == (PNG, "image/png")
    assert second.content == PNG
    assert keeper.asked == 1
    assert "Dari nol." in text(browser.get("/"))


@pytest.mark.parametrize("path", ["/page", "/large.png", "/drawing.svg", "/missing.png"])
def test_what_is_no_picture_is_not_passed_on(embedded: World, keeper: Keeper, path: str) -> None:
    sell(embedded, keeper, path)
    browser = web(embedded)

    assert [browser.get(f"/buy/{OFFER}/picture").status_code for _ in range(3)] == [404] * 3
    assert keeper.asked == 1


def test_an_address_that_only_we_can_reach_is_not_asked(embedded: World, keeper: Keeper) -> None:
    sell(embedded, keeper, "/a.png")

    assert web(embedded, private=False).get(f"/buy/{OFFER}/picture").status_code == 404
    assert keeper.asked == 0
