"""What a buyer's front end calls: start a payment, ask how it stands, see what is on sale."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from kelaspay.checkout import initiate
from kelaspay.faults import (
    DuitkuBusy,
    DuitkuRefused,
    DuitkuUnavailable,
    InvalidInput,
    MoveRefused,
    NotConfigured,
    PaymentUnknown,
    SchoolUnknown,
    TooManyAttempts,
)
from kelaspay.idempotency import Answer, Turn
from kelaspay.outside import Outside
from kelaspay.payment import Enrollment, Payment
from kelaspay.school import DEFAULT
from kelaspay.store import enrollments, offers, payments
from kelaspay.wanted import Wanted
from kelaspay.web.at_duitku import asks_duitku
from kelaspay.web.json_bodies import JsonRoute
from kelaspay.web.origins import check_return
from kelaspay.web.turns import take_turn
from kelaspay.web.v1.fields import ADDRESS, IdempotencyKey
from kelaspay.web.v1.once import answer_once
from kelaspay.web.v1.problems import ONCE, problems

router = APIRouter(route_class=JsonRoute, tags=["Checkout"])

LONG = 500
LONGEST_RETURN = 255
"""Duitku takes no longer ones (duitku.md 3.2)."""
NAMED: JsonDict = {
    "anyOf": [
        {"required": [name], "properties": {name: {"type": "string", "minLength": 1}}}
        for name in ("offer", "course_name")
    ]
}
"""What is bought must be said."""


class PaymentWanted(BaseModel):
    """A buyer, and what to buy: an offer by its slug, or a course by its exact name. The price is the server's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, json_schema_extra=NAMED)

    customer_name: str = Field(
        max_length=LONG, json_schema_extra={"format": "person-name"}, examples=["Siti Rahmawati"]
    )
    customer_email: str = Field(
        max_length=LONG,
        json_schema_extra={"format": "email"},
        description="The access goes there; at most 50 characters, for Duitku takes no longer ones.",
        examples=["siti@example.com"],
    )
    customer_phone: str = Field(
        max_length=LONG,
        json_schema_extra={"format": "phone"},
        description="As it is written in Indonesia, or with its country's code.",
        examples=["0812-3456-7890"],
    )
    offer: str | None = Field(
        default=None,
        max_length=LONG,
        json_schema_extra={"format": "offer-slug"},
        description="An offer by its slug; this or `course_name`. With both, this says which is bought.",
        examples=["python-dasar"],
    )
    course_name: str | None = Field(
        default=None,
        max_length=LONG,
        json_schema_extra={"format": "offer-name"},
        description="An offer by its exact name. Beside `offer`, another offer's name is refused.",
        examples=["Web Development Fundamentals"],
    )
    payment_method: str | None = Field(
        default=None,
        max_length=LONG,
        json_schema_extra={"format": "payment-method"},
        description="A channel code of Duitku's, like `BC`; without one the buyer chooses at Duitku.",
    )
    coupon: str | None = Field(
        default=None, max_length=LONG, json_schema_extra={"format": "coupon-code"}, examples=["LEBARAN25"]
    )
    return_url: str | None = Field(
        default=None, max_length=LONGEST_RETURN, pattern=ADDRESS, description="Where the buyer goes after."
    )


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


@router.post(
    "/payment/initiate",
    summary="Start a payment",
    dependencies=[asks_duitku],
    status_code=201,
    response_model=PaymentStarted,
    responses=problems(
        *ONCE,
        MoveRefused,
        NotConfigured,
        TooManyAttempts,
        DuitkuUnavailable,
        DuitkuBusy,
        DuitkuRefused,
        body=True,
        key=False,
    ),
)
def initiate_payment(wanted: PaymentWanted, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
    """Start a payment and get the address where the buyer pays. The price is the server's: an `amount` is refused."""
    take_turn(request, "order", email=wanted.customer_email)
    check_return(wanted.return_url, wanted.offer, request.app.state.outside)
    return initiated(request, wanted, asker="checkout", key=idempotency_key)


@router.get(
    "/payment/{merchant_order_id}", summary="See how a payment stands", responses=problems(PaymentUnknown, key=False)
)
def read_payment(merchant_order_id: str, request: Request) -> PaymentState:
    """How a payment stands; nothing about who pays."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        payment = payments.find_payment(db, merchant_order_id)
        if payment is None:
            raise PaymentUnknown
        found = enrollments.find_enrollment(db, merchant_order_id)
    outside.watching.seen(payment.merchant_order_id)
    return state_of(payment, found)


@router.get("/courses", summary="List what is on sale", responses=problems(SchoolUnknown, InvalidInput, key=False))
def list_courses(
    request: Request,
    school: Annotated[
        str, Query(max_length=LONG, description="Its key; without it the environment's school.")
    ] = DEFAULT,
) -> list[OnSale]:
    """What a school has on sale now."""
    outside: Outside = request.app.state.outside
    outside.schools.profile(school)
    with outside.database.read() as db:
        found = offers.list_offers(db, school)
    return [
        OnSale(slug=offer.slug, name=offer.name, price=offer.price, access_days=offer.access_days)
        for offer in found
        if offer.on_sale(outside.now())
    ]


def initiated(
    request: Request, body: PaymentWanted, *, asker: str, key: str | None, school: str | None = None
) -> Response:
    """The response to a request for a payment, of one school's offers where a `school` is given."""
    outside: Outside = request.app.state.outside

    def act(turn: Turn) -> Answer:
        payment = initiate(
            Wanted(**body.model_dump(), school=school),
            turn=turn,
            database=outside.database,
            customers=outside.customers,
            school_of=outside.schools.of,
            urls=outside.urls,
            start=request.app.state.start,
            now=outside.now,
        )
        text = _started(payment, outside).model_dump_json(exclude_none=True)
        with outside.database.begin() as db:
            return turn.answered(db, 201, text)

    return answer_once(request, body, act, asker=asker, key=key, school=school or "")


def _started(payment: Payment, outside: Outside) -> PaymentStarted:
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
