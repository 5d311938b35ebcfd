"""One deployment between both emulators for thousands of short histories: emptied before each, and able to die at any
commit or call. What is told here of access and money is read from the two outside systems and from our rows alone.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx2
import sqlalchemy as sa

from kelaspay.coupon import Coupon
from kelaspay.customers import Customers
from kelaspay.outside import opened
from kelaspay.payment import MerchantOrderId, Offer, Rupiah
from kelaspay.store import coupons, offers
from kelaspay.store.buyer_tables import coupons as coupon_rows
from kelaspay.store.buyer_tables import redemptions
from kelaspay.store.tables import customers, enrollments, inbox, jobs, metadata, payments, story
from kelaspay_emulators.duitku import DuitkuEmulator, NotPossibleError
from kelaspay_emulators.thinkific import ThinkificEmulator
from tests.chaos.dying import Boundaries, DyingDatabase, Life, Town
from tests.twin import queue
from tests.world import Clock, Hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from kelaspay_emulators.duitku import Order
    from kelaspay_emulators.thinkific.records import Enrollment

EMPTY = ";".join(f"DELETE FROM {table.name}" for table in (queue, *reversed(metadata.sorted_tables)))  # noqa: S608 - our own tables' names
FOREVER, MONTH, BUNDLE, OTHER_BUNDLE = "web", "python", "paket", "paket-lain"
ITEMS = (FOREVER, MONTH, BUNDLE, OTHER_BUNDLE)
MONTH_DAYS = 30
PRICE = 150_000
TENTH, WHOLE = Coupon("HEMAT", percent=10, most=1), Coupon("GRATIS", percent=100, most=1)
COUPONS = {each.code: each for each in (TENTH, WHOLE)}


class Fate(Boundaries):
    """Kills the process at the boundary that was named last."""

    def die_after(self, boundaries: int) -> None:
        self._deaths = [len(self.reached) + boundaries]

    def spare(self) -> None:
        self._deaths = []


class TwistedHosts(Hosts):
    """The outside of a process that may die around each call, and a Duitku that may answer about another order."""

    def __init__(self, fate: Fate, town: Town) -> None:
        super().__init__()
        self._fate = fate
        self._town = town
        self._said: httpx2.Response | None = None
        self.mistaken = 0
        """How many of the next asks get what was said of another order before."""
        self.meanwhile: list[Callable[[], object] | None] = []
        """What somebody else does while each of the next calls is answered."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        call = f"{request.method} {request.url.path}"
        self._fate.reach(f"before {call}")
        app = self._town.duitku if request.url.host == "duitku.test" else self._town.thinkific
        answer = httpx2.WSGITransport(app=app).handle_request(request)
        answer.read()
        if request.url.path.endswith("/transactionStatus") and answer.is_success:
            answer = self._mistaken(answer)
        if self.meanwhile and (act := self.meanwhile.pop(0)) is not None:
            act()
        self._fate.reach(f"after {call}")
        return answer

    def _mistaken(self, answer: httpx2.Response) -> httpx2.Response:
        earlier, self._said = self._said, answer
        if earlier is None or not self.mistaken:
            return answer
        self.mistaken -= 1
        return httpx2.Response(200, content=earlier.content)


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as our rows tell of it."""

    order_id: MerchantOrderId
    public_id: str
    email: str
    offer: str
    asked: int
    coupon: str | None
    status: str
    attention: str | None
    expires_at: datetime
    next_ask_at: datetime | None
    access: str | None
    expiry_date: datetime | None
    former_user_id: int | None
    at_work: bool
    fault: str | None


STANDING = (
    sa.select(
        payments.c.merchant_order_id.label("order_id"),
        payments.c.public_id,
        customers.c.email,
        payments.c.offer,
        payments.c.payment_amount.label("asked"),
        payments.c.coupon,
        payments.c.status,
        payments.c.attention,
        payments.c.expires_at,
        payments.c.next_ask_at,
        enrollments.c.state.label("access"),
        enrollments.c.expiry_date,
        enrollments.c.former_user_id,
        sa.func.coalesce(jobs.c.active, sa.false()).label("at_work"),
        jobs.c.fault,
    )
    .join(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
    .outerjoin(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
    .outerjoin(jobs, jobs.c.merchant_order_id == payments.c.merchant_order_id)
    .order_by(payments.c.created_at, payments.c.merchant_order_id)
)
HAVING = sa.select(coupon_rows.c.code, coupon_rows.c.redeemed, redemptions.c.merchant_order_id).outerjoin(
    redemptions, sa.and_(redemptions.c.code == coupon_rows.c.code, redemptions.c.given_back_at.is_(None))
)
WAITING = sa.select(inbox.c.merchant_order_id).where(inbox.c.started_at.is_(None))


class Market:
    """Holds what is dear to open; `open_again` makes a new history of it."""

    life: Life
    courses: dict[str, frozenset[int]]
    """Thinkific's ids of the courses that each offer gives."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.town = Town(folder, database_url, None)
        self.town.empty()
        self.fate = Fate()
        self.hosts = TwistedHosts(self.fate, self.town)
        self._lives = 0

    @contextmanager
    def opened(self) -> Iterator[Market]:
        with opened(self.town.settings, transport=self.hosts, now=self._now) as outside:
            self._outside = replace(outside, database=DyingDatabase(self.town.database, self.fate))
            yield self
        self.town.database.close()

    def _now(self) -> datetime:
        return self.town.clock()

    def open_again(self) -> None:
        """As if nothing had ever been sold here."""
        connection = self.town.database.engine.raw_connection()
        connection.cursor().executescript(f"BEGIN;{EMPTY};COMMIT")
        connection.close()
        self.town.clock = Clock()
        self.town.duitku = DuitkuEmulator(now=self.town.clock)
        self.town.thinkific = ThinkificEmulator(now=self.town.clock)
        self.town.thinkific.switches.rate = None
        self.fate.spare()
        self.hosts.mistaken = 0
        self.hosts.meanwhile.clear()
        self._fill()
        self.live()

    def live(self) -> None:
        """A process starts; what it has in memory is its own."""
        self._lives += 1
        self.fate.live_again()
        remembered = Customers(self._outside.database, None)
        self.life = Life(self.town, replace(self._outside, customers=remembered), f"life{self._lives}")

    def price(self, slug: str, price: int) -> None:
        """What a new order costs from now on."""
        sold = self._sold[slug]
        with self.town.database.begin() as db:
            offers.put_offer(db, replace(sold, price=Rupiah(price)), self.town.clock())

    def standings(self) -> list[Standing]:
        """Every order, in the order of their making."""
        with self.town.database.read() as db:
            return [Standing(**row._mapping) for row in db.execute(STANDING)]  # noqa: SLF001 - the documented way to a row's names

    def waiting_events(self) -> set[str]:
        """The orders of events that nobody has taken in hand."""
        with self.town.database.read() as db:
            return set(db.execute(WAITING).scalars())

    def having(self) -> dict[str, set[str]]:
        """For each coupon the orders that have it now; their number is what the coupon counts."""
        with self.town.database.read() as db:
            rows = db.execute(HAVING).all()
        orders = {code: {row.merchant_order_id for row in rows if row.code == code} - {None} for code in COUPONS}
        assert {row.code: row.redeemed for row in rows} == {code: len(having) for code, having in orders.items()}
        return orders

    def told(self, order_id: str) -> set[str]:
        with self.town.database.read() as db:
            return set(db.execute(sa.select(story.c.what).where(story.c.merchant_order_id == order_id)).scalars())

    def at_duitku(self, order_id: str) -> Order | None:
        with suppress(NotPossibleError):
            return self.town.duitku.orders[order_id]
        return None

    def enrollments_of(self, email: str) -> list[Enrollment]:
        """What Thinkific has of this person."""
        school = self.town.thinkific.school
        user = school.user_by_email(email)
        return school.enrollments_of(user.id) if user else []

    def _fill(self) -> None:
        school = self.town.thinkific.school
        web, python = school.add_course("Web Development"), school.add_course("Python dari Dasar")
        other, last = school.add_course("Basis Data"), school.add_course("Linux")
        bundle = school.add_bundle("Paket Lengkap", [web.id, other.id])
        beside = school.add_bundle("Paket Lain", [other.id, last.id])
        self.courses = {
            FOREVER: frozenset({web.id}),
            MONTH: frozenset({python.id}),
            BUNDLE: frozenset({web.id, other.id}),
            OTHER_BUNDLE: frozenset({other.id, last.id}),
        }
        price = Rupiah(PRICE)
        listed = (
            Offer(FOREVER, web.name, price, course_id=web.id, product_id=web.product_id),
            Offer(MONTH, python.name, price, course_id=python.id, product_id=python.product_id, access_days=MONTH_DAYS),
            Offer(BUNDLE, bundle.name, price, bundle_id=bundle.id, product_id=bundle.product_id),
            Offer(OTHER_BUNDLE, beside.name, price, bundle_id=beside.id, product_id=beside.product_id),
        )
        self._sold = {offer.slug: offer for offer in listed}
        with self.town.database.begin() as db:
            for offer in listed:
                offers.put_offer(db, offer, self.town.clock())
            for coupon in COUPONS.values():
                coupons.put_coupon(db, coupon, self.town.clock())
