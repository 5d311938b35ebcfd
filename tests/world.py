"""The service between the two emulators, with the clock in the test's hand.

Nothing is patched: the emulators stand where the real hosts do, and what works the queue here is a twin of the engine
that runs what is due when it is told to.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from kelaspay.app import create_app
from kelaspay.attempt import Waits, attempt
from kelaspay.callback import hand_over
from kelaspay.catalogue import sync
from kelaspay.formats import Seller
from kelaspay.inbox import Inbox
from kelaspay.outside import Outside, opened
from kelaspay.payment import MerchantOrderId, Offer, Rupiah
from kelaspay.reconcile import Reconciled, reconcile
from kelaspay.review import retry
from kelaspay.school import DEFAULT
from kelaspay.schools import Keys, keep_school
from kelaspay.settings import Settings, load
from kelaspay.store import enrollments, offers, payments
from kelaspay.store.arrivals import refusals_by_reason
from kelaspay.store.inbox import list_events
from kelaspay.store.tables import metadata, refusals
from kelaspay.work.worker import spacing
from kelaspay_emulators.duitku import TEST_MERCHANTS, DuitkuEmulator
from kelaspay_emulators.thinkific import Course, ThinkificEmulator
from tests.databases import known
from tests.twin import TwinEngine, make_queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from kelaspay.enroll import Step
    from kelaspay.payment import Enrollment, Payment
    from kelaspay.school import School
    from kelaspay.store.database import Db
    from kelaspay.tracing import Tracing
    from kelaspay_emulators.thinkific.school import School as ThinkificSchool

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
COURSE = "Web Development Fundamentals"
OFFER = "web-fundamentals"
PRICE = 150_000
WANTED = {
    "offer": OFFER,
    "customer_name": "Siti Rahmawati",
    "customer_email": "siti@example.com",
    "customer_phone": "0812-3456-7890",
}
MERCHANTS = dict(TEST_MERCHANTS) | {"D0002": "0C7A5B3F9E1D48A6B2C4D6E8F0A1B3C5"}
"""The environment's merchant, and one for a second school."""
WAITS = Waits(confirm=5.0, base=10.0, longest=3600.0)
FORM = "application/x-www-form-urlencoded"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


class Hosts(httpx2.BaseTransport):
    """Sends a request to the emulator behind its host, without a socket."""

    def __init__(self, **apps: Any) -> None:
        self._apps = {f"{name}.test": httpx2.WSGITransport(app=app) for name, app in apps.items()}

    def put(self, name: str, app: Any) -> None:
        self._apps[f"{name}.test"] = httpx2.WSGITransport(app=app)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host not in self._apps:
            raise httpx2.ConnectError("no such name")
        return self._apps[request.url.host].handle_request(request)


