"""The demo: the service between emulated Duitku and emulated Thinkific, as a newcomer first sees it."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from kelaspay import log
from kelaspay.catalogue import sync
from kelaspay.coupon import Coupon
from kelaspay.operators import invite
from kelaspay.outside import utc_now
from kelaspay.payment import Offer, Rupiah
from kelaspay.serve import Process, started, web_server
from kelaspay.settings import Settings, load
from kelaspay.store import coupons, inbox, offers, payments
from kelaspay.store.operators import Role
from kelaspay_emulators.duitku import TEST_MERCHANTS, DuitkuEmulator, post_over_http
from kelaspay_emulators.serve import start
from kelaspay_emulators.thinkific import ThinkificEmulator
from kelaspay_emulators.thinkific.samples import furnish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

PATIENCE = 20.0
BUYER = {"customer_name": "Siti Rahmawati", "customer_email": "siti@example.com", "customer_phone": "0812-3456-7890"}
OPERATOR = "operator@example.com"
BOUGHT = "web-fundamentals"
ACCESS_DAYS = {"python-dasar": 365, "fotografi-produk": 90}
"""The others are for ever."""


class PortTaken(Exception):  # noqa: N818 - says what happened
    """Something else listens on the port; choose another with --port."""

    def __init__(self, port: int) -> None:
        super().__init__(f'Port {port} is taken; choose another, like make demo ARGS="--port {port + 1}"')


@dataclass(slots=True)
class Stage:
    """Everything of the demo, running."""

    process: Process
    duitku: DuitkuEmulator
    thinkific: ThinkificEmulator
    url: str
    duitku_url: str
    thinkific_url: str


def run(*, once: bool, port: int | None = None) -> bool:
    """Show the demo; with `once` buy one course and return whether the buyer ended up enrolled."""
    log.configure(quiet=once)
    with (
        tempfile.TemporaryDirectory(prefix="kelaspay-demo-") as folder,
        stage(Path(folder), once=once, port=port) as at,
    ):
        return _buy_once(at) if once else _stay(at)


@contextmanager
def stage(folder: Path, *, once: bool, port: int | None = None) -> Iterator[Stage]:
    """Emulators, service and a small catalogue, all in this process and all on sockets of this machine."""
    with ExitStack() as stack:
        duitku = DuitkuEmulator(post=post_over_http)
        thinkific = ThinkificEmulator()
        there = start(duitku, background=duitku.deliver_due)
        stack.callback(there.stop)
        yonder = start(thinkific, background=thinkific.deliver_due)
        stack.callback(yonder.stop)
        duitku.public_url, thinkific.public_url = there.url, yonder.url
        thinkific.switches.local_targets = True
        listening = stack.enter_context(_socket(port, once=once))
        url = f"http://localhost:{listening.getsockname()[1]}"
        thinkific.switches.buy_url = f"{url}/buy/{{slug}}"
        settings = _settings(folder, url, there.url, yonder.url, thinkific)
        process = stack.enter_context(started(settings, works=True))
        _stock(process, thinkific)
        server = web_server(process, settings)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
        serving.start()
        try:
            yield Stage(process, duitku, thinkific, url, there.url, yonder.url)
        finally:
            server.should_exit = True
            serving.join(timeout=PATIENCE)


@contextmanager
def _socket(wanted: int | None, *, once: bool) -> Iterator[socket.socket]:
    """The port that is wanted. Without one 8000 (or PORT) to look around; any free one for a single purchase."""
    port = wanted or (0 if once else int(os.environ.get("PORT", "8000")))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(port) from error
        yield listening


def _settings(folder: Path, url: str, duitku_url: str, thinkific_url: str, thinkific: ThinkificEmulator) -> Settings:
    merchant_code, api_key = next(iter(TEST_MERCHANTS.items()))
    return load(
        app_base_url=url,
        demo=True,
        seller_name="Kelas Siti",
        seller_address="Jl. Melati 1, Bandung",
        seller_email="halo@kelassiti.example",
        seller_phone="+62 812-0000-0000",
        seller_refund_policy="Dana kembali penuh dalam 7 hari, selama belum lebih dari 20% kelas diselesaikan.",
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'demo.db'}",
        redis_url=None,
        duitku_merchant_code=merchant_code,
        duitku_api_key=api_key,
        duitku_v2_url=duitku_url,
        duitku_pop_url=duitku_url,
        thinkific_subdomain=thinkific.school.subdomain,
        thinkific_api_key=thinkific.school.api_key,
        thinkific_api_url=thinkific_url,
        thinkific_site_url=f"{thinkific_url}/sites/{{subdomain}}",
        confirm_retry_seconds=1.0,
        retry_base_seconds=1.0,
    )


def _stock(process: Process, thinkific: ThinkificEmulator) -> None:
    """A small catalogue at Thinkific, copied as `courses sync` does, and an offer for each course."""
    outside = process.outside
    courses = furnish(thinkific.school)
    sync(school=outside.schools.of())
    with outside.database.begin() as db:
        for course, price in courses:
            offer = Offer(
                course.slug,
                course.name,
                Rupiah(price),
                course_id=course.id,
                product_id=course.product_id,
                access_days=ACCESS_DAYS.get(course.slug),
            )
            offers.put_offer(db, offer, outside.now())
        coupons.put_coupon(db, Coupon("BELAJAR20", percent=20), outside.now())


def _stay(at: Stage) -> bool:
    """Make a first payment, print where to look, and run until told to stop."""
    made = _initiate(at)
    print(
        f"""
