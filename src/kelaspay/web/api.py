"""What a buyer's front end calls: start a payment, ask how it stands, see what is on sale."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from kelaspay.checkout import initiate
from kelaspay.faults import PaymentUnknown
from kelaspay.outside import Outside
from kelaspay.payment import Enrollment, Payment
from kelaspay.store import enrollments, offers, payments
from kelaspay.wanted import Wanted
from kelaspay.web.json_bodies import JsonRoute

router = APIRouter(route_class=JsonRoute)

LONG = 500


class PaymentWanted(BaseModel):
    """A buyer, and what to buy: an offer by its slug, or a course by its exact name. The price is the server's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    customer_name: str = Field(max_length=LONG, examples=["Siti Rahmawati"])
    customer_email: str = Field(max_length=LONG, examples=["siti@example.com"])
    customer_phone: str = Field(max_length=LONG, examples=["0812-3456-7890"])
    offer: str | None = Field(default=None, max_length=LONG, examples=["python-dasar"])
    course_name: str | None = Field(default=None, max_length=LONG, examples=["Web Development Fundamentals"])
    payment_method: str | None = Field(
        default=None,
        max_length=LONG,
        description="A channel code of Duitku's, like `BC`; without one the buyer chooses at Duitku.",
    )
    coupon: str | None = Field(default=None, max_length=LONG, examples=["LEBARAN25"])
    return_url: str | None = Field(default=None, max_length=LONG, pattern=r"^https?://[!-~]+$")


class PaymentStarted(BaseModel):
    merchant_order_id: str
    reference: str
    payment_url: str = Field(description="Where the buyer goes on; the status page when nothing is left to pay.")
    status_url: str
    amount: int = Field(description="Whole rupiah, after the discount; 0 when a coupon covers it all.")
    discount: int = Field(default=0, description="What the coupon took off, in whole rupiah.")
    expires_at: datetime
    va_number: str | None = None
    qr_string: str | None = None


class PaymentState(BaseModel):
    """How a payment stands; nothing about who pays."""

    merchant_order_id: str
    status: str
    enrollment: str | None = None
    product_details: str
    amount: int
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None = None
    enrolled_at: datetime | None = None


class OnSale(BaseModel):
    slug: str
    name: str
    price: int = Field(description="Whole rupiah.")
    access_days: int | None = Field(description="None: for ever.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    title: str
    status: int
    code: str
    detail: str | None = None


PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}} for status in (404, 409, 422, 502, 503)
}


@router.post("/payment/initiate", status_code=201, responses=PROBLEMS, response_model_exclude_none=True)
def initiate_payment(
    wanted: PaymentWanted,
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=LONG)] = None,
) -> PaymentStarted:
    """Start a payment and get the address where the buyer pays."""
    outside: Outside = request.app.state.outside
    payment = initiate(
        Wanted(**wanted.model_dump()),
        idempotency_key=idempotency_key,
        database=outside.database,
        customers=outside.customers,
        school_of=outside.schools.of,
        urls=outside.urls,
        start=request.app.state.start,
        now=outside.now,
    )
    return PaymentStarted(
        merchant_order_id=payment.merchant_order_id,
        reference=payment.reference or "",
        payment_url=payment.payment_url or outside.urls.status(payment.public_id),
        status_url=outside.urls.status(payment.public_id),
        amount=payment.payment_amount,
        discount=payment.discount,
        expires_at=payment.expires_at,
        va_number=payment.va_number,
        qr_string=payment.qr_string,
    )


@router.get("/payment/{merchant_order_id}", responses={404: PROBLEMS[404]})
def read_payment(merchant_order_id: str, request: Request) -> PaymentState:
    """How a payment stands."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        payment = payments.find_payment(db, merchant_order_id)
        if payment is None:
            raise PaymentUnknown
        found = enrollments.find_enrollment(db, merchant_order_id)
    outside.watching.seen(payment.merchant_order_id)
    return state_of(payment, found)


@router.get("/courses")
def list_courses(request: Request) -> list[OnSale]:
    """What is on sale now."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        found = offers.list_offers(db)
    return [
        OnSale(slug=offer.slug, name=offer.name, price=offer.price, access_days=offer.access_days)
        for offer in found
        if offer.on_sale(outside.now())
    ]


def state_of(payment: Payment, found: Enrollment | None) -> PaymentState:
    return PaymentState(
        merchant_order_id=payment.merchant_order_id,
        status=payment.status,
        enrollment=found.state if found else None,
        product_details=payment.product_details,
        amount=payment.payment_amount,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
        paid_at=payment.paid_at,
        enrolled_at=found.enrolled_at if found else None,
    )
