"""What a browser is told and what it may do: headers on every answer, cookies, addresses that lead nowhere strange."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from kelaspay.web.server import web_config
from tests.world import WANTED, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.world import World

SHOP = "https://www.toko-ani.example"
PAGES = ("/", "/buy/web-fundamentals", "/courses", "/docs", "/openapi.json", "/healthz", "/console/sign-in", "/nowhere")
STRANGE_HOST = "evil.example"


@pytest.fixture
def shop(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A service that a shop's own site embeds."""
    with world_on(tmp_path, sqlite_url, None, embed_origins=f"{SHOP}, https://*.kursus.example") as made:
        made.sell()
        yield made


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/static/buy.js", "/webhooks/duitku"])
def test_every_answer_says_what_a_browser_may_not_do(shop: World, path: str) -> None:
    headers = shop.web.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "geolocation=()" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "'unsafe-inline'" not in next((each for each in policy.split("; ") if each.startswith("script-src")), "")


def test_no_page_has_script_or_style_of_its_own(shop: World) -> None:
    order_id = shop.buy()
    public_id = shop.payment(order_id).public_id
    for path in ("/", "/buy/web-fundamentals", f"/o/{public_id}", f"/o/{public_id}/method", "/console/sign-in"):
        page = shop.web.get(path)

        assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]
        assert re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page.text) is None, path


def test_only_the_schools_own_sites_may_show_the_form_in_a_frame(shop: World) -> None:
    [form] = re.findall(
        r"frame-ancestors ([^;]*)", shop.web.get("/buy/web-fundamentals").headers["Content-Security-Policy"]
    )
    [console] = re.findall(
        r"frame-ancestors ([^;]*)", shop.web.get("/console/sign-in").headers["Content-Security-Policy"]
    )

    assert form.split() == ["'self'", "https://kelas.thinkific.com", SHOP, "https://*.kursus.example"]
    assert console == "'none'"


def test_no_personal_page_is_kept_by_anything_in_between(shop: World) -> None:
    public_id = shop.payment(shop.buy()).public_id
    for path in (f"/o/{public_id}", f"/o/{public_id}/state", "/me", "/console/sign-in", "/payment/x"):
        assert shop.web.get(path).headers["Cache-Control"] == "no-store", path


def test_cookies_are_this_hosts_alone_and_out_of_reach_of_script(shop: World) -> None:
    form = {**{name: WANTED[name] for name in ("customer_name", "customer_email", "customer_phone")}, "key": "k"}
    given = [
        shop.web.post("/buy/web-fundamentals", data=form, follow_redirects=False).headers["set-cookie"],
        shop.web.get("/console/sign-in").headers["set-cookie"],
    ]

    for cookie in given:
        assert cookie.startswith("__Host-")
        assert {"HttpOnly", "Secure", "Path=/"} <= set(cookie.split("; "))
        assert re.search(r"SameSite=(lax|strict)", cookie)


def test_nothing_is_built_from_the_host_header(shop: World) -> None:
    public_id = shop.payment(shop.buy()).public_id
    for path in (*PAGES, "/console/", "/courses/", f"/o/{public_id}", "/buy/web-fundamentals/button", "/me"):
        answer = shop.web.get(path, headers={"Host": STRANGE_HOST}, follow_redirects=False)

        assert STRANGE_HOST not in answer.text, path
        assert STRANGE_HOST not in str(answer.headers), path
    started = shop.web.post("/payment/initiate", json=WANTED, headers={"Host": STRANGE_HOST}).json()
    assert started["status_url"].startswith("https://pay.example.com/")
    assert STRANGE_HOST not in shop.duitku.orders[started["merchant_order_id"]].asked.callback_url


# Where a buyer is sent.


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://pay.example.com.evil.example/",
        "https://pay.example.com@evil.example/",
        "https://www.toko-ani.example:8443/",
        "http://www.toko-ani.example/",
        "https://kursus.example/",
        "https://evil.example/.kursus.example",
        "http://localhost:8000/",
        r"https://evil.example\.kursus.example/",
    ],
)
def test_a_return_url_at_a_strangers_site_is_refused(shop: World, url: str) -> None:
    answer = shop.ask_to_buy(return_url=url)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["return_url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://pay.example.com/o/x",
        "https://kelas.thinkific.com/enrollments",
        f"{SHOP}/thanks?order=1",
        "https://kelas.kursus.example/",
    ],
)
def test_a_return_url_at_a_site_of_the_school_is_where_the_buyer_goes(shop: World, url: str) -> None:
    order_id = shop.buy(return_url=url)

    assert shop.duitku.orders[order_id].asked.return_url == url


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "/console\\@evil.example"])
def test_signing_in_and_choosing_a_language_lead_nowhere_else(shop: World, to: str) -> None:
    answer = shop.web.get("/console/language/en", params={"to": to}, follow_redirects=False)

    assert answer.headers["Location"] == "/console"
    assert 'name="to" value="/console"' in shop.web.get("/console/sign-in", params={"next": to}).text


