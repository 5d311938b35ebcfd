"""The emulated Duitku from outside: faults on demand, the admin API, a real socket, and a published client."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from Duitku import Duitku
from tests.servers import PATIENCE
from werkzeug.wrappers import Request, Response

from kelaspay_emulators.duitku import DuitkuEmulator, post_over_http
from kelaspay_emulators.serve import Served, start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

KEY = "732B39FC61796845775D2C4FB05332AF"
STATUS = "/api/merchant/transactionStatus"
ORDER: dict[str, Any] = {
    "merchantOrderId": "INV-1",
    "paymentAmount": 150000,
    "productDetails": "Kelas Python",
    "email": "budi@contoh.id",
    "customerVaName": "Budi",
    "returnUrl": "https://toko.test/kembali",
    "callbackUrl": "https://toko.test/callback",
}


@pytest.fixture
def emulator() -> DuitkuEmulator:
    return DuitkuEmulator()


@pytest.fixture
def http(emulator: DuitkuEmulator) -> httpx2.Client:
    return httpx2.Client(transport=httpx2.WSGITransport(app=emulator), base_url="http://duitku.test")


@pytest.fixture
def served(emulator: DuitkuEmulator) -> Iterator[Served]:
    emulator.till.post = post_over_http
    on_socket = start(emulator, background=emulator.deliver_due)
    emulator.public_url = on_socket.url
    yield on_socket
    on_socket.stop()


@pytest.fixture
def published(served: Served) -> Duitku:
    client = Duitku()
    client.client.merchant_code, client.client.api_key = "D0001", KEY
    client.invoice.base_url = f"{served.url}/api"
    client.transaction.base_url = client.payment.base_url = f"{served.url}/webapi/api"
    return client


def test_the_published_client_makes_all_four_calls(published: Duitku, emulator: DuitkuEmulator) -> None:
    invoice = published.invoice.create({**ORDER, "paymentMethod": "", "itemDetails": []})
    inquiry = published.transaction.create({**ORDER, "merchantOrderId": "INV-2", "paymentMethod": "BC"})
    methods = published.payment.get_methods({"amount": 150000, "datetime": "2026-01-05 19:00:00"})
    pending = published.transaction.get_status({"merchantOrderId": "INV-1"})
    emulator.pay("INV-1")
    paid = published.transaction.get_status({"merchantOrderId": "INV-1"})

    assert [each.status_code for each in (invoice, inquiry, methods, pending, paid)] == [200] * 5
    assert invoice.message["amount"] == "150000"
    assert inquiry.message["vaNumber"] == emulator.orders["INV-2"].attempts[0].va_number
    assert "qrString" not in inquiry.message
    assert methods.message["responseMessage"] == "SUCCESS"
    assert (pending.message["statusCode"], paid.message["statusCode"]) == ("01", "00")


def test_the_published_client_sees_a_wrong_signature_before_anything_that_is_missing(published: Duitku) -> None:
    refused = published.transaction.create({})

    assert (refused.status_code, refused.message) == (401, {"Message": "Wrong signature"})


class CallbackPage:
    """A shop's callback page."""

    def __init__(self) -> None:
        self.taken: queue.Queue[dict[str, str]] = queue.Queue()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.taken.put(dict(Request(environ).form.items()))
        return Response("OK")(environ, start_response)


def test_on_a_socket_callbacks_reach_the_shop_by_themselves(served: Served, published: Duitku) -> None:
    shop = CallbackPage()
    shop_on_socket = start(shop, threads=2)
    published.invoice.create({**ORDER, "callbackUrl": f"{shop_on_socket.url}/callback"})
    told = httpx2.post(
        f"{served.url}/_emulator/orders/INV-1/pay", json={"payment_method": "SP"}, timeout=PATIENCE
    ).json()
    taken = shop.taken.get(timeout=PATIENCE)
    shop_on_socket.stop()

    assert taken == told["callback"]
    assert told["order"]["status"] == "paid"


def test_on_a_socket_a_timeout_answers_nothing(served: Served, emulator: DuitkuEmulator) -> None:
    emulator.fail_next("transactionstatus", "timeout-before")

    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(served.url + STATUS, json={}, timeout=0.3)


def test_on_a_socket_a_fault_after_the_effect_has_had_the_effect(
    served: Served, emulator: DuitkuEmulator, published: Duitku
) -> None:
    emulator.switches.hang_seconds = 0
    emulator.fail_next("createInvoice", "timeout-after")
    answered = published.invoice.create(dict(ORDER))
    emulator.switches.down = True

    assert answered.status_code == 504
    assert "INV-1" in emulator.orders
    assert httpx2.post(served.url + STATUS, json={}, timeout=PATIENCE).status_code == 503


def test_a_failing_background_task_does_not_stop_it(caplog: pytest.LogCaptureFixture, emulator: DuitkuEmulator) -> None:
    beats: queue.Queue[int] = queue.Queue()

    def fail() -> None:
        beats.put(1)
        raise ValueError

    on_socket = start(emulator, background=fail)
    total = beats.get(timeout=PATIENCE) + beats.get(timeout=PATIENCE)
    on_socket.stop()

    assert total == 2
    assert "it goes on" in caplog.text


