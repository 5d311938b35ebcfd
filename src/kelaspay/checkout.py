"""Start a payment: check what was asked, price it from our own offer, keep it, create it at Duitku, give the address.

The payment is kept before Duitku hears of it, so a callback always finds one, however early it comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import IntegrityError

from kelaspay.confirm import ask_after_invoice, sparse_ask_times
from kelaspay.duitku import CHANNELS, SLOWEST, expiry_period
from kelaspay.faults import (
    AlreadyEnrolled,
    AlreadyPaid,
    Fault,
    IdempotencyKeyReused,
    InvalidInput,
    InvoiceUnknown,
    MoveRefused,
    PaymentUnknown,
    StillInProgress,
)
from kelaspay.payment import NOTHING, Customer, Enrollment, Payment, Status
from kelaspay.store import coupons, enrollments, payments, same_buyer
from kelaspay.wanted import Wanted, check

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.customers import Customers
    from kelaspay.idempotency import Turn
    from kelaspay.payment import Invoice, Rupiah
    from kelaspay.school import SchoolOf
    from kelaspay.store.database import Database, Db

__all__ = ["Urls", "Wanted", "choose_method", "initiate", "invoice_at_duitku", "place"]

log = structlog.get_logger()

REMEMBER = timedelta(days=2)
"""How long after an invoice's end its customer stays in the cache; money can land late."""
INVOICE_LEASE = 2 * SLOWEST + 10.0
"""Seconds during which one request alone creates an invoice: what is taken up asks Duitku before it creates."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where buyers and owners are sent; built from the configured address alone."""

    base: str

    @property
    def oauth_redirect(self) -> str:
        """What to paste into Thinkific's partner portal; it must be the same to the letter (thinkific.md 1.5)."""
        return f"{self.base}/oauth/callback"

    def status(self, public_id: str) -> str:
        return f"{self.base}/o/{public_id}"


def initiate(
    wanted: Wanted,
    *,
    turn: Turn,
    database: Database,
    customers: Customers,
    school_of: SchoolOf,
    urls: Urls,
    start: Start,
    now: Callable[[], datetime],
) -> Payment:
    """A pending payment with its payment URL; or a paid one, where a coupon covers the whole price.

    The payment is noted with the `turn` in the commit that makes it, so that a repeat of a request that broke off takes
    up its invoice; Duitku keeps one live invoice an order. Raises `InvalidInput` naming each field, `StillInProgress`,
    `MoveRefused` when what is taken up is over, `NotConfigured`, or Duitku's faults.
    """
    if turn.subject is not None:
        earlier = _made(turn.subject, database=database)
        return invoice_at_duitku(
            earlier, database=database, customers=customers, school_of=school_of, urls=urls, start=start, now=now
        )
    payment, customer = check(wanted, database=database, now=now())
    school_of(payment.school)
    with database.begin() as db:
        _keep(db, payment, customer, key=None, digest=wanted.digest(), lease=INVOICE_LEASE, start=start)
        turn.made(db, payment.merchant_order_id)
    _remember(payment, customer, customers)
    if payment.free:
        return replace(payment, status=Status.PAID, paid_at=payment.created_at)
    invoice = _create(payment, customer, database=database, school_of=school_of, urls=urls, start=start, now=now)
    return _keep_invoice(payment, invoice, database=database, now=now())


def place(
    wanted: Wanted,
    *,
    idempotency_key: str,
    again: bool,
    own: Collection[str] = (),
    campaign: str = "",
    database: Database,
    customers: Customers,
    start: Start,
    now: Callable[[], datetime],
) -> Payment:
    """A pending payment of which Duitku has not heard yet, for the buyer still has to choose how to pay; or a paid one,
    where a coupon covers the whole price.

    The key is the form's, and the payment its record: a form sent twice gets what became of it by now. An unpaid one of
    the same buyer for the same offer at the same price is taken up instead of doubled, when it is one of their `own` by
    its public id: whoever types in an address gets no hold of its orders, nor pays one that somebody else made with
    theirs. Raises `InvalidInput`, and without `again` `AlreadyEnrolled` for who has the access already.
    """
    earlier = _earlier(wanted, idempotency_key, database=database)
    if earlier is not None:
        return earlier
    payment, customer = check(wanted, database=database, now=now())
    try:
        with database.begin() as db:
            if not again:
                _refuse_enrolled(db, customer, payment, now())
            unpaid = same_buyer.unpaid_of(db, customer.email, payment, now(), own)
            if unpaid is not None:
                return unpaid
            _keep(db, payment, customer, key=idempotency_key, digest=wanted.digest(), lease=None, start=start)
            if campaign:
                payments.tell(db, payment.merchant_order_id, payment.created_at, "buyer", "came_from", campaign)
    except (IntegrityError, AlreadyEnrolled, InvalidInput) as error:  # by the same form, sent twice at once?
        kept = _earlier(wanted, idempotency_key, database=database)
        if kept is not None:
            return kept
        if isinstance(error, IntegrityError):
            raise StillInProgress from error
        raise
    _remember(payment, customer, customers)
    return replace(payment, status=Status.PAID, paid_at=payment.created_at) if payment.free else payment


