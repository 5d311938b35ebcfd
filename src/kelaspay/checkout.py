"""Start a payment: check what was asked, price it from our own offer, keep it, create it at Duitku, give the address.

The payment is kept before Duitku hears of it, so a callback always finds one, however early it comes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import email_validator
import phonenumbers
import structlog
from sqlalchemy.exc import IntegrityError

from kelaspay.confirm import sparse_ask_times
from kelaspay.duitku import CHANNELS, expiry_period
from kelaspay.faults import (
    AlreadyPaid,
    Fault,
    IdempotencyKeyReused,
    InvalidInput,
    InvoiceUnknown,
    PaymentUnknown,
    StillInProgress,
)
from kelaspay.payment import Customer, Offer, Payment, Rupiah, Status, new_merchant_order_id, new_public_id
from kelaspay.store import offers, payments

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.customers import Customers
    from kelaspay.duitku import Duitku
    from kelaspay.payment import Invoice
    from kelaspay.store.database import Database, Db

log = structlog.get_logger()

LONGEST_NAME = 100
LONGEST_EMAIL = 50
"""Duitku refuses longer ones (duitku.md 3.3)."""
LONGEST_KEY = 255
REMEMBER = timedelta(days=2)
"""How long after an invoice's end its customer stays in the cache; money can land late."""
INVOICE_LEASE = 60.0
"""Seconds during which one request alone creates an invoice; longer than Duitku's slowest answer."""


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

    def digest(self) -> str:
        """Tells whether two requests ask for the same."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Urls:
    """Where Duitku calls back and sends the buyer; built from the configured address alone."""

    base: str

    @property
    def callback(self) -> str:
        return f"{self.base}/webhooks/duitku"

    @property
    def oauth_redirect(self) -> str:
        """What to paste into Thinkific's partner portal; it must be the same to the letter (thinkific.md 1.5)."""
        return f"{self.base}/oauth/callback"

    def status(self, public_id: str) -> str:
        return f"{self.base}/o/{public_id}"


def initiate(
    wanted: Wanted,
    *,
    idempotency_key: str | None,
    database: Database,
    customers: Customers,
    duitku: Duitku,
    urls: Urls,
    now: Callable[[], datetime],
) -> Payment:
    """A pending payment with its payment URL.

    With an `idempotency_key` a repeat gives the same payment, and takes up an invoice that could not be created the
    first time; Duitku keeps one live invoice an order. Raises `InvalidInput` naming each field, `IdempotencyKeyReused`,
    `StillInProgress`, or Duitku's faults.
    """
    earlier = _earlier(wanted, idempotency_key, database=database)
    if earlier is None:
        payment, customer = _check(wanted, database=database, now=now())
        first_ask = sparse_ask_times(payment.created_at, payment.expires_at)[0]
        try:
            with database.begin() as db:
                payments.add_payment(
                    db,
                    payment,
                    customer,
                    idempotency_key=idempotency_key,
                    digest=wanted.digest(),
                    lease=INVOICE_LEASE,
                )
                payments.set_next_ask(db, payment.merchant_order_id, first_ask)
        except IntegrityError as error:
            raise StillInProgress from error
        lifetime = payment.expires_at + REMEMBER - payment.created_at
        customers.remember(payment.merchant_order_id, customer, int(lifetime.total_seconds()))
        invoice = _create(payment, customer, database=database, duitku=duitku, urls=urls, now=now)
    elif earlier.payment_url is not None:
        return earlier
    else:
        payment = earlier
        with database.begin() as db:
            if not payments.claim_invoice(db, payment.merchant_order_id, INVOICE_LEASE):
                raise StillInProgress(merchant_order_id=payment.merchant_order_id)
        customer = customers.recall(payment.merchant_order_id)
        invoice = _create_again(payment, customer, database=database, duitku=duitku, urls=urls, now=now)
    return _keep_invoice(payment, invoice, database=database, now=now())


def _earlier(wanted: Wanted, key: str | None, *, database: Database) -> Payment | None:
    """The payment that this key made, when it asked for the same."""
    if key is None:
        return None
    if not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidInput.one("Idempotency-Key", f"must have 1 to {LONGEST_KEY} characters")
    with database.read() as db:
        found = payments.find_by_idempotency_key(db, key)
    if found is None:
        return None
    payment, digest = found
    if digest != wanted.digest():
        raise IdempotencyKeyReused
    return payment


