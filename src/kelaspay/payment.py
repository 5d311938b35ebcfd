"""What a payment is: its values, its states and which may follow which. Knows no database, no HTTP and no clock."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from datetime import datetime

MerchantOrderId = NewType("MerchantOrderId", str)
Rupiah = NewType("Rupiah", int)
"""Whole rupiah; never a float."""
NOTHING = Rupiah(0)

MERCHANT_ORDER_ID_PREFIX = "KP"
OURS = re.compile(rf"{MERCHANT_ORDER_ID_PREFIX}[0-9]{{6}}-[a-z2-7]{{16}}")
"""An order id as `new_merchant_order_id` makes them."""
ERASED = "erased.invalid"
"""The mail host that stands where an address was erased; no such host can ever be (RFC 2606)."""
NO_LAST_NAME = "."
"""Thinkific refuses a blank last name (thinkific.md 2.4); many Indonesians have one name only."""


class Status(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"
    REVIEW = "review"
    REFUNDED = "refunded"


NEXT: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.PAID, Status.EXPIRED, Status.FAILED, Status.REVIEW}),
    Status.EXPIRED: frozenset({Status.PAID, Status.REVIEW}),  # a bank transfer can land after the invoice has lapsed
    Status.FAILED: frozenset({Status.PAID, Status.REVIEW}),  # an old virtual account can still be paid
    Status.PAID: frozenset({Status.COMPLETED, Status.REVIEW, Status.REFUNDED}),
    Status.REVIEW: frozenset({Status.PAID, Status.COMPLETED, Status.REFUNDED}),
    Status.COMPLETED: frozenset({Status.REFUNDED}),
    Status.REFUNDED: frozenset(),
}
"""What may follow what. It never goes back from paid because of a late callback."""

UNPAID = frozenset({Status.PENDING, Status.EXPIRED, Status.FAILED})
"""States in which confirmed money changes something."""


def before(status: Status) -> list[Status]:
    """The states from which a payment may move to `status`."""
    return [state for state, following in NEXT.items() if status in following]


class EnrollmentState(StrEnum):
    PENDING = "pending"
    ENROLLED = "enrolled"
    REVOKED = "revoked"
    BLOCKED = "blocked"


class Attention(StrEnum):
    """Why a person should look at a payment; kept beside its status, so that a completed payment can have one too.

    The most pressing first: a payment shows one reason, and a lesser one never hides a greater.
    """

    AMOUNT_DIFFERS = "amount_differs"
    COURSE_UNMAPPED = "course_unmapped"
    THINKIFIC_REFUSED = "thinkific_refused"
    BUYER_ERASED = "buyer_erased"
    GAVE_UP = "gave_up"
    PAID_TWICE = "paid_twice"
    EMAIL_WRONG = "email_wrong"
    EXTERNAL_ORDER_UNKNOWN = "external_order_unknown"
    PAID_LATE = "paid_late"

    def hides(self) -> list[Attention]:
        """The reasons that are less pressing, and itself."""
        every = list(Attention)
        return every[every.index(self) :]


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays: the name as entered, the e-mail address trimmed and lower-cased, the phone number as E.164."""

    name: str
    email: str
    phone: str

    @property
    def first_name(self) -> str:
        return self.name.split(maxsplit=1)[0]

    @property
    def last_name(self) -> str:
        """The rest of the name, or a placeholder: buyers with one name only ("Suharto") must work."""
        return "".join(self.name.split(maxsplit=1)[1:]) or NO_LAST_NAME


DEAREST = 1_000_000_000
"""Rupiah."""
LONGEST_ACCESS = 36_500
"""Days; more would end after the calendar does."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is on sale: a price of ours for a course or a bundle of Thinkific's."""

    slug: str
    name: str
    price: Rupiah
    course_id: int | None = None
    bundle_id: int | None = None
    product_id: int | None = None
    access_days: int | None = None
    on_sale_from: datetime | None = None
    on_sale_until: datetime | None = None
    retired_at: datetime | None = None
    description: str | None = None
    picture: str | None = None
    """The address of an image."""
    school: str = ""
    """The key of the school that sells it."""
    price_before: Rupiah | None = None
    """What it cost before, shown struck through; above the price."""

    def on_sale(self, now: datetime) -> bool:
        return (
            (self.retired_at is None or now < self.retired_at)
            and (self.on_sale_from is None or self.on_sale_from <= now)
            and (self.on_sale_until is None or now < self.on_sale_until)
        )


