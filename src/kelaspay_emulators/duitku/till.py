"""The state of one emulator under one lock, and everything that can happen to an order besides an API call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx2

from kelaspay_emulators.duitku.callbacks import Delivery, Outbox, Signer, callback_form
from kelaspay_emulators.duitku.channels import CHANNELS
from kelaspay_emulators.duitku.orders import NotPossibleError, Orders, end, settle
from kelaspay_emulators.duitku.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kelaspay_emulators.duitku.callbacks import Post
    from kelaspay_emulators.duitku.orders import Attempt, Order
    from kelaspay_emulators.duitku.signatures import Scheme

SUCCESS = "00"
USUAL_METHOD = "BC"
"""The channel of a buyer who does not say which."""


@dataclass(slots=True)
class Till:
    merchants: Mapping[str, str]
    public_url: str
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    post: Post | None = None
    switches: Switches = field(default_factory=Switches)
    lock: threading.RLock = field(default_factory=threading.RLock)
    orders: Orders = field(default_factory=Orders)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.switches)

    def tick(self) -> None:
        """Let every order expire whose time is over."""
        with self.lock:
            for order in self.orders.expire_due(self.now()):
                self._expired(order)

    def pay(
        self, order: Order, *, publisher_order_id: str | None, payment_method: str | None, amount: int | None
    ) -> Attempt:
        """The buyer pays, without a callback yet."""
        with self.lock:
            self.tick()
            self._refuse_unpayable(order)
            attempt = self._to_pay(order, publisher_order_id, payment_method)
            if self.switches.fees_to_buyer:
                attempt.paid_fee = CHANNELS[attempt.payment_method].fee
            told = attempt.amount + (attempt.paid_fee if self.switches.amount_includes_fee else 0)
            settle(order, attempt, told if amount is None else amount, self.now())
            return attempt

    def _refuse_unpayable(self, order: Order) -> None:
        switches, named = self.switches, f"The order {order.merchant_order_id} is {order.status}"
        if order.status == "paid" and not switches.old_va_payable:
            raise NotPossibleError(f"{named} already, and switches.old_va_payable is off.")
        if order.status in {"expired", "failed", "canceled"} and not switches.expired_payable:
            raise NotPossibleError(f"{named}, and switches.expired_payable is off.")

    def _to_pay(self, order: Order, publisher_order_id: str | None, payment_method: str | None) -> Attempt:
        if publisher_order_id is not None:
            return self._named(order, publisher_order_id)
        newest = order.attempt
        if newest and newest.paid_at is None and payment_method in {None, newest.payment_method}:
            return newest
        if order.status == "paid" and payment_method is None:
            raise NotPossibleError(
                f"The order {order.merchant_order_id} is paid; name a payment_method to pay it twice."
            )
        return self.choose(order, payment_method or USUAL_METHOD)

    def _named(self, order: Order, publisher_order_id: str) -> Attempt:
        found = next((each for each in order.attempts if each.publisher_order_id == publisher_order_id), None)
        if found is None:
            raise NotPossibleError(f"The order {order.merchant_order_id} has no attempt {publisher_order_id}.")
        if found.paid_at is not None:
            raise NotPossibleError(f"The attempt {publisher_order_id} is paid already.")
        if found is not order.attempt and not self.switches.old_va_payable:
            raise NotPossibleError(f"The attempt {publisher_order_id} is replaced, and switches.old_va_payable is off.")
        return found

    def choose(self, order: Order, payment_method: str) -> Attempt:
        """The buyer chooses a channel."""
        if payment_method not in CHANNELS:
            raise NotPossibleError(f"There is no channel {payment_method}.")
        with self.lock:
            return self.orders.attempt(order, payment_method, self.now())

    def end(self, order: Order, status: str) -> None:
        """Fail, cancel or expire an order, with the callback that goes with it."""
        with self.lock:
            self.tick()
            if status == "expired":
                end(order, "expired")
                self._expired(order)
            elif status == "failed":
                end(order, "failed")
                self.send(order, self.form(order))
            else:
                end(order, "canceled")
                if self.switches.callback_on_cancel:
                    self.send(order, self.form(order))

    def _expired(self, order: Order) -> None:
        if self.switches.callback_on_expiry:
            self.send(order, self.form(order))

    def form(
        self,
        order: Order,
        attempt: Attempt | None = None,
        *,
        result_code: str | None = None,
        scheme: Scheme | None = None,
    ) -> dict[str, str]:
        """The callback's fields as they would be signed now."""
        with self.lock:
            told = attempt or _told_of(order)
            paid = told is not None and told.paid_at is not None
            code = result_code or (SUCCESS if paid else self.switches.failed_code)
            signer = Signer(self.merchants[order.merchant_code], scheme or self.switches.callback_scheme)
            return callback_form(order, told, code, signer, optional_fields=self.switches.callback_optional_fields)

    def send(
        self, order: Order, form: dict[str, str], *, copies: int | None = None, after: float | None = None
    ) -> None:
        """Put a callback in the outbox, as often and as late as the switches or the caller say."""
        switches = self.switches
        wait = switches.callback_delay_seconds if after is None else after
        with self.lock:
            due = self.now() + timedelta(seconds=wait)
            for _ in range(switches.callback_copies if copies is None else copies):
                self.outbox.put(order, form, due)

    def deliver_due(self) -> int:
        """Send what is due, outside the lock, and say how many were sent."""
        self.tick()
        if self.post is None:
            return 0
        with self.lock:
            due = self.outbox.take_due(self.now())
        if len(due) > 1 and self.switches.callback_parallel > 1:
            with ThreadPoolExecutor(self.switches.callback_parallel) as senders:
                list(senders.map(self.deliver, due))
        else:
            for delivery in due:
                self.deliver(delivery)
        return len(due)

    def deliver(self, delivery: Delivery) -> None:
        """Send one callback, whatever becomes of it."""
        try:
            status = self.post(delivery.url, delivery.body, delivery.content_type) if self.post else 0
        except httpx2.HTTPError:
            status = 0
        with self.lock:
            self.outbox.report(delivery, status, self.now())


def _told_of(order: Order) -> Attempt | None:
    """The attempt a callback speaks of: the last one paid, else the one that can be."""
    return order.payments[-1] if order.payments else order.attempt
