"""Take up an order that Duitku calls back about and that we do not know: it was made after the copy that the database
was restored from. A person says what was bought and by whom; Duitku, whether and how much was paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import IntegrityError

from kelaspay.duitku import channel_told, expiry_period
from kelaspay.faults import AmountDiffers, EventUnknown, InvalidInput, InvoiceUnknown, NotAdoptable, NotPaidYet
from kelaspay.formats import rupiah
from kelaspay.payment import OURS, MerchantOrderId, Payment, Status, new_public_id
from kelaspay.store import inbox, offers, payments, restored
from kelaspay.wanted import customer_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import sqlalchemy as sa

    from kelaspay.duitku import Duitku, TransactionStatus
    from kelaspay.payment import Customer, Offer
    from kelaspay.school import SchoolOf
    from kelaspay.store.database import Database, Db

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Adopted:
    """The payment that an order became, or was already."""

    payment: Payment
    doubt: str | None = None
    """What whoever takes it up should look at."""


def adopt(
    event_id: int,
    *,
    offer: str,
    customer_name: str,
    customer_email: str,
    customer_phone: str,
    database: Database,
    school_of: SchoolOf,
    now: Callable[[], datetime],
    actor: str,
) -> Adopted:
    """The payment, pending, under the order's own number; what came in for it is opened again in the same commit, and
    so it is confirmed and enrolled as any other. A repeat finds the payment and changes nothing.

    Raises `EventUnknown`, `NotAdoptable`, `InvalidInput` naming each field, `NotPaidYet`, `AmountDiffers` where Duitku
    says another amount than its callback, or Duitku's other faults.
    """
    with database.read() as db:
        event = _event(db, event_id)
        known = payments.find_payment(db, event.merchant_order_id)
        sold = offers.find_offer(db, offer.strip())
    if known is not None:
        if known.school != event.school:
            raise NotAdoptable
        return Adopted(known)
    wrong: dict[str, str] = {}
    customer = customer_of(wrong, name=customer_name, email=customer_email, phone=customer_phone)
    if sold is None or sold.school != event.school:
        raise InvalidInput(wrong | {"offer": "is not an offer of the school that was paid"})
    if wrong:
        raise InvalidInput(wrong)
    said, method = _confirmed(event, school_of(event.school).duitku)
    payment = _made(event, sold, said, method, now())
    try:
        with database.begin() as db:
            _keep(db, payment, customer, event_id, sold, said, actor=actor, at=now())
    except IntegrityError:  # somebody else was first
        with database.read() as db:
            found = payments.find_payment(db, payment.merchant_order_id)
        if found is None:
            raise
        return Adopted(found)
    log.info("order_adopted", merchant_order_id=payment.merchant_order_id)
    return Adopted(payment, _doubt(payment, sold, said))


def adoptable(event: sa.Row[Any]) -> bool:
    """Whether an event can tell of an order to take up: one that we made, by its id; others may share the merchant."""
    return event.source == "duitku" and OURS.fullmatch(event.merchant_order_id or "") is not None


def _event(db: Db, event_id: int) -> sa.Row[Any]:
    event = inbox.find_event(db, event_id)
    if event is None:
        raise EventUnknown(event_id=event_id)
    if not adoptable(event):
        raise NotAdoptable
    return event


def _confirmed(event: sa.Row[Any], duitku: Duitku) -> tuple[TransactionStatus, str | None]:
    """What Duitku says itself, and the channel where only the host of chosen channels knows the order."""
    order_id, method = MerchantOrderId(event.merchant_order_id), None
    try:
        said = duitku.transaction_status(order_id, None)
    except InvoiceUnknown:
        method = channel_told(event.body, event.content_type)
        if method is None:
            raise
        said = duitku.transaction_status(order_id, method)
    if not said.paid:
        raise NotPaidYet(merchant_order_id=order_id)
    if said.amount != event.amount:
        raise AmountDiffers(f"called back Rp {event.amount}, says Rp {said.amount}", merchant_order_id=order_id)
    return said, method


def _made(event: sa.Row[Any], sold: Offer, said: TransactionStatus, method: str | None, now: datetime) -> Payment:
    """At the amount that was paid: what the offer costs now may be something else, and a coupon may have been used.
    A fee that the buyer bore is taken off only where that leaves the offer's price: it is not known to be in it else.
    """
    fee_borne = said.fee and said.amount - said.fee == sold.price
    return Payment(
        merchant_order_id=MerchantOrderId(event.merchant_order_id),
        public_id=new_public_id(),
        offer=sold.slug,
        product_details=sold.name,
        payment_amount=sold.price if fee_borne else said.amount,
        status=Status.PENDING,
        created_at=event.received_at,
        expires_at=now + timedelta(minutes=expiry_period(method)),
        payment_method=method,
        course_id=sold.course_id,
        bundle_id=sold.bundle_id,
        product_id=sold.product_id,
        access_days=sold.access_days,
        reference=said.reference or event.reference,
        school=sold.school,
    )


def _doubt(payment: Payment, sold: Offer, said: TransactionStatus) -> str | None:
    if not said.fee or payment.payment_amount == sold.price:
        return None
    return (
        f"{rupiah(said.amount)} is kept as the price, for {sold.slug} costs {rupiah(sold.price)}: "
        f"the channel's fee of {rupiah(said.fee)} may be in it."
    )


def _keep(
    db: Db,
    payment: Payment,
    customer: Customer,
    event_id: int,
    sold: Offer,
    said: TransactionStatus,
    *,
    actor: str,
    at: datetime,
) -> None:
    fee = f", the channel's fee is Rp {said.fee}" if said.fee else ""
    text = f"event {event_id}: Rp {said.amount} paid{fee}, {sold.slug} costs Rp {sold.price}"
    payments.add_payment(db, payment, customer, idempotency_key=None, digest="", lease=None)
    payments.tell(db, payment.merchant_order_id, at, actor, restored.ADOPTED, text)
    inbox.reopen_of(db, payment.merchant_order_id, payment.school)