@dataclass(frozen=True, slots=True)
class Product:
    """A product of Thinkific's: a course or a bundle on sale. Its three look-alike ids are kept apart."""

    product_id: int
    productable_type: str
    productable_id: int
    """The course id or the bundle id, by `productable_type`."""
    name: str
    slug: str | None = None
    status: str | None = None
    price: str | None = None
    image: str | None = None
    days_until_expiry: int | None = None
    """For how long Thinkific sells it; None for ever. An enrollment by API does not know (thinkific.md 2.8)."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One purchase by one customer of one offer. What is sold was fixed when it was made."""

    merchant_order_id: MerchantOrderId
    public_id: str
    offer: str
    product_details: str
    payment_amount: Rupiah
    status: Status
    created_at: datetime
    expires_at: datetime
    payment_method: str | None = None
    course_id: int | None = None
    bundle_id: int | None = None
    product_id: int | None = None
    access_days: int | None = None
    return_url: str | None = None
    reference: str | None = None
    payment_url: str | None = None
    va_number: str | None = None
    qr_string: str | None = None
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    amount_received: Rupiah | None = None
    attention: Attention | None = None
    attention_text: str | None = None
    asks: int = 0
    asked_at: datetime | None = None
    language: str = "id"
    """In which the buyer is written to."""
    school: str = ""
    """The key of the school that sold it."""
    coupon: str | None = None
    discount: Rupiah = NOTHING
    """What the coupon took off."""
    fee: Rupiah = NOTHING
    """What the channel that was chosen costs the buyer on top, as Duitku said; it is not in `payment_amount`."""

    @property
    def to_pay(self) -> Rupiah:
        """What leaves the buyer's account."""
        return Rupiah(self.payment_amount + self.fee)

    @property
    def price(self) -> Rupiah:
        """Of the offer, before the coupon."""
        return Rupiah(self.payment_amount + self.discount)

    @property
    def free(self) -> bool:
        """Nothing is left to pay: Duitku never hears of it."""
        return self.payment_amount == NOTHING


@dataclass(frozen=True, slots=True)
class Invoice:
    """What Duitku holds for a payment and what the buyer needs in order to pay it."""

    reference: str
    payment_url: str
    va_number: str | None = None
    qr_string: str | None = None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A payment's access to its course, with what Thinkific answered so far. Ids are Thinkific's."""

    merchant_order_id: MerchantOrderId
    state: EnrollmentState = EnrollmentState.PENDING
    user_id: int | None = None
    user_created: bool = False
    course_id: int | None = None
    bundle_id: int | None = None
    enrollment_id: str | None = None
    activated_at: datetime | None = None
    expiry_date: datetime | None = None
    enroll_tried: bool = False
    external_order_state: ExternalOrderState | None = None
    external_order_id: int | None = None
    refund_state: ExternalOrderState | None = None
    revoke_wanted: bool = False
    former_user_id: int | None = None
    """The user of an address that the order was given away from, whose access is to end."""
    had_until: datetime | None = None
    """Until when its user had full access before this order aimed, by no order of ours; once this one has ended, until
    when that stayed.
    """
    former_had_until: datetime | None = None
    """The same of the former user."""
    enrolled_at: datetime | None = None
    percentage_completed: str | None = None
    completed_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether a person has ended it, or it is about to be."""
        return self.revoke_wanted or self.state is EnrollmentState.REVOKED

    @property
    def ending(self) -> bool:
        """Whether a person wants it ended and it has not: until then the buyer has it."""
        return self.revoke_wanted and self.state is not EnrollmentState.REVOKED

    def lapsed(self, now: datetime) -> bool:
        """Whether its days have passed."""
        given = self.state is EnrollmentState.ENROLLED
        return given and self.expiry_date is not None and self.expiry_date <= now

    def gone(self, now: datetime) -> bool:
        """Whether the buyer has it no more."""
        return self.state is EnrollmentState.REVOKED or self.lapsed(now)

    def over(self, now: datetime) -> bool:
        """Whether it is gone or about to be: nobody is shown the way in, or written to of it."""
        return self.ended or self.lapsed(now)


class ExternalOrderState(StrEnum):
    """Thinkific cannot be asked whether it has an external order, and two would be two sales (thinkific.md 2.10): so it
    is sent at most once, and where the answer was lost that is said instead of sent again.
    """

    SENDING = "sending"
    RECORDED = "recorded"
    UNKNOWN = "unknown"
    REFUSED = "refused"


def new_merchant_order_id(now: datetime) -> MerchantOrderId:
    """Starts with letters, which keeps it apart from the amount it is signed beside (duitku.md 8.2); sorts by day; its
    80 random bits make it unguessable, and it tells nothing about the buyer.
    """
    random = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return MerchantOrderId(f"{MERCHANT_ORDER_ID_PREFIX}{now:%y%m%d}-{random}")


def new_public_id() -> str:
    return secrets.token_urlsafe(16)


def folded(name: str) -> str:
    """A course's name as it is compared: case and runs of space do not count, everything else does."""
    return re.sub(r"\s+", " ", name).strip().casefold()
