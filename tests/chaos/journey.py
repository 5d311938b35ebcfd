"""A buyer's way through as many processes as it takes, and the stories that are told with deaths in them: what was
before, which purchase is killed, and what must hold at its end.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

import sqlalchemy as sa

from kelaspay.checkout import Wanted
from kelaspay.faults import StillInProgress
from kelaspay.payment import Attention, EnrollmentState, ExternalOrderState, MerchantOrderId, Offer, Rupiah, Status
from kelaspay.review import retry
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import enrollments, offers, payments, tables
from tests.chaos.dying import UNTIL_ASKED_AGAIN, UNTIL_REPLACED, Boundaries, Died, Life, Town, living
from tests.world import COURSE, OFFER, PRICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.payment import Enrollment, Payment

EMAIL = "siti@example.com"
WANTED = {
    "customer_name": "Siti Rahmawati",
    "customer_email": EMAIL,
    "customer_phone": "0812-3456-7890",
    "offer": OFFER,
}
DAYS = 30


class Journey:
    """One purchase. Each step is done again by the next process until one has lived to its end."""

    def __init__(self, town: Town, deaths: tuple[int, ...] = (), key: str = "the order") -> None:
        self.town = town
        self.boundaries = Boundaries(deaths)
        self.order_id = MerchantOrderId("")
        self._key = key
        self._lives = 0
        self._stack = ExitStack()
        self._life: Life | None = None

    def buy(self, **wanted: Any) -> None:
        """Order, with the same key until there is an answer; then pay, and call back until that is taken."""
        form = self._ordered_and_paid(**wanted)
        self._go(lambda life: life.receive(urlencode(form).encode()))
        self._go(lambda life: life.work())

    def buy_unheard(self) -> None:
        """Order and pay; no callback ever comes."""
        self._ordered_and_paid()
        while self.payment.status is Status.PENDING:
            self.town.pass_time(timedelta(hours=1))
            self._go(lambda life: life.work())

    def revoke(self) -> None:
        self._go(self._ask_to_revoke)
        self._go(lambda life: life.work())

    def retry(self) -> None:
        self._go(self._retry)
        self._go(lambda life: life.work())

    def close(self) -> None:
        self._stack.close()
        self._life = None

    @property
    def payment(self) -> Payment:
        with self.town.database.read() as db:
            found = payments.find_payment(db, self.order_id)
        assert found is not None
        return found

    @property
    def enrollment(self) -> Enrollment:
        with self.town.database.read() as db:
            found = enrollments.find_enrollment(db, self.order_id)
        assert found is not None
        return found

    def _go(self, step: Callable[[Life], Any]) -> None:
        while True:
            try:
                step(self._living())
            except Died:
                self.close()
                self.town.pass_time(UNTIL_REPLACED)
            else:
                return

    def _living(self) -> Life:
        if self._life is None:
            self.boundaries.live_again()
            self._lives += 1
            self._life = self._stack.enter_context(living(self.town, self.boundaries, f"life-{self._lives}"))
        return self._life

    def _ordered_and_paid(self, **wanted: Any) -> dict[str, str]:
        self._go(lambda life: self._order(life, Wanted(**(WANTED | wanted))))
        return self.town.duitku.pay(self.order_id)

    def _order(self, life: Life, wanted: Wanted) -> None:
        try:
            self.order_id = life.initiate(wanted, self._key)
        except StillInProgress:
            self.town.pass_time(UNTIL_ASKED_AGAIN)
            self._order(life, wanted)

    def _ask_to_revoke(self, life: Life) -> None:
        ask_to_revoke(
            self.order_id,
            database=life.outside.database,
            start=life.engine.start,
            now=self.town.clock,
            reason="the buyer changed her mind",
            actor="operator",
        )

    def _retry(self, life: Life) -> None:
        if self.payment.status is Status.REVIEW:
            database, start = life.outside.database, life.engine.start
            retry(self.order_id, database=database, start=start, now=self.town.clock, actor="operator")


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    before: Callable[[Town], None]
    purchase: Callable[[Journey], None]
    holds: Callable[[Town, Journey], None]
    payments: int = 1


def told(story: Story, town: Town, deaths: tuple[int, ...]) -> list[str]:
    """Tell the story with these deaths and check its end; returned are the boundaries that were reached."""
    town.empty()
    story.before(town)
    journey = Journey(town, deaths)
    try:
        story.purchase(journey)
        one_live_invoice_each(town, journey, story.payments)
        nothing_waits(town)
        story.holds(town, journey)
    except Exception as problem:
        where = [journey.boundaries.reached[death - 1] for death in deaths if death <= len(journey.boundaries.reached)]
        problem.add_note(f"killed {' and '.join(where)}" if where else "nobody was killed")
        raise
    finally:
        journey.close()
    return journey.boundaries.reached


# what was before


def sell(town: Town, *, access_days: int | None = None, mapped: bool = True) -> None:
    course = town.thinkific.school.add_course(COURSE)
    ids = {"course_id": course.id, "product_id": course.product_id} if mapped else {}
    _offer(town, OFFER, access_days=access_days, **ids)


def sell_bundle(town: Town, mode: Literal[201, 202] = 201) -> None:
    town.thinkific.switches.bundle_mode = mode
    town.thinkific.switches.bundle_delay_seconds = 60.0
    course = town.thinkific.school.add_course(COURSE)
    bundle = town.thinkific.school.add_bundle("Paket Lengkap", [course.id])
    _offer(town, OFFER, bundle_id=bundle.id, product_id=bundle.product_id)


def known_to_us(town: Town) -> None:
    other = town.thinkific.school.add_course("Python dari Dasar")
    _offer(town, "python", course_id=other.id)
    bought(town, offer="python")


def known_to_thinkific(town: Town) -> None:
    town.thinkific.school.add_user(EMAIL, "Siti", "R")


def bought(town: Town, **wanted: Any) -> None:
    """An earlier purchase, in peace, ten days ago."""
    journey = Journey(town, key="an earlier order")
    journey.buy(**wanted)
    journey.close()
    town.pass_time(timedelta(days=10))


def strict(town: Town) -> None:
    town.thinkific.switches.enrollment_mode = "422"


def all_of(*things: Callable[[Town], None]) -> Callable[[Town], None]:
    def before(town: Town) -> None:
        for thing in things:
            thing(town)

    return before


def _offer(town: Town, slug: str, **sold: Any) -> None:
    with town.database.begin() as db:
        offers.put_offer(db, Offer(slug, COURSE, Rupiah(PRICE), **sold), town.clock())


# which purchase is killed


def buy(**wanted: Any) -> Callable[[Journey], None]:
    return lambda journey: journey.buy(**wanted)


def buy_unheard(journey: Journey) -> None:
    journey.buy_unheard()


def buy_and_retry(journey: Journey) -> None:
    """Nothing fits the offer until the operator maps it."""
    journey.buy()
    [course] = journey.town.thinkific.school.courses.values()
    _offer(journey.town, OFFER, course_id=course.id, product_id=course.product_id)
    journey.retry()


def buy_and_revoke(journey: Journey) -> None:
    journey.buy()
    journey.revoke()


# what must hold at the end


def one_live_invoice_each(town: Town, journey: Journey, count: int) -> None:
    """As many payments as there are orders at Duitku, and ours shows the number that can be paid there."""
    with town.database.read() as db:
        made = db.execute(sa.select(sa.func.count()).select_from(tables.payments)).scalar_one()
    order, payment = town.duitku.orders[journey.order_id], journey.payment
    assert (made, len(town.duitku.orders)) == (count, count)
    assert payment.reference == order.reference
    if payment.va_number is not None:
        assert order.payments[0].va_number == payment.va_number


def nothing_waits(town: Town) -> None:
    with town.database.read() as db:
        events = db.execute(sa.select(sa.func.count()).where(tables.inbox.c.started_at.is_(None))).scalar_one()
        runs = db.execute(sa.select(sa.func.count()).where(tables.jobs.c.active)).scalar_one()
    assert (events, runs) == (0, 0)


def enrolled_once(town: Town, journey: Journey) -> None:
    assert [each for each in town.thinkific.school.enrolled() if each[1] == COURSE] == [(EMAIL, COURSE)]
    assert journey.payment.status is Status.COMPLETED
    sold_at_most_once(town, journey)


def renewed_once(town: Town, journey: Journey) -> None:
    """Bought for 30 days, again after ten: the days are added to those that were left, once."""
    with town.database.read() as db:
        ends = set(db.execute(sa.select(tables.enrollments.c.expiry_date)).scalars())
    [there] = town.thinkific.school.enrollments.values()
    assert there.expiry_date is not None
    assert ends == {there.expiry_date - timedelta(days=DAYS), there.expiry_date}
    enrolled_once(town, journey)


def sold_at_most_once(town: Town, journey: Journey) -> None:
    """The sale is recorded; where a death left open whether it is, it is not sent again and a person is told."""
    sales = town.thinkific.school.external_orders.values()
    sent = [sale.id for sale in sales if sale.transactions[0].reference == journey.order_id]
    if journey.enrollment.external_order_state is ExternalOrderState.RECORDED:
        assert sent == [journey.enrollment.external_order_id]
    else:
        assert journey.enrollment.external_order_state is ExternalOrderState.UNKNOWN
        assert len(sent) <= 1
        assert journey.payment.attention is Attention.EXTERNAL_ORDER_UNKNOWN


def ended_and_refunded_at_most_once(town: Town, journey: Journey) -> None:
    assert town.thinkific.school.enrolled() == []
    assert journey.payment.status is Status.REFUNDED
    assert journey.enrollment.state is EnrollmentState.REVOKED
    sales = town.thinkific.school.external_orders.values()
    refunds = [each for sale in sales for each in sale.transactions if each.action == "refund"]
    if journey.enrollment.refund_state is ExternalOrderState.RECORDED:
        assert len(refunds) == 1
    else:
        assert len(refunds) <= 1
        assert journey.payment.attention is Attention.EXTERNAL_ORDER_UNKNOWN


STORIES = [
    Story("a new buyer", sell, buy(), enrolled_once),
    Story("a new buyer with a bank chosen", sell, buy(payment_method="BC"), enrolled_once),
    Story("a buyer whom we know", all_of(sell, known_to_us), buy(), enrolled_once, payments=2),
    Story("a buyer whom Thinkific alone knows", all_of(sell, known_to_thinkific), buy(), enrolled_once),
    Story("a strict school", all_of(sell, strict), buy(), enrolled_once),
    Story("a bundle", sell_bundle, buy(), enrolled_once),
    Story("a bundle that is queued", lambda town: sell_bundle(town, 202), buy(), enrolled_once),
    Story("bought again", all_of(lambda town: sell(town, access_days=DAYS), bought), buy(), renewed_once, payments=2),
    Story("a callback that was lost", sell, buy_unheard, enrolled_once),
    Story("a course mapped late", lambda town: sell(town, mapped=False), buy_and_retry, enrolled_once),
    Story("a refund", sell, buy_and_revoke, ended_and_refunded_at_most_once),
    Story("a refund of a bundle", sell_bundle, buy_and_revoke, ended_and_refunded_at_most_once),
]
