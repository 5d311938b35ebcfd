"""What a buyer's front end asked for, and whether it can be sold: fields checked, price from our offer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import email_validator
import phonenumbers

from kelaspay.duitku import CHANNELS, expiry_period
from kelaspay.faults import InvalidInput
from kelaspay.payment import Customer, Offer, Payment, Status, new_merchant_order_id, new_public_id
from kelaspay.pricing import priced
from kelaspay.store import offers

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.store.database import Database, Db

Found = TypeVar("Found")

LONGEST_NAME = 100
LONGEST_PHONE = len("+") + 15
"""E.164."""
LONGEST_EMAIL = 50
"""Duitku refuses longer ones (duitku.md 3.3)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a buyer's front end asked for, as it came in."""

    customer_name: str
    customer_email: str
    customer_phone: str
    offer: str | None = None
    course_name: str | None = None
    payment_method: str | None = None
    return_url: str | None = None
    coupon: str | None = None
    language: str = "id"
    school: str | None = None
    """The only school whose offers can be meant; None for any."""

    def digest(self) -> str:
        """Tells whether two requests ask for the same."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name not in {"language", "school"}}
        if not self.coupon:  # as requests were before there were coupons
            del fields["coupon"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def check(wanted: Wanted, *, database: Database, now: datetime) -> tuple[Payment, Customer]:
    """The payment and customer to keep; raises `InvalidInput` with every field that is wrong."""
    wrong: dict[str, str] = {}
    customer = customer_of(wrong, name=wanted.customer_name, email=wanted.customer_email, phone=wanted.customer_phone)
    method = _checked(wrong, "payment_method", _method, wanted.payment_method or "")
    with database.read() as db:
        named = "offer" if wanted.offer else "course_name"
        offer = _checked_of(wrong, named, lambda: _offer(db, wanted, now))
        if offer and wanted.offer and wanted.course_name:
            _checked_of(wrong, "course_name", lambda: _no_other(db, offer, wanted.course_name or "", now))
        price = _checked_of(wrong, "coupon", lambda: priced(db, offer, wanted.coupon or "", now)) if offer else None
    if wrong or offer is None or price is None:
        raise InvalidInput(wrong)
    payment = Payment(
        merchant_order_id=new_merchant_order_id(now),
        public_id=new_public_id(),
        offer=offer.slug,
        product_details=offer.name,
        payment_amount=price.total,
        status=Status.PENDING,
        created_at=now,
        expires_at=now + timedelta(minutes=expiry_period(method or None)),
        payment_method=method or None,
        course_id=offer.course_id,
        bundle_id=offer.bundle_id,
        product_id=offer.product_id,
        access_days=offer.access_days,
        return_url=wanted.return_url,
        language=wanted.language,
        school=offer.school,
        coupon=price.coupon,
        discount=price.discount,
    )
    return payment, customer


def customer_of(wrong: dict[str, str], *, name: str, email: str, phone: str) -> Customer:
    """Who buys; what is wrong with each field goes into `wrong`, and then the customer is good for nothing."""
    return Customer(
        name=_checked(wrong, "customer_name", _name, name),
        email=_checked(wrong, "customer_email", email_of, email),
        phone=_checked(wrong, "customer_phone", _phone, phone),
    )


def _checked(wrong: dict[str, str], field: str, check: Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        wrong[field] = str(error)
        return ""


def _checked_of(wrong: dict[str, str], field: str, find: Callable[[], Found]) -> Found | None:
    try:
        return find()
    except ValueError as error:
        wrong[field] = str(error)
        return None


def _name(value: str) -> str:
    """As entered, without the invisible characters that come along when a name is pasted."""
    name = "".join(letter for letter in " ".join(value.split()) if letter.isprintable())
    if not name:
        raise ValueError("is missing")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"is longer than {LONGEST_NAME} characters")
    if not any(letter.isalpha() for letter in name):
        raise ValueError("has no letters")
    return name


def email_of(value: str) -> str:
    """Trimmed and lower-cased, for matching; Thinkific is taken not to tell cases apart either. In ASCII, for few mail
    servers take anything else: a domain has such a form, and what stands before the @ must be of it.
    """
    if not value.strip():
        raise ValueError("is missing")
    try:
        read = email_validator.validate_email(value.strip(), check_deliverability=False, allow_smtputf8=False)
    except email_validator.EmailNotValidError:
        raise ValueError("is not an e-mail address") from None
    email = (read.ascii_email or read.normalized).lower()
    if len(email) > LONGEST_EMAIL:
        raise ValueError(f"is longer than {LONGEST_EMAIL} characters, which Duitku does not take")
    return email


def checked_email(field: str, value: str) -> str:
    """The same; raises `InvalidInput` for this field."""
    try:
        return email_of(value)
    except ValueError as error:
        raise InvalidInput.one(field, str(error)) from None


def _phone(value: str) -> str:
    """E.164; `0812…`, `62812…` and `+62 812-…` are the same number."""
    if not value.strip():
        raise ValueError("is missing")
    digits = value.strip()
    try:
        number = phonenumbers.parse(f"+{digits}" if digits.startswith("62") else digits, "ID")
    except phonenumbers.NumberParseException:
        raise ValueError("is not a phone number") from None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("is not a possible phone number")
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(written) > LONGEST_PHONE or phonenumbers.parse(written) != number:  # 000000000 is possible, and no number
        raise ValueError("is not a possible phone number")
    return written


def _method(value: str) -> str:
    method = value.strip().upper()
    if method and method not in CHANNELS:
        raise ValueError("is not a payment method of Duitku's that we offer")
    return method


def _offer(db: Db, wanted: Wanted, now: datetime) -> Offer:
    """The one offer that was meant; a name is never guessed at."""
    if not (wanted.offer or wanted.course_name or "").isprintable():
        raise ValueError("is not an offer of ours")
    if wanted.offer:
        offer = offers.find_offer(db, wanted.offer.strip())
        found = [offer] if offer else []
    elif wanted.course_name:
        found = offers.offers_named(db, wanted.course_name)
    else:
        raise ValueError("is missing")
    found = [offer for offer in found if wanted.school in {None, offer.school}]
    if not found:
        raise ValueError("is not an offer of ours")
    found = [offer for offer in found if offer.on_sale(now)]
    if not found:
        raise ValueError("is not on sale")
    if len(found) > 1:
        raise ValueError("is the name of several offers; say which by `offer`")
    return found[0]


def _no_other(db: Db, offer: Offer, name: str, now: datetime) -> None:
    """A name that came with an offer's slug must not be that of another offer on sale. One that means nothing here may
    be what the offer, or its course at Thinkific, was called before.
    """
    found = offers.offers_named(db, name) if name.isprintable() else []
    named = {each.slug for each in found if each.school == offer.school and each.on_sale(now)}
    if named and offer.slug not in named:
        raise ValueError("is the name of another offer than `offer`")
