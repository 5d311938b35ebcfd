"""The service between emulators of Duitku and Thinkific, each a process of its own, and the buyers: whoever is measured
here goes the whole way from an order to the course.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2

from kelaspay.bench import programs
from kelaspay.bench.load import FORM, PATH
from kelaspay.bench.population import OFFER
from kelaspay.outside import utc_now
from kelaspay.payment import MerchantOrderId, Offer, Rupiah, Status
from kelaspay.store import enrollments, offers, payments
from kelaspay.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kelaspay.bench.stores import Store
    from kelaspay.payment import Enrollment

PATIENCE = 60.0
LOOK_SECONDS = 0.05
"""Between two looks for the end, which is told by what is written down: looking costs the service the processor."""
NEVER_SECONDS = 1e6
NO_LIMIT = 600_000
"""Calls a minute that the gate never holds up."""
METHOD = "BC"
COURSE = "Web Development Fundamentals"
PRICE = 150_000


class NotEnrolled(Exception):  # noqa: N818 - says what happened
    """A buyer did not arrive in the course: there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A running service, what it calls, and its database as it is seen from beside."""

    url: str
    duitku_url: str
    thinkific_url: str
    course_id: int
    database: Database
    http: httpx2.Client

    def order(self, email: str, offer: str = OFFER) -> MerchantOrderId:
        """A buyer orders, for payment at a virtual account."""
        wanted = {
            "offer": offer,
            "payment_method": METHOD,
            "customer_name": "Siti Rahmawati",
            "customer_email": email,
            "customer_phone": "0812-3456-7890",
        }
        made = self.http.post(f"{self.url}/payment/initiate", json=wanted)
        made.raise_for_status()
        return MerchantOrderId(made.json()["merchant_order_id"])

    def pay(self, order_id: str) -> dict[str, str]:
        """The buyer pays; returned is the callback, which is sent when `call_back` sends it."""
        paid = self.http.post(f"{self.duitku_url}/_emulator/orders/{order_id}/pay", json={})
        paid.raise_for_status()
        return dict(paid.json()["callback"])

    def call_back(self, callback: dict[str, str]) -> datetime:
        """Send a callback; returned is when it left."""
        sent_at = utc_now()
        answer = self.http.post(f"{self.url}{PATH}", data=callback, headers={"Content-Type": FORM})
        answer.raise_for_status()
        return sent_at

    def enrolled(self, order_id: str, seconds: float = PATIENCE) -> Enrollment:
        """The access of a completed payment, waited for."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.database.read() as db:
                payment = payments.find_payment(db, order_id)
                enrollment = enrollments.find_enrollment(db, order_id)
            if payment is not None and payment.status is Status.COMPLETED and enrollment is not None:
                return enrollment
            time.sleep(LOOK_SECONDS)
        raise NotEnrolled(order_id)

    def milliseconds_to_enrolled(self, email: str) -> float:
        """From the callback's leaving to Thinkific's answer that the buyer is in the course."""
        order_id = self.order(email)
        sent_at = self.call_back(self.pay(order_id))
        enrolled_at = self.enrolled(order_id).enrolled_at
        if enrolled_at is None:
            raise NotEnrolled(order_id)
        return (enrolled_at - sent_at).total_seconds() * 1000

    def thinkific_calls(self, after: int) -> list[Call]:
        """The API calls that Thinkific got after the first so many."""
        answer = self.http.get(f"{self.thinkific_url}/_emulator/calls", params={"after": after})
        answer.raise_for_status()
        return [
            Call(each["method"], each["path"], each["status"], _instant(each["at"])) for each in answer.json()["calls"]
        ]

    def offer(self, slug: str, *, course_id: int, product_id: int) -> None:
        with self.database.begin() as db:
            sold = Offer(slug, COURSE, Rupiah(PRICE), course_id=course_id, product_id=product_id)
            offers.put_offer(db, sold, utc_now())

    def add_course(self, name: str) -> tuple[int, int]:
        """A course at Thinkific; returned are its id and its product's."""
        made = self.http.post(f"{self.thinkific_url}/_emulator/courses", json={"name": name})
        made.raise_for_status()
        return int(made.json()["id"]), int(made.json()["product_id"])


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    status: int
    at: datetime


@contextmanager
def scene(store: Store, url: str, folder: Path, *, workers: int = 0, limit: int | None = None) -> Iterator[Scene]:
    """All of it running on a migrated database; `workers` is how many work beside the web, 0 lets the web itself work.
    `limit` is Thinkific's, in calls a minute; None for one that nobody reaches.
    """
    with ExitStack() as stack:
        duitku = stack.enter_context(programs.emulator("duitku", folder)).url
        thinkific = stack.enter_context(programs.emulator("thinkific", folder)).url
        http = stack.enter_context(httpx2.Client(timeout=PATIENCE))
        http.post(f"{duitku}/_emulator/switches", json={"callback_delay_seconds": NEVER_SECONDS}).raise_for_status()
        http.post(f"{thinkific}/_emulator/switches", json={"rate": limit}).raise_for_status()
        env = store.environment(url) | _outside(duitku, thinkific, limit)
        web = stack.enter_context(programs.web(*(["--no-work"] if workers else []), env=env, folder=folder))
        for _number in range(workers):
            stack.enter_context(programs.worker(env, folder))
        database = Database(url)
        stack.callback(database.close)
        made = Scene(web.url, duitku, thinkific, 0, database, http)
        course_id, product_id = made.add_course(COURSE)
        made.offer(OFFER, course_id=course_id, product_id=product_id)
        yield Scene(web.url, duitku, thinkific, course_id, database, http)


def _outside(duitku: str, thinkific: str, limit: int | None) -> dict[str, str]:
    return {
        "DUITKU_V2_URL": duitku,
        "DUITKU_POP_URL": duitku,
        "THINKIFIC_API_URL": thinkific,
        "THINKIFIC_RATE": str(limit or NO_LIMIT),
    }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def migrated(_database: Any) -> None:
    """Fills a template with nothing."""