# Other origins' script.


@pytest.mark.parametrize("origin", [SHOP, "https://kelas.thinkific.com", "https://a.kursus.example"])
def test_a_page_of_the_schools_may_start_a_payment_from_its_own_origin(shop: World, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }

    allowed = shop.web.options("/payment/initiate", headers=asked)
    started = shop.web.post("/payment/initiate", json=WANTED, headers={"Origin": origin})

    assert allowed.status_code == 200
    assert started.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in started.headers


@pytest.mark.parametrize(
    ("origin", "path"),
    [
        ("https://evil.example", "/payment/initiate"),
        (f"{SHOP}.evil.example", "/courses"),
        ("null", "/payment/initiate"),
        (SHOP, "/console/sign-in"),
        (SHOP, "/api/v1/payments"),
        (SHOP, "/me"),
        (SHOP, "/buy/web-fundamentals"),
    ],
)
def test_script_of_any_other_origin_reads_nothing(shop: World, origin: str, path: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    assert "Access-Control-Allow-Origin" not in shop.web.options(path, headers=asked).headers
    assert "Access-Control-Allow-Origin" not in shop.web.get(path, headers={"Origin": origin}).headers


# Many requests.


def from_the_internet(world: World, address: str = "36.68.10.20") -> TestClient:
    return TestClient(world.web.app, base_url="https://pay.example.com", client=(address, 50_000))


def test_one_address_cannot_flood_the_order_form(shop: World) -> None:
    flooding, other = from_the_internet(shop), from_the_internet(shop, "36.68.10.21")

    wanted = [WANTED | {"customer_email": f"b{number}@example.com", "offer": "none"} for number in range(40)]
    answers = [flooding.post("/payment/initiate", json=each) for each in wanted]

    assert {answer.status_code for answer in answers[:30]} == {422}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert other.post("/payment/initiate", json=WANTED).status_code == 201


def test_one_customers_many_addresses_are_one(shop: World) -> None:
    wanted = [WANTED | {"customer_email": f"b{number}@example.com", "offer": "none"} for number in range(35)]
    answers = [
        from_the_internet(shop, f"2404:8000:1:2::{number:x}").post("/payment/initiate", json=each)
        for number, each in enumerate(wanted, 1)
    ]

    assert answers[-1].status_code == 429
    assert from_the_internet(shop, "2404:8000:1:3::1").post("/payment/initiate", json=WANTED).status_code == 201


def test_one_mail_address_is_not_flooded_from_many_addresses(shop: World) -> None:
    form = {"customer_name": "Siti", "customer_email": "victim@example.com", "customer_phone": "08123456789"}
    answers = [
        from_the_internet(shop, f"36.68.10.{number}").post(
            "/buy/web-fundamentals", data=form | {"key": str(number), "again": "1"}, follow_redirects=False
        )
        for number in range(1, 16)
    ]

    assert answers[0].status_code == 303
    assert answers[-1].status_code == 429


def test_duitku_is_never_told_to_slow_down(shop: World) -> None:
    order_id = shop.buy()
    duitku, form = from_the_internet(shop, "182.23.85.9"), shop.duitku.pay(order_id)

    assert {duitku.post("/webhooks/duitku", data=form).status_code for _ in range(100)} == {200}


@pytest.mark.parametrize(
    ("peer", "seen"), [("10.0.0.5", "36.68.10.20"), ("36.68.99.99", "36.68.99.99"), ("127.0.0.1", "127.0.0.1")]
)
def test_only_a_trusted_proxy_is_believed_about_whom_it_speaks_for(peer: str, seen: str) -> None:
    async def tell(scope: Scope, _receive: Receive, send: Send) -> None:
        await PlainTextResponse(scope["client"][0])(scope, _receive, send)

    config = web_config(tell, host="127.0.0.1", port=0, proxies="10.0.0.0/8")
    config.load()
    app = cast("ASGIApp", config.loaded_app)
    forged = {"X-Forwarded-For": "1.2.3.4, 36.68.10.20"}

    assert TestClient(app, client=(peer, 1)).get("/", headers=forged).text == seen