def invoice_at_duitku(
    payment: Payment,
    *,
    database: Database,
    customers: Customers,
    school_of: SchoolOf,
    urls: Urls,
    start: Start,
    now: Callable[[], datetime],
) -> Payment:
    """The payment with its payment URL; an invoice that could not be created before is taken up again.

    Raises `MoveRefused` when the order is over meanwhile, so that another is made; besides as `initiate`.
    """
    if payment.payment_url is not None or payment.free:
        return payment
    if payment.status is not Status.PENDING or now() >= payment.expires_at:
        over = f"It is {payment.status}." if payment.status is not Status.PENDING else "Its time is over."
        raise MoveRefused(over, merchant_order_id=payment.merchant_order_id)
    with database.begin() as db:
        if not payments.claim_invoice(db, payment.merchant_order_id, INVOICE_LEASE):
            raise StillInProgress(merchant_order_id=payment.merchant_order_id)
    customer = customers.recall(payment.merchant_order_id)
    invoice = _create_again(payment, customer, database=database, school_of=school_of, urls=urls, start=start, now=now)
    return _keep_invoice(payment, invoice, database=database, now=now())


def choose_method(
    payment: Payment,
    payment_method: str,
    *,
    fee: Rupiah = NOTHING,
    database: Database,
    customers: Customers,
    school_of: SchoolOf,
    urls: Urls,
    start: Start,
    now: Callable[[], datetime],
) -> Payment:
    """The payment with an invoice for that channel, at that fee on top. It may be another channel than before: Duitku
    keeps one order, and every number it ever gave stays in `invoices`, for an old one can still be paid (duitku.md 5).

    Raises `InvalidInput`, `MoveRefused` when it is no longer to be paid, `StillInProgress`, or Duitku's faults.
    """
    if payment_method not in CHANNELS:
        raise InvalidInput.one("payment_method", "is not a payment method of Duitku's that we offer")
    if payment.status is not Status.PENDING or (payment.payment_url and not payment.payment_method):
        raise MoveRefused(f"It is {payment.status}.", merchant_order_id=payment.merchant_order_id)
    with database.begin() as db:
        if not payments.claim_invoice(db, payment.merchant_order_id, INVOICE_LEASE, anew=True):
            raise StillInProgress(merchant_order_id=payment.merchant_order_id)
    customer = customers.recall(payment.merchant_order_id)
    at = now()
    end = at + timedelta(minutes=expiry_period(payment_method))
    chosen = replace(payment, payment_method=payment_method, fee=fee)
    chosen = replace(chosen, expires_at=max(payment.expires_at, end) if payment.payment_url else end)
    invoice = _create(chosen, customer, database=database, school_of=school_of, urls=urls, start=start, now=now)
    return _keep_invoice(chosen, invoice, database=database, now=at)


def _refuse_enrolled(db: Db, customer: Customer, payment: Payment, now: datetime) -> None:
    there = same_buyer.access_of(db, customer.email, payment, now)
    if there is not None:
        raise AlreadyEnrolled(until=there.expiry_date and there.expiry_date.isoformat())


