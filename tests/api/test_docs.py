"""The page that integrators read tells every route, and needs nobody else for that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.api.matrix import PREFIX, ROUTES

if TYPE_CHECKING:
    from tests.world import World


def test_the_page_tells_every_route_with_its_scope_and_its_faults(embedded: World) -> None:
    page = embedded.web.get("/docs")

    assert page.status_code == 200
    assert all(f"<code>{PREFIX}{route.path}</code>" in page.text for route in ROUTES)
    assert "A key with the scope <code>money</code>" in page.text
    assert "<code>move_refused</code>: The payment is not in a state" in page.text
    assert "&#34;customer_phone&#34;: &#34;0812-3456-7890&#34;" in page.text
    assert set(re.findall(r'href="(#[^"]+)"', page.text)) == {
        f"#{name}" for name in re.findall(r'<article id="([^"]+)"', page.text)
    }


def test_the_page_asks_nobody_else_for_anything(embedded: World) -> None:
    page = embedded.web.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page.text)

    assert all(each.startswith("/") and not each.startswith("//") for each in loaded)
    assert [embedded.web.get(each).status_code for each in loaded] == [200] * len(loaded)
    assert "<script" not in page.text
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
