"""Correct the address of an order that is not paid yet: the letter with how to pay goes out again, to the right one.

After paying the address is what the access hangs on, so then the buyer asks and a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.faults import CacheUnavailable, InvalidInput, MoveRefused, PaymentUnknown
from kelaspay.payment import Attention, Status
from kelaspay.store import buyers, coupons, enrollments, messages, payments
from kelaspay.wanted import checked_email

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.customers import Customers
    from kelaspay.payment import Customer, Enrollment, MerchantOrderId, Payment
    from kelaspay.store.database import Database, Db

ASKABLE = frozenset({Status.PAID, Status.COMPLETED, Status.REVIEW})


def correct_email(
    merchant_order_id: MerchantOrderId,
    email: str,
    *,
    proved: str | None,
    database: Database,
    customers: Customers,
    now: Callable[[], datetime],
) -> None:
    """Give the order another address. Repeating it changes nothing. Who did not make the order has `proved` an address,
    and may while it has that one.

    The cache forgets the buyer first, and nobody else fills it. Raises `CacheUnavailable`, `MoveRefused` once it is no
    longer waiting to be paid or has another address than was proved, and `InvalidInput`, also where the order's coupon
    may not be had with that address.
    """
    address = checked_email("customer_email", email)
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
        _refuse_former(customer, proved)
        if payment.coupon is not None and not coupons.may_have(db, payment, address):
            raise InvalidInput.one("coupon", "has been used with this e-mail address")
        payments.set_email(db, merchant_order_id, address, now())
        payments.tell(db, merchant_order_id, now(), "buyer", "email_corrected")
        messages.once_more(db, merchant_order_id, "order_made", now())


def ask_to_correct(
    merchant_order_id: MerchantOrderId,
    email: str,
    *,
    proved: str | None,
    database: Database,
    now: Callable[[], datetime],
) -> None:
    """Ask the seller to give a paid order to another address. Asking again for the same changes nothing. Who may is as
    with `correct_email`.

    Raises `InvalidInput`, and `MoveRefused` where it cannot be given away any more or has another address than was
    proved.
    """
    address = checked_email("customer_email", email)
    with database.begin() as db:
        payment = payments.find_for_update(db, merchant_order_id)
        customer = payments.find_customer(db, merchant_order_id)
        if payment is None or customer is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        if not may_ask(db, payment, enrollments.find_enrollment(db, merchant_order_id)):
            raise MoveRefused(f"It is {payment.status}.", merchant_order_id=merchant_order_id)
        if address in {customer.email, buyers.email_wanted(db, merchant_order_id)}:
            return
        _refuse_former(customer, proved)
        buyers.want_email(db, merchant_order_id, address)
        payments.flag(db, merchant_order_id, Attention.EMAIL_WRONG, "", now())


def _refuse_former(customer: Customer, proved: str | None) -> None:
    if proved not in {None, customer.email}:
        raise MoveRefused("It has another address by now.")


def may_ask(db: Db, payment: Payment, found: Enrollment | None) -> bool:
    """Whether a paid order may still go to another address: until its user has signed in or the access ends."""
    if payment.status not in ASKABLE:
        return False
    if found is None:
        return True
    leaving = found.ended or found.former_user_id is not None
    return not leaving and (found.user_id is None or not enrollments.signed_in(db, payment.school, found.user_id))
