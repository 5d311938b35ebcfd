"""What must be so after each step of a history, whatever the step was: access exactly where confirmed money covers it,
never twice, and no money that arrived without a state. Money is what Duitku has, access is what Thinkific has.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.confirm import LATE_ASKS
from kelaspay.payment import UNPAID, Attention, EnrollmentState, Rupiah, Status
from tests.security.market import COUPONS, MONTH, MONTH_DAYS, PRICE

if TYPE_CHECKING:
    from kelaspay.checkout import Wanted
    from kelaspay_emulators.thinkific.records import Enrollment
    from tests.security.market import Market, Standing

SUCCESS = "00"
CLOSE = timedelta(seconds=5)


class Ledger:
    """Remembers what only a person's word or our own price list can tell."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.prices: Counter[str] = Counter()
        self.orders: list[Standing] = []
        self.marked: set[str] = set()
        """Orders that an operator said were paid."""
        self.heard: set[str] = set()
        """Orders that Duitku called back about after money came."""
        self.receipts: set[tuple[str, str]] = set()
        self.beside: set[str] = set()
        """Orders whose money Duitku first called back about after an operator had said that they were paid."""
        self.emails: dict[str, set[str]] = {}
        """Every address that each order was given to."""
        self._asked: dict[str, int] = {}

    def hear_success(self, order_id: str) -> None:
        """Duitku calls back about a success."""
        first = all(each != order_id for each, _receipt in self.receipts)
        by_hand = order_id in self.marked and Attention.AMOUNT_DIFFERS not in self._market.told(order_id)
        if first and by_hand and order_id in self.heard:
            self.beside.add(order_id)

    # what is so

    def paid_right(self, order: Standing) -> bool:
        """Whether Duitku has the money that was asked for."""
        at_duitku = self._market.at_duitku(order.order_id)
        return at_duitku is not None and bool(at_duitku.payments) and at_duitku.amount == order.asked

    def money(self, order: Standing) -> bool:
        at_duitku = self._market.at_duitku(order.order_id)
        return at_duitku is not None and bool(at_duitku.payments)

    def covered(self, order: Standing) -> bool:
        return order.order_id in self.marked or order.asked == 0 or self.paid_right(order)

    def may_have(self, order: Standing) -> bool:
        """Whether its buyer may be in its courses: the money is right, and no refund has ended the access."""
        return self.covered(order) and not (order.status == Status.REFUNDED and order.access == EnrollmentState.REVOKED)

    def own(self, wanted: Wanted) -> list[str]:
        """The orders that are in this buyer's browser."""
        return [order.public_id for order in self.orders if order.email == wanted.customer_email]

    # after each step

    def check(self) -> None:
        self.orders = self._market.standings()
        for order in self.orders:
            self._the_price_is_ours(order)
            self.emails.setdefault(order.order_id, set()).add(order.email)
            assert order.fault != "defect", order
            if order.status in {Status.PAID, Status.COMPLETED}:
                assert self.covered(order), order
            if order.status in UNPAID:
                self._it_is_still_asked_after(order)
        self._no_coupon_goes_too_far()
        self._nobody_is_in_unpaid()
        self._nothing_is_there_twice()

    def _the_price_is_ours(self, order: Standing) -> None:
        """An order costs what our list and its coupon said when it was made, here and at Duitku, for ever."""
        price = Rupiah(self.prices[order.offer] or PRICE)
        coupon = COUPONS[order.coupon] if order.coupon else None
        first = self._asked.setdefault(order.order_id, price - coupon.off(price) if coupon else price)
        at_duitku = self._market.at_duitku(order.order_id)

        assert order.asked == first
        assert at_duitku is None or at_duitku.asked.payment_amount == first

    def _no_coupon_goes_too_far(self) -> None:
        """Two orders never share the last redemption; only one that had lapsed and was paid yet comes on top."""
        for code, having in self._market.having().items():
            in_time = {each for each in having if not self._market.told(each) & {Status.EXPIRED, Status.FAILED}}
            assert len(in_time) <= (COUPONS[code].most or 0)

    def _it_is_still_asked_after(self, order: Standing) -> None:
        """Money of which no callback tells is found by asking, until long after the invoice has ended."""
        over = self._market.town.clock() >= order.expires_at + LATE_ASKS[-1]

        assert (
            order.next_ask_at is not None or over or order.at_work or order.order_id in self._market.waiting_events()
        ), order

    def _nobody_is_in_unpaid(self) -> None:
        now = self._market.town.clock()
        may = {
            (email, course)
            for order in self.orders
            if self.may_have(order)
            for email in self._of(order)
            for course in self._gives(order)
        }
        has = {
            (email, enrollment.course_id)
            for email in self._everybody()
            for enrollment in self._market.enrollments_of(email)
            if enrollment.full(now)
        }

        assert has <= may

    def _of(self, order: Standing) -> set[str]:
        """Whose it is, and until its new address has it whose it was."""
        users = self._market.town.thinkific.school.users
        return {order.email} | ({users[order.former_user_id].email} if order.former_user_id is not None else set())

    def _everybody(self) -> set[str]:
        return {email for emails in self.emails.values() for email in emails}

    def _nothing_is_there_twice(self) -> None:
        school = self._market.town.thinkific.school
        made = Counter(
            (each.action, each.reference) for order in school.external_orders.values() for each in order.transactions
        )

        assert [each for each, times in made.items() if times > 1] == []
        assert [each for each in school.bundle_enrollments.values() if each.creations > 1] == []
        assert [each for each in school.enrollments.values() if each.full_creations > 1 + self._by_bundles(each)] == []

    def _by_bundles(self, enrollment: Enrollment) -> int:
        """How often this course came with a bundle."""
        school = self._market.town.thinkific.school
        return sum(
            each.creations
            for each in school.bundle_enrollments.values()
            if each.user_id == enrollment.user_id and enrollment.course_id in school.bundles[each.course_id].course_ids
        )

    def _gives(self, order: Standing) -> frozenset[int]:
        return self._market.courses[order.offer]

    # when everything that can be done is done

    def unsettled(self, order: Standing) -> bool:
        """Whether something about it is still to come by itself."""
        if order.at_work or order.status == Status.PAID:
            return True
        asked_after = order.order_id in self.beside if order.status not in UNPAID else self.money(order)
        return asked_after and order.next_ask_at is not None

    def stuck(self, order: Standing) -> bool:
        """Whether a person must say that it shall go on, and may."""
        if order.status == Status.REVIEW:
            return order.attention != Attention.AMOUNT_DIFFERS
        if order.status == Status.COMPLETED:
            return not order.at_work and (order.access != EnrollmentState.ENROLLED or order.former_user_id is not None)
        return order.status == Status.REFUNDED and order.access != EnrollmentState.REVOKED and not order.at_work

    def check_settled(self) -> None:
        self.check()
        for order in self.orders:
            self._it_ended_as_the_money_says(order)
        now = self._market.town.clock()
        for order in self.orders:
            assert order.former_user_id is None, order
            if order.status == Status.COMPLETED and (order.expiry_date is None or order.expiry_date > now + CLOSE):
                has = {each.course_id for each in self._market.enrollments_of(order.email) if each.full(now)}
                assert self._gives(order) <= has, order
        self._nobody_has_more_days_than_were_paid()

    def _it_ended_as_the_money_says(self, order: Standing) -> None:
        if order.status == Status.REFUNDED:
            assert order.access == EnrollmentState.REVOKED, order
        elif self.covered(order) and (order.order_id in self.heard | self.marked or order.status not in UNPAID):
            assert order.status == Status.COMPLETED, order
        elif self.money(order) and order.order_id in self.heard:
            assert (order.status, order.attention) == (Status.REVIEW, Attention.AMOUNT_DIFFERS), order
        if sum(order_id == order.order_id for order_id, _receipt in self.receipts) > 1 and order.status not in UNPAID:
            assert "paid_twice" in self._market.told(order.order_id), order
        if order.order_id in self.beside:
            assert Attention.PAID_TWICE in self._market.told(order.order_id), order

    def _nobody_has_more_days_than_were_paid(self) -> None:
        now = self._market.town.clock()
        [python] = self._market.courses[MONTH]
        every = [order for order in self.orders if order.offer == MONTH]
        given = any(len(self.emails[order.order_id]) > 1 for order in every)  # the day it ends goes along with an order
        for email in self._everybody():
            months = every if given else [order for order in every if order.email == email]
            days = MONTH_DAYS * sum(self.covered(order) for order in months)
            for each in self._market.enrollments_of(email):
                if each.course_id == python and each.expiry_date is not None:
                    assert each.expiry_date <= now + timedelta(days=days)