def _keep(
    db: Db, payment: Payment, customer: Customer, *, key: str | None, digest: str, lease: float | None, start: Start
) -> None:
    """Keep the order and count its coupon; where nothing is left to pay, its work begins in the same commit."""
    payments.add_payment(db, payment, customer, idempotency_key=key, digest=digest, lease=lease)
    order_id, now = payment.merchant_order_id, payment.created_at
    if payment.coupon is not None:
        if (why := coupons.redeem(db, payment, customer.email)) is not None:
            raise InvalidInput.one("coupon", why)
        payments.tell(db, order_id, now, "buyer", "coupon_used", f"{payment.coupon}: Rp {payment.discount} off")
    if payment.free:
        text = f"coupon {payment.coupon} covers the whole price"
        payments.move(db, order_id, Status.PAID, now, actor="kelaspay", text=text, paid_at=now)
        enrollments.begin_enrollment(db, Enrollment(order_id, course_id=payment.course_id, bundle_id=payment.bundle_id))
        start(db, order_id, now)
    else:
        payments.set_next_ask(db, order_id, sparse_ask_times(now, payment.expires_at)[0])


def _remember(payment: Payment, customer: Customer, customers: Customers) -> None:
    lifetime = payment.expires_at + REMEMBER - payment.created_at
    customers.remember(payment.merchant_order_id, customer, int(lifetime.total_seconds()))


def _made(merchant_order_id: str, *, database: Database) -> Payment:
    with database.read() as db:
        payment = payments.find_payment(db, merchant_order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return payment


def _earlier(wanted: Wanted, key: str, *, database: Database) -> Payment | None:
    """The payment that this form made, when it asked for the same."""
    with database.read() as db:
        found = payments.find_by_idempotency_key(db, key)
    if found is None:
        return None
    payment, digest = found
    if digest != wanted.digest():
        raise IdempotencyKeyReused
    return payment


def _create(
    payment: Payment,
    customer: Customer,
    *,
    database: Database,
    school_of: SchoolOf,
    urls: Urls,
    start: Start,
    now: Callable[[], datetime],
) -> Invoice:
    """The invoice from Duitku; a fault is written into the payment's story before it goes on."""
    back = payment.return_url or urls.status(payment.public_id)
    school = school_of(payment.school)
    try:
        return school.duitku.create_invoice(
            payment, customer, callback_url=school.callback_url, return_url=back, now=now()
        )
    except Fault as fault:
        _note_fault(payment, fault, database=database, start=start, now=now())
        raise


def _create_again(
    payment: Payment,
    customer: Customer,
    *,
    database: Database,
    school_of: SchoolOf,
    urls: Urls,
    start: Start,
    now: Callable[[], datetime],
) -> Invoice:
    """The invoice of a payment whose first attempt failed or lost its answer: asked for before it is made again."""
    duitku = school_of(payment.school).duitku
    try:
        said = duitku.transaction_status(payment.merchant_order_id, payment.payment_method)
        if said.paid:
            raise AlreadyPaid(merchant_order_id=payment.merchant_order_id)
    except InvoiceUnknown:
        said = None
    except Fault as fault:
        _note_fault(payment, fault, database=database, start=start, now=now())
        raise
    if said is not None and payment.payment_method is None and said.reference:
        return duitku.invoice_page(said.reference)
    return _create(payment, customer, database=database, school_of=school_of, urls=urls, start=start, now=now)


def _note_fault(payment: Payment, fault: Fault, *, database: Database, start: Start, now: datetime) -> None:
    """Write down why there is no invoice. Where it is that the order is paid, its work begins in the same commit: the
    callback may be lost.
    """
    order_id = payment.merchant_order_id
    with database.begin() as db:
        payments.set_invoice_fault(db, order_id, fault.code(), str(fault), now)
        if isinstance(fault, AlreadyPaid):
            start(db, order_id, now)
    log.warning("invoice_failed", merchant_order_id=order_id, fault=fault.code())


def _keep_invoice(payment: Payment, invoice: Invoice, *, database: Database, now: datetime) -> Payment:
    order_id = payment.merchant_order_id
    with database.begin() as db:
        payments.set_invoice(
            db,
            order_id,
            invoice,
            payment_method=payment.payment_method,
            fee=payment.fee,
            expires_at=payment.expires_at,
            next_ask_at=ask_after_invoice(payment.created_at, now, payment.expires_at),
            now=now,
        )
        kept = payments.find_payment(db, order_id)
    if kept is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    log.info("payment_created", merchant_order_id=order_id, reference=invoice.reference)
    return kept