def _check(wanted: Wanted, *, database: Database, now: datetime) -> tuple[Payment, Customer]:
    """The payment and customer to keep; raises `InvalidInput` with every field that is wrong."""
    wrong: dict[str, str] = {}
    name = _checked(wrong, "customer_name", _name, wanted.customer_name)
    email = _checked(wrong, "customer_email", _email, wanted.customer_email)
    phone = _checked(wrong, "customer_phone", _phone, wanted.customer_phone)
    method = _checked(wrong, "payment_method", _method, wanted.payment_method or "")
    with database.read() as db:
        named = "offer" if wanted.offer else "course_name"
        offer = _checked_offer(wrong, named, lambda: _offer(db, wanted, now))
    if wrong or offer is None:
        raise InvalidInput(wrong)
    payment = Payment(
        merchant_order_id=new_merchant_order_id(now),
        public_id=new_public_id(),
        offer=offer.slug,
        product_details=offer.name,
        payment_amount=Rupiah(offer.price),
        status=Status.PENDING,
        created_at=now,
        expires_at=now + timedelta(minutes=expiry_period(method or None)),
        payment_method=method or None,
        course_id=offer.course_id,
        bundle_id=offer.bundle_id,
        product_id=offer.product_id,
        access_days=offer.access_days,
        return_url=wanted.return_url,
    )
    return payment, Customer(name=name, email=email, phone=phone)


def _checked(wrong: dict[str, str], field: str, check: Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except ValueError as error:
        wrong[field] = str(error)
        return ""


def _checked_offer(wrong: dict[str, str], field: str, find: Callable[[], Offer]) -> Offer | None:
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


def _email(value: str) -> str:
    """Trimmed and lower-cased, for matching; Thinkific is taken not to tell cases apart either."""
    if not value.strip():
        raise ValueError("is missing")
    try:
        email = email_validator.validate_email(value.strip(), check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError:
        raise ValueError("is not an e-mail address") from None
    if len(email) > LONGEST_EMAIL:
        raise ValueError(f"is longer than {LONGEST_EMAIL} characters, which Duitku does not take")
    return email


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
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


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
    if not found:
        raise ValueError("is not an offer of ours")
    found = [offer for offer in found if offer.on_sale(now)]
    if not found:
        raise ValueError("is not on sale")
    if len(found) > 1:
        raise ValueError("is the name of several offers; say which by `offer`")
    return found[0]


def _create(
    payment: Payment,
    customer: Customer,
    *,
    database: Database,
    duitku: Duitku,
    urls: Urls,
    now: Callable[[], datetime],
) -> Invoice:
    """The invoice from Duitku; a fault is written into the payment's story before it goes on."""
    back = payment.return_url or urls.status(payment.public_id)
    try:
        return duitku.create_invoice(payment, customer, callback_url=urls.callback, return_url=back, now=now())
    except Fault as fault:
        with database.begin() as db:
            payments.set_invoice_fault(db, payment.merchant_order_id, fault.code(), str(fault), now())
        log.warning("invoice_failed", merchant_order_id=payment.merchant_order_id, fault=fault.code())
        raise


def _create_again(
    payment: Payment,
    customer: Customer,
    *,
    database: Database,
    duitku: Duitku,
    urls: Urls,
    now: Callable[[], datetime],
) -> Invoice:
    """The invoice of a payment whose first attempt failed or lost its answer: asked for before it is made again."""
    try:
        said = duitku.transaction_status(payment.merchant_order_id, payment.payment_method)
    except InvoiceUnknown:
        said = None
    except Fault as fault:
        with database.begin() as db:
            payments.set_invoice_fault(db, payment.merchant_order_id, fault.code(), str(fault), now())
        raise
    if said is not None and said.paid:
        raise AlreadyPaid(merchant_order_id=payment.merchant_order_id)
    if said is not None and payment.payment_method is None and said.reference:
        return duitku.invoice_page(said.reference)
    return _create(payment, customer, database=database, duitku=duitku, urls=urls, now=now)


def _keep_invoice(payment: Payment, invoice: Invoice, *, database: Database, now: datetime) -> Payment:
    order_id = payment.merchant_order_id
    with database.begin() as db:
        payments.set_invoice(db, order_id, invoice, payment_method=payment.payment_method, now=now)
        kept = payments.find_payment(db, order_id)
    if kept is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    log.info("payment_created", merchant_order_id=order_id, reference=invoice.reference)
    return kept
