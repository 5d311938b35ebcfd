"""A school's payments: seen, and made for a buyer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from kelaspay.faults import DuitkuBusy, DuitkuRefused, DuitkuUnavailable, MoveRefused, PaymentUnknown
from kelaspay.payment import Payment, Status
from kelaspay.store import enrollments, paging, payments
from kelaspay.store.database import Db
from kelaspay.store.paging import Place, Wanted
from kelaspay.store.payments import as_payment
from kelaspay.web.api import PaymentStarted, PaymentWanted, initiated
from kelaspay.web.at_duitku import asks_duitku
from kelaspay.web.json_bodies import JsonRoute
from kelaspay.web.v1.access import Caller, Reading, Writing
from kelaspay.web.v1.fields import IdempotencyKey, Time
from kelaspay.web.v1.listing import After, Limit, page_of
from kelaspay.web.v1.problems import ONCE, problems
from kelaspay.web.v1.shapes import (
    CustomerRead,
    PaymentPage,
    PaymentWhole,
    TimelineEntry,
    enrollment_read,
    payment_read,
)

router = APIRouter(prefix="/payments", tags=["Payments"], route_class=JsonRoute)

LONGEST = 200


def _wanted(
    status: Annotated[Status | None, Query(description="Only in this state.")] = None,
    offer: Annotated[str | None, Query(max_length=LONGEST, description="Only of this offer.")] = None,
    email: Annotated[str | None, Query(max_length=LONGEST, description="Only of this buyer.")] = None,
    reference: Annotated[str | None, Query(max_length=LONGEST, description="Only Duitku's invoice of this id.")] = None,
    attention: Annotated[bool | None, Query(description="Whether a person should look at it.")] = None,
    created_from: Annotated[Time | None, Query(description="Made then or later.")] = None,
    created_until: Annotated[Time | None, Query(description="Made before then.")] = None,
) -> Wanted:
    lowered = email.strip().lower() if email is not None else None
    return Wanted(status, offer, lowered, reference, attention, created_from, created_until)


@router.get("", summary="List payments", responses=problems())
def list_payments(
    caller: Reading, wanted: Annotated[Wanted, Depends(_wanted)], place: After, limit: Limit = 50
) -> PaymentPage:
    """The school's payments, the newest first. Filters that are given must all hold."""
    with caller.outside.database.read() as db:
        rows = paging.payments_after(db, caller.school, wanted, place, limit + 1)
    shown = page_of(
        rows, limit, lambda row: _shown(caller, row), lambda row: Place.at(row.created_at, row.merchant_order_id)
    )
    return PaymentPage.model_validate(shown)


@router.post(
    "",
    summary="Make a payment",
    dependencies=[asks_duitku],
    status_code=201,
    response_model=PaymentStarted,
    responses=problems(*ONCE, MoveRefused, DuitkuUnavailable, DuitkuBusy, DuitkuRefused, body=True),
)
def make_payment(
    wanted: PaymentWanted, caller: Writing, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """An order of one of the school's offers, with the address where the buyer pays. The price is the offer's."""
    return initiated(request, wanted, asker=f"api {caller.school}", key=idempotency_key, school=caller.school)


@router.get("/{merchant_order_id}", summary="Read a payment", responses=problems(PaymentUnknown))
def read_payment(merchant_order_id: str, caller: Reading) -> PaymentWhole:
    """A payment with its access and its timeline."""
    with caller.outside.database.read() as db:
        payment = own_payment(db, caller, merchant_order_id)
        found = enrollments.find_enrollment(db, merchant_order_id)
        told = [
            TimelineEntry(at=row.at, actor=row.actor, what=row.what, text=row.text)
            for row in payments.read_story(db, merchant_order_id)
        ]
        values = payment_shown(db, caller, payment)
    return PaymentWhole(**values, enrollment=enrollment_read(found) if found else None, timeline=told)


def own_payment(db: Db, caller: Caller, merchant_order_id: str) -> Payment:
    """The caller's school's payment. Raises `PaymentUnknown`, for another school's as for none."""
    payment = payments.find_payment(db, merchant_order_id)
    if payment is None or payment.school != caller.school:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return payment


def payment_shown(db: Db, caller: Caller, payment: Payment) -> dict[str, Any]:
    customer = payments.find_customer(db, payment.merchant_order_id)
    who = CustomerRead(name=customer.name, email=customer.email, phone=customer.phone) if customer else None
    return payment_read(payment, who, caller.outside.urls.status(payment.public_id))


def _shown(caller: Caller, row: Any) -> dict[str, Any]:
    payment = as_payment(row)
    who = CustomerRead(name=row.name, email=row.email, phone=row.phone) if row.email is not None else None
    return payment_read(payment, who, caller.outside.urls.status(payment.public_id))