Kelaspay is running between two emulators. No account is needed and no money moves.

  The shop             {at.url}
  Letters to buyers    {at.url}/mails
  A payment, made      {made["status_url"]}
  Pay it at Duitku     {made["payment_url"]}
  Emulated Duitku      {at.duitku_url}
  Emulated Thinkific   {at.thinkific_url}
  The operator's side  {_console_link(at)}
                       (once, to choose a password; then /console with {OPERATOR})
  API documentation    {at.url}/docs

Open "Pay it at Duitku", choose a method, press "Bayar", and watch the buyer arrive in Thinkific.
Ctrl-C stops everything.
""",
        flush=True,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
    return True


def _console_link(at: Stage) -> str:
    """The one-time link with which the first operator chooses a password."""
    outside = at.process.outside
    token = invite(outside.database, email=OPERATOR, name="demo", role=Role.OWNER, now=outside.now())
    return f"{at.url}/console/invitation/{token}"


def _buy_once(at: Stage) -> bool:
    """Buy one course and print the fourteen steps of the flow, each with the time at which it happened."""
    tell = _Steps()
    tell(1, f"the front end calls POST {at.url}/payment/initiate")
    made = _initiate(at)
    order_id = made["merchant_order_id"]
    customer = at.process.outside.customers.recall(order_id)
    tell(
        2, f"checkout.initiate priced it from our offer and kept payment and customer: {order_id}, Rp {made['amount']}"
    )
    tell(3, f"Duitku created the invoice: reference {made['reference']}")
    tell(4, f"the buyer gets the payment URL  {made['payment_url']}")
    print(f"    and the status URL      {made['status_url']}")
    at.duitku.pay(order_id, payment_method="BC")
    tell(5, "the buyer pays at Duitku, by virtual account")
    if not _until(lambda: _heard(at, order_id)):
        return tell.failed("no callback came in")
    heard_at = _heard(at, order_id)[0].received_at
    tell(6, "Duitku posts its callback to POST /webhooks/duitku", heard_at)
    tell(7, "callback.receive verified the signature and kept the event; 200 only then", heard_at)
    if not _until(lambda: _state(at, order_id) == "completed"):
        return tell.failed(f"the payment is {_state(at, order_id)}")
    return _worked(at, tell, order_id, customer.email)


def _worked(at: Stage, tell: _Steps, order_id: str, email: str) -> bool:
    """Print the steps of the work, which is done."""
    seen = {line.what: line for line in _story(at, order_id)}
    user = seen.get("user_created") or seen["user_found"]
    tell(8, "Duitku, asked server to server, says paid; the enrollment runs off the request", seen["paid"].at)
    tell(9, "enroll.enroll took the payment up", seen["paid"].at)
    tell(10, f"Thinkific user made: {user.text}", user.at)
    there = at.thinkific.school
    enrolled = [each for each in there.enrollments.values() if there.users[each.user_id].email == email]
    if len(enrolled) != 1 or enrolled[0].is_free_trial:
        return tell.failed("Thinkific does not have exactly one full enrollment")
    done_at = seen["enrolled"].at
    tell(11, f"mapped to course {enrolled[0].course_id} and enrolled, activated {enrolled[0].activated_at}", done_at)
    tell(12, f"Thinkific answered with enrollment {enrolled[0].id}", done_at)
    tell(13, "the enrollment is saved", done_at)
    order = seen.get("external_order")
    tell(14, f"the payment is completed; external order {order.text if order else None}", seen["completed"].at)
    print("\nPaid, and in the course.")
    return True


class _Steps:
    """Numbers what happened, with the time from the start until it was seen, or until the payment's story has it."""

    def __init__(self) -> None:
        self._began = utc_now()

    def __call__(self, number: int, text: str, at: datetime | None = None) -> None:
        print(f"{number:>2}. {text}  ({((at or utc_now()) - self._began).total_seconds():.2f} s)", flush=True)

    def failed(self, why: str) -> bool:
        print(f"\nNot enrolled: {why}.", flush=True)
        return False


def _initiate(at: Stage) -> dict[str, Any]:
    wanted = {"offer": BOUGHT, **BUYER}
    with httpx2.Client(timeout=PATIENCE) as http:
        _until(lambda: _answers(http, at.url))
        made = http.post(f"{at.url}/payment/initiate", json=wanted)
        made.raise_for_status()
        return dict(made.json())


def _answers(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(f"{url}/readyz").is_success
    except httpx2.TransportError:
        return False


def _state(at: Stage, order_id: str) -> str:
    with httpx2.Client(timeout=PATIENCE) as http:
        return str(http.get(f"{at.url}/payment/{order_id}").json().get("status"))


def _heard(at: Stage, order_id: str) -> list[Any]:
    with at.process.outside.database.read() as db:
        return list(inbox.list_events(db, merchant_order_id=order_id, limit=1))


def _story(at: Stage, order_id: str) -> list[Any]:
    with at.process.outside.database.read() as db:
        return list(payments.read_story(db, order_id))


def _until(true: Any) -> bool:
    """Wait until something is so; False when it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False
