"""What the API gives back, and how it is made from our rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from kelaspay.payment import Attention, Enrollment, EnrollmentState, ExternalOrderState, Payment, Status
from kelaspay.web.v1.listing import Page


class CustomerRead(BaseModel):
    name: str
    email: str
    phone: str = Field(description="E.164.", examples=["+6281234567890"])


class PaymentRead(BaseModel):
    """A purchase by one customer of one offer."""

    merchant_order_id: str = Field(examples=["KP261123-k3v6c2lqxp7nz5ea"])
    status: Status
    attention: Attention | None = Field(description="Why a person should look at it.")
    attention_text: str | None
    offer: str = Field(description="Its slug.")
    product_details: str = Field(description="What was sold, as the buyer saw it.")
    amount: int = Field(description="Whole rupiah, after the discount.", examples=[150000])
    coupon: str | None
    discount: int = Field(description="What the coupon took off, in whole rupiah.")
    amount_received: int | None
    payment_method: str | None = Field(description="Duitku's code of the channel.", examples=["BC"])
    reference: str | None = Field(description="Duitku's id of the invoice.")
    payment_url: str | None
    va_number: str | None
    status_url: str = Field(description="The buyer's page.")
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    completed_at: datetime | None = Field(description="When the buyer was in the course.")
    customer: CustomerRead | None = Field(description="Null once a person's data were erased.")


class EnrollmentRead(BaseModel):
    """The access that a payment gave. Ids are Thinkific's."""

    merchant_order_id: str
    state: EnrollmentState
    user_id: int | None
    course_id: int | None
    bundle_id: int | None
    enrollment_id: str | None
    activated_at: datetime | None
    expiry_date: datetime | None
    enrolled_at: datetime | None
    percentage_completed: str | None = Field(description="How far the learner is, as Thinkific says it.")
    completed_at: datetime | None = Field(description="When the learner finished.")
    external_order_id: int | None
    external_order_state: ExternalOrderState | None = Field(description="Whether Thinkific recorded the sale.")


class TimelineEntry(BaseModel):
    at: datetime
    actor: str = Field(examples=["duitku"])
    what: str = Field(examples=["paid"])
    text: str | None


class PaymentWhole(PaymentRead):
    """A payment with its access and all that happened to it, the oldest first."""

    enrollment: EnrollmentRead | None
    timeline: list[TimelineEntry]


class EventRead(BaseModel):
    """A callback of Duitku's or a webhook of Thinkific's, kept as it came in."""

    id: int
    source: str = Field(examples=["duitku"])
    merchant_order_id: str | None
    reference: str | None
    result_code: str | None
    amount: int | None
    received_at: datetime
    repeats: int = Field(description="How often the same came again.")
    handled_at: datetime | None
    outcome: str | None = Field(description="What came of it; null until it was looked at.")


class EventWhole(EventRead):
    content_type: str
    body: str = Field(description="As it was sent.")


class OfferRead(BaseModel):
    """What is on sale: a price for a course or a bundle of Thinkific's."""

    slug: str
    name: str
    price: int = Field(description="Whole rupiah.")
    course_id: int | None
    bundle_id: int | None
    product_id: int | None
    access_days: int | None = Field(description="Null: for ever.")
    on_sale_from: datetime | None
    on_sale_until: datetime | None
    retired_at: datetime | None
    description: str | None
    picture: str | None
    price_before: int | None = Field(description="What it cost before, shown struck through.")
    created_at: datetime
    updated_at: datetime


class OfferKept(OfferRead):
    """An offer that was just added or corrected."""

    doubts: list[str] = Field(description="What may keep buyers from it, in words; nothing that was refused.")


class PaymentPage(Page[PaymentRead]):
    pass


class EnrollmentPage(Page[EnrollmentRead]):
    pass


class EventPage(Page[EventRead]):
    pass


class OfferPage(Page[OfferRead]):
    pass


def payment_read(payment: Payment, customer: CustomerRead | None, status_url: str) -> dict[str, Any]:
    own = {name: getattr(payment, name) for name in PaymentRead.model_fields if hasattr(payment, name)}
    return own | {"amount": payment.payment_amount, "status_url": status_url, "customer": customer}


def enrollment_read(found: Enrollment | Any) -> EnrollmentRead:
    """From our value or from a row."""
    return EnrollmentRead(**{name: getattr(found, name) for name in EnrollmentRead.model_fields})


def event_read(row: Any) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in EventRead.model_fields if name != "handled_at"}
    return own | {"handled_at": row.started_at}


def offer_read(row: Any) -> OfferRead:
    return OfferRead(**{name: getattr(row, name) for name in OfferRead.model_fields})