def test_in_the_foreground_it_runs_until_sigterm() -> None:
    program = (
        "from kelaspay_emulators.duitku import DuitkuEmulator\n"
        "from kelaspay_emulators import serve\n"
        "import threading, os, signal\n"
        "emulator = DuitkuEmulator()\n"
        "serve.serve(emulator, '127.0.0.1', 0, lambda: print('beat', flush=True))\n"
        "print('stopped', flush=True)\n"
    )
    running = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    first = running.stdout.readline()
    os.kill(running.pid, signal.SIGTERM)
    rest, _ = running.communicate(timeout=PATIENCE)

    assert first == "beat\n"
    assert rest.endswith("stopped\n")
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("kind", "status"), [("503", 503), ("500-html", 500), ("500-json", 500), ("429", 429), ("200-html", 200)]
)
def test_a_fault_meets_the_next_fitting_calls_and_then_is_over(
    emulator: DuitkuEmulator, http: httpx2.Client, kind: str, status: int
) -> None:
    emulator.fail_next("TRANSACTIONSTATUS", kind, times=2)
    invoice = http.post("/api/merchant/createInvoice", json={}).status_code
    answers = [http.post(STATUS, json={}, timeout=PATIENCE).status_code for _ in range(3)]

    assert invoice == 401
    assert answers == [status, status, 404]


def test_in_process_timeouts_and_refused_connections_are_the_clients_own_errors(
    emulator: DuitkuEmulator, http: httpx2.Client
) -> None:
    emulator.fail_next("", "timeout-before")
    with pytest.raises(httpx2.ReadTimeout):
        http.post(STATUS, json={})
    emulator.fail_next("", "connect")
    with pytest.raises(httpx2.ConnectError):
        http.post(STATUS, json={})
    emulator.switches.down = True
    with pytest.raises(httpx2.ConnectError):
        http.post(STATUS, json={})

    assert [call.status for call in emulator.calls] == [0, 0, 0]


def test_an_answer_that_says_failure_in_a_200_can_be_had(emulator: DuitkuEmulator, http: httpx2.Client) -> None:
    emulator.fail_next("createInvoice", "200-failed")

    assert http.post("/api/merchant/createInvoice", json={}).json()["statusCode"] == "01"
    with pytest.raises(ValueError, match="timeout-after"):
        emulator.fail_next("createInvoice", "explode")


def test_calls_are_written_down_with_time_and_status() -> None:
    noon = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    emulator = DuitkuEmulator(now=lambda: noon)
    http = httpx2.Client(transport=httpx2.WSGITransport(app=emulator), base_url="http://duitku.test")
    http.post(STATUS, json={})
    http.get("/")
    told = http.get("/_emulator/calls").json()["calls"]

    assert list(emulator.calls) == [(noon, "POST", STATUS, 404)]
    assert told == [{"time": "2026-01-05T12:00:00+00:00", "method": "POST", "path": STATUS, "status": 404}]


def test_switches_are_flipped_from_outside_and_nonsense_is_refused(
    emulator: DuitkuEmulator, http: httpx2.Client
) -> None:
    flipped = {"accept": ["hmac"], "callback_intervals": [1, 2], "slow_seconds": 0, "rate_limit": 5, "http_500": True}
    told = http.post("/_emulator/switches", json=flipped).json()

    assert {name: told[name] for name in flipped} == flipped
    assert emulator.switches.accept == {"hmac"}
    assert http.post(STATUS, json={}).status_code == 500
    for nonsense in (
        {"no_such": 1},
        {"down": 1},
        {"callback_scheme": "rot13"},
        {"accept": "hmac"},
        {"callback_copies": None},
        {"slow_seconds": "long"},
        {"default_callback_url": 5},
    ):
        assert http.post("/_emulator/switches", json=nonsense).status_code == 400
    assert http.get("/_emulator/switches").json()["rate_limit"] == 5


def test_orders_are_driven_from_outside(emulator: DuitkuEmulator, served: Served, published: Duitku) -> None:
    emulator.till.post = None
    for number in range(4):
        published.invoice.create({**ORDER, "merchantOrderId": f"KP/{number} a"})
    http = httpx2.Client(base_url=f"{served.url}/_emulator", timeout=PATIENCE)

    def drive(order: int, command: str, **body: object) -> httpx2.Response:
        return http.post(f"/orders/KP/{order} a/{command}", json=body)

    assert drive(0, "pay", amount=160000, payment_method="SP").json()["callback"]["amount"] == "160000"
    assert drive(0, "resend").json()["order"]["status"] == "paid"
    assert drive(1, "fail").json()["callback"]["resultCode"] == "01"
    assert drive(2, "cancel").json()["order"]["status_code"] == "02"
    assert drive(3, "expire").json()["order"]["status"] == "expired"
    assert drive(3, "expire").status_code == 409
    assert drive(9, "pay").status_code == 404
    assert drive(0, "explode").status_code == 404
    assert drive(1, "pay", amount="banyak").status_code == 400
    assert [each["status"] for each in http.get("/orders").json()["orders"]] == [
        "expired",
        "canceled",
        "failed",
        "paid",
    ]
    assert len(http.get("/orders/KP/0 a").json()["callbacks"]) == 2
    assert http.post("/deliver").json() == {"sent": 0}
    assert http.get("/nothing").status_code == 404
    http.close()


def test_faults_are_ordered_from_outside(http: httpx2.Client) -> None:
    ordered = http.post("/_emulator/faults", json={"path_part": "status", "kind": "503", "times": 1})
    answers = [http.post(STATUS, json={}, timeout=PATIENCE).status_code for _ in range(2)]

    assert ordered.status_code == 200
    assert answers == [503, 404]
    assert http.post("/_emulator/faults", json={"path_part": "status", "kind": "boom"}).status_code == 400
    assert http.post("/_emulator/faults", json=[]).status_code == 400
