"""Orders and what may become of them (duitku.md 5): pending, then paid, failed, canceled or expired.

An order keeps every attempt ever made for it, because the number of an old attempt may still be paid.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Literal

from kelaspay_emulators.duitku.channels import CHANNELS, channel_of
from kelaspay_emulators.duitku.identifiers import qr_string, reference_like, va_number

if TYPE_CHECKING:
    from collections.abc import Iterator

Status = Literal["pending", "paid", "failed", "canceled", "expired"]
Product = Literal["v2", "pop"]

STATUS_CODES: dict[Status, tuple[str, str]] = {
    "pending": ("01", "PROCESS"),
    "paid": ("00", "SUCCESS"),
    "failed": ("02", "FAILED"),
    "canceled": ("02", "CANCELED"),
    "expired": ("02", "EXPIRED"),
}
"""statusCode and statusMessage; the messages of 02 were never captured (duitku.md 3.4)."""


class NotPossibleError(Exception):
    """The order is unknown, or its state does not allow it; says which."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the merchant asked for in createInvoice or inquiry."""

    product: Product
    merchant_code: str
    merchant_order_id: str
    payment_amount: int
    payment_method: str
    product_details: str
    email: str
    return_url: str
    callback_url: str
    additional_param: str = ""
    merchant_user_info: str = ""
    customer_va_name: str = ""
    phone_number: str = ""
    expiry_period: int | None = None


@dataclass(slots=True)
class Attempt:
    """One way to pay an order: a channel with its number or code."""

    publisher_order_id: str
    payment_method: str
    reference: str
    amount: int
    created_at: datetime
    va_number: str | None = None
    qr_string: str | None = None
    paid_amount: int | None = None
    paid_fee: int = 0
    """Of it, or on top of it, what the channel cost the buyer."""
    paid_at: datetime | None = None


@dataclass(slots=True)
class Order:
    asked: Asked
    reference: str
    created_at: datetime
    expires_at: datetime
    status: Status = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    payments: list[Attempt] = field(default_factory=list)
    """The attempts that were paid, in that order."""

    @property
    def paid(self) -> Attempt | None:
        """The attempt that paid it first, which its status tells of."""
        return self.payments[0] if self.payments else None

    @property
    def merchant_code(self) -> str:
        return self.asked.merchant_code

    @property
    def merchant_order_id(self) -> str:
        return self.asked.merchant_order_id

    @property
    def amount(self) -> int:
        """What was asked; once paid, what came in."""
        if self.paid and self.paid.paid_amount is not None:
            return self.paid.paid_amount
        return self.asked.payment_amount

    @property
    def paid_at(self) -> datetime | None:
        return self.paid.paid_at if self.paid else None

    @property
    def attempt(self) -> Attempt | None:
        """The one that the buyer is shown now."""
        current = self.attempts[-1] if self.attempts else None
        return current if current and current.reference == self.reference else None


class Orders:
    """Every order, by merchant and id, by reference and by what its attempts are called."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Order] = {}
        self._by_id: dict[str, Order] = {}
        self._by_reference: dict[str, Order] = {}
        self._by_attempt: dict[str, tuple[Order, Attempt]] = {}
        self._by_number: dict[str, tuple[Order, Attempt]] = {}
        self._expiries: list[tuple[datetime, int, Order]] = []
        self._ticket = count()

    def __getitem__(self, merchant_order_id: str) -> Order:
        """By id alone; where two merchants use the same one, the newer order."""
        if merchant_order_id not in self._by_id:
            raise NotPossibleError(f"There is no order {merchant_order_id}.")
        return self._by_id[merchant_order_id]

    def __contains__(self, merchant_order_id: object) -> bool:
        return merchant_order_id in self._by_id

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._by_key.values()))

    def __len__(self) -> int:
        return len(self._by_key)

    def newest(self, limit: int) -> list[Order]:
        newest_first = reversed(self._by_key.values())
        return [order for order, _ in zip(newest_first, range(limit), strict=False)]

    def find(self, merchant_code: str, merchant_order_id: str) -> Order | None:
        return self._by_key.get((merchant_code, merchant_order_id))

    def by_reference(self, reference: str) -> Order | None:
        """By the order's reference or by an attempt's publisherOrderId."""
        if reference in self._by_attempt:
            return self._by_attempt[reference][0]
        return self._by_reference.get(reference)

    def by_number(self, number: str) -> tuple[Order, Attempt] | None:
        return self._by_number.get(number)

    def open(self, asked: Asked, now: datetime, *, keep: bool = True) -> Order:
        """A new order, or the same one asked for again: while pending it keeps its reference, or not (duitku.md 5)."""
        order = self.find(asked.merchant_code, asked.merchant_order_id)
        if order is None:
            order = Order(asked, reference_like(asked.merchant_code, now), now, now)
            self._by_key[asked.merchant_code, asked.merchant_order_id] = order
        elif order.status != "pending" or not keep:
            order.reference, order.status = reference_like(asked.merchant_code, now), "pending"
        order.asked = asked
        self._by_id[asked.merchant_order_id] = order
        self._by_reference[order.reference] = order
        self._expire_at(order, now + timedelta(minutes=channel_of(asked.payment_method).minutes(asked.expiry_period)))
        if asked.payment_method:
            self.attempt(order, asked.payment_method, now)
        return order

    def attempt(self, order: Order, payment_method: str, now: datetime) -> Attempt:
        """A new way to pay the order, as its newest."""
        channel, amount = CHANNELS[payment_method], order.asked.payment_amount
        publisher_order_id = reference_like(payment_method, now)
        made = Attempt(publisher_order_id, payment_method, order.reference, amount, now)
        if channel.numbered:
            made.va_number = self._unused_number(payment_method)
            self._by_number[made.va_number] = (order, made)
        if channel.group == "qris":
            made.qr_string = qr_string(publisher_order_id, amount, f"MERCHANT {order.merchant_code}")
        order.attempts.append(made)
        self._by_attempt[publisher_order_id] = (order, made)
        return made

    def _unused_number(self, payment_method: str) -> str:
        number = va_number(payment_method)
        while number in self._by_number:
            number = va_number(payment_method)
        return number

    def _expire_at(self, order: Order, at: datetime) -> None:
        order.expires_at = at
        heapq.heappush(self._expiries, (at, next(self._ticket), order))

    def expire_due(self, now: datetime) -> list[Order]:
        """Expire every pending order whose time is over, and say which."""
        expired = []
        while self._expiries and self._expiries[0][0] <= now:
            at, _, order = heapq.heappop(self._expiries)
            if order.status == "pending" and order.expires_at == at:
                order.status = "expired"
                expired.append(order)
        return expired


def settle(order: Order, attempt: Attempt, amount: int, now: datetime) -> None:
    """The attempt is paid, and with it the order."""
    attempt.paid_at, attempt.paid_amount = now, amount
    order.payments.append(attempt)
    order.status = "paid"


def end(order: Order, status: Literal["failed", "canceled", "expired"]) -> None:
    """A pending order will not be paid."""
    if order.status != "pending":
        raise NotPossibleError(f"The order {order.merchant_order_id} is {order.status} already.")
    order.status = status
