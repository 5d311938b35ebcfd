"""Correct the address of an order that is not paid yet: the letter with how to pay goes out again, to the right one.

After paying the address is what the access hangs on, so then a person corrects it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.faults import CacheUnavailable, InvalidInput, MoveRefused, PaymentUnknown
from kelaspay.payment import Status
from kelaspay.store import coupons, messages, payments
from kelaspay.wanted import email_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.customers import Customers
    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Database


def correct_email(
    merchant_order_id: MerchantOrderId,
    email: str,
    *,
    database: Database,
    customers: Customers,
    now: Callable[[], datetime],
) -> None:
    """Give the order another address. Repeating it changes nothing.

    The cache forgets the buyer first, and nobody else fills it. Raises `CacheUnavailable`, `MoveRefused` once it is no
    longer waiting to be paid, and `InvalidInput`, also where the order's coupon may not be had with that address.
    """
    try:
        address = email_of(email)
    except ValueError as error:
        raise InvalidInput.one("customer_email", str(error)) from None
    if not customers.forget(merchant_order_id):  # or the wrong address would be enrolled from there
        raise CacheUnavailable
    with database.begin() as db:
        payment = payments.find_for_update(db, merchant_order_id)
        customer = payments.find_customer(db, merchant_order_id)
        if payment is None or customer is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        if payment.status is not Status.PENDING:
            raise MoveRefused(f"It is {payment.status}.", merchant_order_id=merchant_order_id)
        if address == customer.email:
            return
        if payment.coupon is not None and not coupons.may_have(db, payment, address):
            raise InvalidInput.one("coupon", "has been used with this e-mail address")
        payments.set_email(db, merchant_order_id, address, now())
        payments.tell(db, merchant_order_id, now(), "buyer", "email_corrected")
        messages.once_more(db, merchant_order_id, "order_made", now())