class World:
    """A buyer's, an operator's and two outside systems' point of view on one running service."""

    def __init__(
        self,
        outside: Outside,
        clock: Clock,
        duitku: DuitkuEmulator,
        thinkific: ThinkificEmulator,
        inbox: Inbox,
        web: TestClient,
    ) -> None:
        self.outside = outside
        self.database = outside.database
        self.clock = clock
        self.duitku = duitku
        self.thinkific = thinkific
        self.inbox = inbox
        self.web = web
        self.hosts = Hosts()
        self.step: Step = lambda _name, function: function()
        """What is done around each step of a run."""
        self.school: School = outside.schools.of()
        make_queue(self.database)
        self.engine = TwinEngine(self.database, clock, self.perform, tracing=outside.tracing)

    def school_of(self, key: str) -> School:
        """As the service finds it, but for the default's clients, which a test may have put in a seam of its own."""
        return self.school if key == DEFAULT else self.outside.schools.of(key)

    # what is on sale

    def add_school(self, subdomain: str = "akademi", *, keyed: bool = True) -> ThinkificSchool:
        """A second school with its own merchant and its own API key, or one that is to be connected by OAuth."""
        there = self.thinkific.add_school(subdomain, "5" * 32)
        merchant_code, api_key = list(MERCHANTS.items())[1]
        thinkific_api_key = SecretStr(there.api_key) if keyed else None
        keys = Keys(merchant_code, SecretStr(api_key), thinkific_api_key, Seller("Akademi Budi"))
        outside = self.outside
        keep_school(
            subdomain, keys, database=self.database, vault=outside.vault, start=self.engine.start, now=self.clock
        )
        return there

    def sell(
        self, name: str = COURSE, *, slug: str = OFFER, price: int = PRICE, access_days: int | None = None
    ) -> Course:
        """A course at Thinkific and an offer of ours for it."""
        course = self.thinkific.school.add_course(name)
        self.offer(slug, name, price, course_id=course.id, product_id=course.product_id, access_days=access_days)
        return course

    def offer(self, slug: str, name: str, price: int = PRICE, **ids: Any) -> None:
        with self.database.begin() as db:
            offers.put_offer(db, Offer(slug, name, Rupiah(price), **ids), self.clock())

    def sync(self) -> int:
        return sync(school=self.school).products

    # the buyer

    def ask_to_buy(self, key: str | None = None, **wanted: Any) -> httpx2.Response:
        body = WANTED | wanted
        headers = {"Idempotency-Key": key} if key else {}
        return self.web.post(
            "/payment/initiate", json={name: value for name, value in body.items() if value is not ...}, headers=headers
        )

    def buy(self, **wanted: Any) -> MerchantOrderId:
        """An order, made."""
        answer = self.ask_to_buy(**wanted)
        assert answer.status_code == 201, answer.text
        return MerchantOrderId(answer.json()["merchant_order_id"])

    def buy_and_pay(self, **wanted: Any) -> MerchantOrderId:
        """An order made, paid and called back about."""
        order_id = self.buy(**wanted)
        self.call_back(self.duitku.pay(order_id), self.called_back_at(order_id))
        return order_id

    # Duitku

    def call_back(self, form: dict[str, str], path: str = "/webhooks/duitku") -> httpx2.Response:
        return self.web.post(path, data=form)

    def called_back_at(self, order_id: str) -> str:
        """The address that Duitku was given for this order's callbacks."""
        return self.duitku.orders[order_id].asked.callback_url.removeprefix(self.outside.settings.app_base_url)

    def refused(self) -> dict[str, int]:
        """How many callbacks were refused, by reason."""
        self.inbox.flush_refusals()
        with self.database.read() as db:
            found = refusals_by_reason(db, None, START - timedelta(hours=1))
        return {reason: int(count) for reason, count, _hour in found}

    # the worker

    def work(self) -> None:
        """Hand over what came in and run what is due, until nothing is."""
        while self.hand_over() or self.engine.run_due():
            pass

    def work_for(self, **time: float) -> None:
        """Work through the next hours or days, stopping wherever something falls due."""
        end = self.clock.time + timedelta(**time)
        self.work()
        while (due := self.engine.next_due()) is not None and due <= end:
            self.clock.time = max(self.clock.time, due)
            self.work()
        self.clock.time = end

    def retry(self, order_id: MerchantOrderId) -> None:
        retry(order_id, database=self.database, start=self.engine.start, now=self.clock, actor="operator")

    def hand_over(self) -> int:
        return hand_over(
            database=self.database,
            start=self.engine.start,
            now=self.clock,
            spacing=partial(spacing, WAITS.confirm),
            tracing=self.outside.tracing,
        )

    def reconcile(self, *, dry_run: bool = False) -> Reconciled:
        return reconcile(
            database=self.database,
            school_of=self.school_of,
            start=self.engine.start,
            enqueue=self.engine.enqueue,
            alive=self.engine.alive,
            now=self.clock,
            dry_run=dry_run,
        )

    # what became of it

    def payment(self, order_id: str) -> Payment:
        with self.database.read() as db:
            found = payments.find_payment(db, order_id)
        assert found is not None
        return found

    def enrollment(self, order_id: str) -> Enrollment | None:
        with self.database.read() as db:
            return enrollments.find_enrollment(db, order_id)

    def status(self, order_id: str) -> str:
        """What the public route says."""
        return str(self.web.get(f"/payment/{order_id}").json()["status"])

    def enrolled(self) -> list[tuple[str, str]]:
        """Who is in which course, once for every time that they were enrolled."""
        return self.thinkific.school.enrolled()

    @property
    def app(self) -> FastAPI:
        """The service's own; the test client takes any."""
        assert isinstance(self.web.app, FastAPI)
        return self.web.app

    def another_browser(self) -> TestClient:
        """One with cookies of its own."""
        browser = TestClient(self.web.app, base_url=str(self.web.base_url))
        browser.portal = self.web.portal
        return browser

    def thinkific_calls(self) -> list[str]:
        """The API calls so far, like "POST /users"."""
        return [f"{call.method} {call.path.removeprefix('/api/public/v1')}" for call in self.thinkific.calls]

    def duitku_asks(self) -> int:
        """How often Duitku was asked for a status."""
        return sum("transactionstatus" in call.path.lower() for call in self.duitku.calls)

    def events(self) -> list[Any]:
        """What is in the inbox, oldest first."""
        with self.database.read() as db:
            return list_events(db, merchant_order_id=None, limit=1000)[::-1]

    def kept(self) -> dict[str, list[Any]]:
        """All rows of all our tables, but for the counts of what was refused."""
        with self.database.read() as db:
            tables = [table for table in metadata.sorted_tables if table is not refusals]
            return {table.name: sorted(tuple(row) for row in db.execute(table.select())) for table in tables}

    def story(self, order_id: str) -> list[str]:
        with self.database.read() as db:
            return [row.what for row in payments.read_story(db, order_id)]

    def perform(self, order_id: MerchantOrderId, run: int, holder: str) -> None:
        attempt(
            order_id,
            run,
            holder=holder,
            database=self.database,
            school_of=self.school_of,
            now=self.clock,
            waits=WAITS,
            step=self.step,
            start=self.engine.start,
            enqueue=self.engine.enqueue,
            tracing=self.outside.tracing,
        )


