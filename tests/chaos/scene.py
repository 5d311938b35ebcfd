"""Where the tests of this folder play: both emulators on sockets, a database with one offer, a fleet to be started, and
what became of each payment as Duitku, Thinkific and the public routes see it.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from kelaspay.migrate import migrate
from kelaspay.payment import Offer, Rupiah
from kelaspay.store import offers
from kelaspay.store.database import Database
from kelaspay_emulators.duitku import TEST_MERCHANTS, DuitkuEmulator
from kelaspay_emulators.serve import start
from kelaspay_emulators.thinkific import ThinkificEmulator
from tests.chaos.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COURSE = "Web Development Fundamentals"
OFFER = "web-fundamentals"
PRICE = 150_000
SECRET_KEY = "a secret of the tests, long enough"
NAME = "Rahmawati Kusumaningrum"
DOMAIN = "pembeli.example"
PHONE = "81298765432"
SENDS = (2.0, 4.0, 8.0, 16.0)
"""Seconds between the five sends of a callback: Duitku's own are not published, and a test cannot wait for minutes."""
CREATED = 201
QUICK = MappingProxyType({"THINKIFIC_RATE": "6000", "RETRY_BASE_SECONDS": "1", "CONFIRM_RETRY_SECONDS": "1"})
"""Short waits, and a limit that is not in the way."""


@dataclass
class Scene:
    duitku: DuitkuEmulator
    thinkific: ThinkificEmulator
    fleet: Fleet
    database_url: str
    http: httpx2.Client

    def post(self, url: str, body: bytes, content_type: str) -> int:
        """Send a callback to the web process whose turn it is, as a balancer before them would: where nobody listens it
        goes to the next.
        """
        for _ in range(max(1, len(self.fleet.webs))):
            address = self.fleet.next_web() + urlsplit(url).path
            try:
                return self.http.post(address, content=body, headers={"Content-Type": content_type}).status_code
            except httpx2.ConnectError:
                continue
            except httpx2.HTTPError:
                break
        return 0

    def order(self, index: int) -> httpx2.Response:
        """Buyer number `index` orders, or insists on the order made before."""
        wanted = {"offer": OFFER, "customer_name": NAME, "customer_email": email(index), "customer_phone": f"0{PHONE}"}
        headers = {"Idempotency-Key": f"buyer-{index}"}
        return self.http.post(f"{self.fleet.next_web()}/payment/initiate", json=wanted, headers=headers)

    def ordered(self, index: int) -> str:
        answer = self.order(index)
        assert answer.status_code == CREATED, answer.text
        return str(answer.json()["merchant_order_id"])

    def statuses(self, order_ids: list[str]) -> Counter[str]:
        """What the public route says of them."""
        return Counter(self.status(order_id) for order_id in order_ids)

    def status(self, order_id: str) -> str:
        return str(self.http.get(f"{self.fleet.next_web()}/payment/{order_id}").json()["status"])

    def enrollments(self) -> Counter[str]:
        """How often each e-mail address was given full access by a request of ours."""
        with self.thinkific.lock:
            return Counter(address for address, _course in self.thinkific.school.enrolled())

    def sales(self) -> Counter[str]:
        """How often each payment was recorded with Thinkific."""
        with self.thinkific.lock:
            orders = list(self.thinkific.school.external_orders.values())
        return Counter(str(each.reference) for order in orders for each in order.transactions)

    def refused_for_rate(self) -> int:
        return sum(call.status == httpx2.codes.TOO_MANY_REQUESTS for call in list(self.thinkific.calls))

    def leaks(self) -> list[str]:
        """What stands in a log of any process though it never may."""
        printed = self.fleet.printed()
        secrets = (SECRET_KEY, self.thinkific.school.api_key, *TEST_MERCHANTS.values())
        return [word for word in (*NAME.split(), DOMAIN, PHONE, *secrets) if word in printed]


def email(index: int) -> str:
    return f"pembeli{index}@{DOMAIN}"


@contextmanager
def scene(
    folder: Path,
    database_url: str,
    redis_url: str | None,
    environment: Mapping[str, str] = MappingProxyType({}),
    *,
    migrated: bool = True,
) -> Iterator[Scene]:
    """Both emulators listening, no process yet, and a database with one offer unless it is not to be `migrated`."""
    with ExitStack() as stack:
        duitku, thinkific = DuitkuEmulator(), ThinkificEmulator()
        there = start(duitku, background=duitku.deliver_due)
        stack.callback(there.stop)
        yonder = start(thinkific)
        stack.callback(yonder.stop)
        duitku.public_url, thinkific.public_url = there.url, yonder.url
        thinkific.switches.rate = int(environment.get("THINKIFIC_RATE", "120"))
        duitku.switches.callback_intervals, duitku.switches.callback_parallel = SENDS, 8
        if migrated:
            _stock(database_url, thinkific)
        usual = _environment(folder, database_url, redis_url, there.url, yonder.url, thinkific)
        fleet = Fleet(folder, usual | dict(environment))
        stack.callback(fleet.kill_all)
        # nothing is kept alive: a connection to a killed process would look like one to a living
        none_kept = httpx2.Limits(max_keepalive_connections=0)
        http = stack.enter_context(httpx2.Client(timeout=20.0, limits=none_kept))
        made = Scene(duitku, thinkific, fleet, database_url, http)
        duitku.till.post = made.post
        yield made


def _stock(database_url: str, thinkific: ThinkificEmulator) -> None:
    course = thinkific.school.add_course(COURSE)
    database = Database(database_url)
    migrate(database)
    offer = Offer(OFFER, COURSE, Rupiah(PRICE), course_id=course.id, product_id=course.product_id)
    with database.begin() as db:
        offers.put_offer(db, offer, datetime.now(UTC))
    database.close()


def _environment(
    folder: Path,
    database_url: str,
    redis_url: str | None,
    duitku_url: str,
    thinkific_url: str,
    thinkific: ThinkificEmulator,
) -> dict[str, str]:
    merchant_code, api_key = next(iter(TEST_MERCHANTS.items()))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "APP_BASE_URL": "http://kelaspay.test",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url or "",
        "SECRET_KEY": SECRET_KEY,
        "DUITKU_MERCHANT_CODE": merchant_code,
        "DUITKU_API_KEY": api_key,
        "DUITKU_V2_URL": duitku_url,
        "DUITKU_POP_URL": duitku_url,
        "THINKIFIC_SUBDOMAIN": thinkific.school.subdomain,
        "THINKIFIC_API_KEY": thinkific.school.api_key,
        "THINKIFIC_API_URL": thinkific_url,
    }
