"""Asking Duitku about a payment, on an operator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.confirm import confirm
from kelaspay.faults import PaymentUnknown
from kelaspay.payment import MerchantOrderId, Status
from kelaspay.store import payments
from kelaspay.web.console.visit import outside_of, start_of

if TYPE_CHECKING:
    from fastapi import Request


def ask_duitku(request: Request, order_id: str) -> Status:
    """The payment's state after asking its school's merchant; raises what `confirm` raises."""
    outside = outside_of(request)
    with outside.database.read() as db:
        payment = payments.find_payment(db, order_id)
    if payment is None:
        raise PaymentUnknown
    return confirm(
        MerchantOrderId(order_id),
        database=outside.database,
        duitku=outside.schools.of(payment.school).duitku,
        start=start_of(request),
        now=outside.now,
    )
