"""The examples, run as they are read: against a service between two emulators, by the program each is written for."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import expect

from tests.chaos.fleet import until
from tests.pages import chromium
from tests.servers import PATIENCE, free_port
from tests.webhooks_out.receiver import deliver_due, now_is_real, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Somebody's web site on a port of its own, and its folder."""
    folder = tmp_path_factory.mktemp("site")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), partial(Quiet, directory=str(folder)))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """A demo, which lets any site of this machine show its order form."""
    with chromium.demo() as url:
        yield url


def sold_by(*command: str) -> str:
    """What the program printed, while a buyer pays where it says."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            pay(running.stdout.readline().removeprefix("Send the buyer to ").strip())
            printed, _ = running.communicate(timeout=PATIENCE)
        finally:
            running.kill()
    assert running.returncode == 0, printed
    return printed


def pay(address: str) -> None:
    """At the emulated Duitku, the invoice with this address."""
    duitku = f"{urlsplit(address).scheme}://{urlsplit(address).netloc}"
    orders = httpx2.get(f"{duitku}/_emulator/orders", timeout=PATIENCE).json()["orders"]
    [order_id] = [each["merchant_order_id"] for each in orders if each["reference"] in address]
    httpx2.post(f"{duitku}/_emulator/orders/{order_id}/pay", json={}, timeout=PATIENCE).raise_for_status()


def program(name: str) -> str:
    """The system's. Without it the test is skipped, but never where CI says that it counts."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is missing")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_curl_sells_a_course(shop: str) -> None:
    program("curl")

    assert re.fullmatch(r"KP\S+ is completed\n", sold_by("sh", str(EXAMPLES / "buy.sh"), shop, "web-fundamentals"))


def test_a_fetch_sells_a_course(shop: str) -> None:
    node = program("node")

    assert re.fullmatch(r"KP\S+ is completed\n", sold_by(node, str(EXAMPLES / "buy.mjs"), shop, "web-fundamentals"))


def test_a_script_verifies_a_webhook_prints_it_once_and_refuses_what_is_forged(embedded: World) -> None:
    now_is_real(embedded)
    embedded.sell()
    port = free_port()
    _, secret = tell(embedded, f"http://127.0.0.1:{port}/kelaspay", "order.created")
    command = [sys.executable, str(EXAMPLES / "verify_webhook.py"), str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"WEBHOOK_SECRET": secret}
    ) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == f"Listening on {port}\n"
            assert until(lambda: listens(port))
            order_id = embedded.buy()
            deliver_due(embedded)
            address = f"http://127.0.0.1:{port}/kelaspay"
            forged = httpx2.post(address, content=b'{"type": "order.paid"}', timeout=PATIENCE)

            assert running.stdout.readline() == f"order.created {order_id}\n"
            assert forged.status_code == 400
        finally:
            running.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.browser
def test_a_plain_page_opens_the_order_form_in_place_and_thanks_who_is_in_the_course(
    shop: str, site: tuple[str, Path]
) -> None:
    address, folder = site
    page_of_ours = (EXAMPLES / "page.html").read_text(encoding="utf-8").replace("http://localhost:8000", shop)
    (folder / "page.html").write_text(page_of_ours, encoding="utf-8")
    with chromium.running() as browser, chromium.visit(browser, address) as page:
        page.goto("/page.html")
        page.get_by_role("link", name="Beli sekarang").click()
        form = page.frame_locator("iframe[title=Kelaspay]")
        form.get_by_label("Nama lengkap").fill("Rina Wulandari")
        form.get_by_label("Email").fill("rina@example.com")
        form.get_by_label("Nomor WhatsApp").fill("0812 3456 7890")
        form.get_by_role("button", name="Lanjut bayar Rp 150.000").click()
        form.get_by_label("BCA Virtual Account").check()
        form.get_by_role("button", name="Lanjut ke pembayaran").click()
        duitku = form.get_by_role("link", name="Buka halaman Duitku").get_attribute("href")
        there = page.context.new_page()
        there.goto(duitku or "")
        there.get_by_role("button", name="Bayar", exact=True).click()
        there.wait_for_url("**/o/**")

        expect(page.get_by_text("Terima kasih! Kelas Anda sudah siap.")).to_be_visible()