def settings_for(
    folder: Path, database_url: str, redis_url: str | None, thinkific: ThinkificEmulator, **more: Any
) -> Settings:
    merchant_code, api_key = next(iter(TEST_MERCHANTS.items()))
    values: dict[str, Any] = {
        "app_base_url": "https://pay.example.com",
        "database_url": database_url,
        "redis_url": redis_url,
        "secret_key": "a secret of the tests, long enough",
        "duitku_merchant_code": merchant_code,
        "duitku_api_key": api_key,
        "duitku_v2_url": "http://duitku.test",
        "duitku_pop_url": "http://duitku.test",
        "thinkific_subdomain": thinkific.school.subdomain,
        "thinkific_api_key": thinkific.school.api_key,
        "thinkific_api_url": "http://thinkific.test",
        "whatsapp_url": "http://whatsapp.test/v23.0",
        "thinkific_rate": 600_000,
        "api_rate": 600_000,
    }
    environment = tuple(item for item in os.environ.items() if item[0] != "PYTEST_CURRENT_TEST")
    return _loaded(tuple((values | more).items()), environment).model_copy(update={"data_dir": folder})


@cache
def _loaded(values: tuple[tuple[str, Any], ...], _environment: tuple[tuple[str, str], ...]) -> Settings:
    """What these say is worked out once: it takes as long as all else that a test's service is made of."""
    return load(**dict(values))


@contextmanager
def world_on(
    folder: Path,
    database_url: str,
    redis_url: str | None,
    *,
    beside: World | None = None,
    tracing: Tracing | None = None,
    portal: BlockingPortal | None = None,
    **more: Any,
) -> Iterator[World]:
    """A world on a migrated database; `beside` another one, with that one's clock and outside systems. Its requests are
    answered in the event loop behind this `portal`, or in one of its own.
    """
    with ExitStack() as stack:
        clock = beside.clock if beside else Clock()
        duitku = beside.duitku if beside else DuitkuEmulator(now=clock, merchants=MERCHANTS)
        thinkific = beside.thinkific if beside else ThinkificEmulator(now=clock)
        thinkific.switches.rate = None
        settings = settings_for(folder, database_url, redis_url, thinkific, **more)
        hosts = Hosts(duitku=duitku, thinkific=thinkific)
        database = known(settings.database)
        outside = stack.enter_context(opened(settings, transport=hosts, now=clock, tracing=tracing, database=database))
        inbox = Inbox(outside.database, clock, count=outside.metrics.callback)
        stack.callback(inbox.close)
        made: list[World] = []

        def start(db: Db, order_id: MerchantOrderId, at: datetime) -> int | None:
            return made[0].engine.start(db, order_id, at)

        app = create_app(outside, inbox, start)
        web = TestClient(app, base_url="https://pay.example.com")
        if portal is None:
            stack.enter_context(web)
        else:
            stack.callback(web.close)
            web.portal = portal
        made.append(World(outside, clock, duitku, thinkific, inbox, web))
        made[0].hosts = hosts
        yield made[0]
