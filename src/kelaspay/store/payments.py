"""Payments, their customers, their invoices and their story. A move between states is one conditional statement."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.formats import without_addresses
from kelaspay.notice import NoticeType
from kelaspay.payment import UNPAID, Attention, Customer, MerchantOrderId, Payment, Rupiah, Status, before
from kelaspay.store import coupons, messages, notices
from kelaspay.store.attention import show_hidden, without_stop
from kelaspay.store.database import database_clock
from kelaspay.store.listing import found
from kelaspay.store.tables import customers, inbox, invoices, payments, story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from kelaspay.payment import Invoice
    from kelaspay.store.database import Db

PAYMENT_COLUMNS = [payments.c[field.name] for field in fields(Payment)]
BY_ORDER_ID = sa.select(*PAYMENT_COLUMNS).where(payments.c.merchant_order_id == sa.bindparam("sought"))
"""Built once, as are the others that every purchase needs again and again: to build one takes longer than to run it."""
BY_PUBLIC_ID = sa.select(*PAYMENT_COLUMNS).where(payments.c.public_id == sa.bindparam("sought"))
FOR_UPDATE = BY_ORDER_ID.with_for_update()
TOLD_AFTER = "told_after"
"""The line of the story that says that Duitku called back about money after a person had said that it was paid."""


def add_payment(
    db: Db, payment: Payment, customer: Customer, *, idempotency_key: str | None, digest: str, lease: float | None
) -> None:
    """Keep a new payment and its customer, its invoice claimed for `lease` seconds by whoever made it, or by nobody: a
    claim of no seconds would hold for the rest of the clock's tick, a millisecond on SQLite.

    Raises IntegrityError when the idempotency key is taken.
    """
    values = {column.name: getattr(payment, column.name) for column in PAYMENT_COLUMNS}
    db.execute(
        sa.insert(payments).values(invoice_lease_until=None if lease is None else database_clock() + lease),
        values | {"idempotency_key": idempotency_key, "request_digest": digest},
    )
    db.execute(
        sa.insert(customers),
        {
            "merchant_order_id": payment.merchant_order_id,
            "name": customer.name,
            "email": customer.email,
            "phone": customer.phone,
        },
    )
    tell(db, payment.merchant_order_id, payment.created_at, "buyer", "created")
    notices.raise_notice(db, NoticeType.ORDER_CREATED, payment.merchant_order_id, payment.created_at, once=True)


def find_payment(db: Db, merchant_order_id: str) -> Payment | None:
    return _payment(db, BY_ORDER_ID, merchant_order_id)


def find_for_update(db: Db, merchant_order_id: str) -> Payment | None:
    """The payment as it stands, and nobody else moves it before this transaction has ended."""
    return _payment(db, FOR_UPDATE, merchant_order_id)


def find_by_public_id(db: Db, public_id: str) -> Payment | None:
    return _payment(db, BY_PUBLIC_ID, public_id)


def find_by_idempotency_key(db: Db, key: str) -> tuple[Payment, str] | None:
    """The payment that was made with this key, and the digest of the request that made it."""
    row = db.execute(
        sa.select(*PAYMENT_COLUMNS, payments.c.request_digest).where(payments.c.idempotency_key == key)
    ).one_or_none()
    return None if row is None else (as_payment(row), row.request_digest)


def find_customer(db: Db, merchant_order_id: str) -> Customer | None:
    row = db.execute(sa.select(customers).where(customers.c.merchant_order_id == merchant_order_id)).one_or_none()
    return None if row is None else Customer(name=row.name, email=row.email, phone=row.phone)


def set_email(db: Db, merchant_order_id: MerchantOrderId, email: str, now: datetime) -> None:
    """Another address for the buyer; what is remembered of the one before no longer counts."""
    its = customers.c.merchant_order_id == merchant_order_id
    db.execute(sa.update(customers).where(its).values(email=email, changed_at=now))


def email_for_update(db: Db, merchant_order_id: MerchantOrderId) -> str | None:
    """The buyer's address as it stands, and nobody else changes it before this transaction has ended."""
    its = sa.select(customers.c.email).where(customers.c.merchant_order_id == merchant_order_id)
    return db.execute(its.with_for_update()).scalar()


def customer_changed(db: Db, merchant_order_id: MerchantOrderId) -> Customer | None:
    """The buyer, when changed since the order was made; None when what is remembered still holds."""
    changed = sa.select(customers.c.changed_at).where(customers.c.merchant_order_id == merchant_order_id)
    return find_customer(db, merchant_order_id) if db.execute(changed).scalar() is not None else None


def claim_invoice(db: Db, merchant_order_id: MerchantOrderId, lease: float, *, anew: bool = False) -> bool:
    """Take on making the invoice of a payment that has none, or with `anew` another one; False while somebody else is
    at it.
    """
    claimed = db.execute(
        sa.update(payments)
        .where(
            payments.c.merchant_order_id == merchant_order_id,
            sa.true() if anew else payments.c.payment_url.is_(None),
            sa.or_(payments.c.invoice_lease_until.is_(None), payments.c.invoice_lease_until < database_clock()),
        )
        .values(invoice_lease_until=database_clock() + lease)
    )
    return claimed.rowcount == 1


def set_invoice(
    db: Db,
    merchant_order_id: MerchantOrderId,
    invoice: Invoice,
    *,
    payment_method: str | None,
    fee: Rupiah,
    expires_at: datetime,
    next_ask_at: datetime,
    now: datetime,
) -> None:
    """Remember what Duitku holds, until when, and when to ask after it, unless nothing is left to ask.

    Every reference and VA number ever shown stays in `invoices`: an old one may be paid yet.
    """
    shown = {
        "reference": invoice.reference,
        "payment_url": invoice.payment_url,
        "va_number": invoice.va_number,
        "qr_string": invoice.qr_string,
    }
    db.execute(
        sa.update(payments)
        .where(payments.c.merchant_order_id == merchant_order_id)
        .values(
            **shown,
            payment_method=payment_method,
            fee=fee,
            expires_at=expires_at,
            next_ask_at=sa.case((payments.c.next_ask_at.is_not(None), next_ask_at)),
            invoice_fault=None,
            invoice_lease_until=None,
        )
    )
    db.execute(
        sa.insert(invoices).values(
            merchant_order_id=merchant_order_id, payment_method=payment_method, made_at=now, **shown
        )
    )
    tell(db, merchant_order_id, now, "duitku", "invoice_created", f"reference {invoice.reference}")
    messages.raise_for_invoice(db, merchant_order_id, expires_at, now)


def set_invoice_fault(db: Db, merchant_order_id: MerchantOrderId, fault: str, text: str, now: datetime) -> None:
    db.execute(
        sa.update(payments)
        .where(payments.c.merchant_order_id == merchant_order_id)
        .values(invoice_fault=fault, invoice_lease_until=None)
    )
    tell(db, merchant_order_id, now, "duitku", "invoice_failed", text)


def move(
    db: Db,
    merchant_order_id: MerchantOrderId,
    to: Status,
    now: datetime,
    *,
    actor: str,
    text: str | None = None,
    allowed: list[Status] | None = None,
    **values: Any,
) -> bool:
    """Move a payment to `to`, with `values` set in the same statement; False when it was not in a state that may go
    there. Who wins of several is told by the row count, so a repeat changes nothing and tells nothing.
    """
    from_states = before(to) if allowed is None else allowed
    if to is Status.REFUNDED:
        values |= without_stop()
    moved = db.execute(
        sa.update(payments)
        .where(payments.c.merchant_order_id == merchant_order_id, payments.c.status.in_(from_states))
        .values(status=to, **values)
        .returning(payments.c.coupon)
    ).first()
    if moved is None:
        return False
    tell(db, merchant_order_id, now, actor, to, text)
    if to is Status.REFUNDED:
        show_hidden(db, merchant_order_id)
    messages.raise_for_move(db, merchant_order_id, to, now)
    notices.raise_for_move(db, merchant_order_id, to, now)
    if moved.coupon is not None:
        _count_coupon(db, merchant_order_id, to, now)
    return True


def _count_coupon(db: Db, merchant_order_id: MerchantOrderId, to: Status, now: datetime) -> None:
    """A lapsed order gives its coupon back; one that is paid all the same has it again."""
    if to in {Status.EXPIRED, Status.FAILED} and (code := coupons.give_back(db, merchant_order_id, now)):
        tell(db, merchant_order_id, now, "kelaspay", "coupon_given_back", code)
    elif to in {Status.PAID, Status.REVIEW} and (code := coupons.take_again(db, merchant_order_id)):
        tell(db, merchant_order_id, now, "kelaspay", "coupon_taken_again", code)


def flag(db: Db, merchant_order_id: MerchantOrderId, attention: Attention, text: str, now: datetime) -> None:
    """Ask for a person's eye without changing the state; saying the same again tells nothing new.

    Where something more pressing is flagged already, that stays and this is a line in the story.
    """
    db.execute(
        sa.update(payments)
        .where(
            payments.c.merchant_order_id == merchant_order_id,
            sa.or_(payments.c.attention.is_(None), payments.c.attention.in_(attention.hides())),
        )
        .values(attention=attention, attention_text=text)
    )
    last = sa.select(story.c.text).where(story.c.merchant_order_id == merchant_order_id, story.c.what == attention)
    if db.execute(last.order_by(story.c.id.desc()).limit(1)).scalar() != text:
        tell(db, merchant_order_id, now, "kelaspay", attention, text)
        if attention is Attention.PAID_TWICE:
            notices.raise_notice(db, NoticeType.PAYMENT_DUPLICATE, merchant_order_id, now)


def unflag(db: Db, merchant_order_id: MerchantOrderId, attention: Attention) -> None:
    """What was flagged has settled itself."""
    db.execute(
        sa.update(payments)
        .where(payments.c.merchant_order_id == merchant_order_id, payments.c.attention == attention)
        .values(attention=None, attention_text=None)
    )


def clear_attention(db: Db, merchant_order_id: MerchantOrderId) -> None:
    """A person has looked at what is shown; the story keeps what it was. That money came twice has to be settled
    itself, and is shown again where something else hid it.
    """
    cleared = {"attention": None, "attention_text": None}
    db.execute(sa.update(payments).where(payments.c.merchant_order_id == merchant_order_id).values(**cleared))
    show_hidden(db, merchant_order_id)


def set_sold(db: Db, merchant_order_id: MerchantOrderId, **values: int | None) -> None:
    """Correct what was sold, from an offer that was corrected since."""
    db.execute(sa.update(payments).where(payments.c.merchant_order_id == merchant_order_id).values(**values))


def record_ask(db: Db, merchant_order_id: MerchantOrderId, now: datetime, *, counted: bool) -> None:
    """Duitku was asked. What is `counted` makes the answer to the next callback wait longer."""
    asked = {"asks": payments.c.asks + int(counted), "asked_at": now}
    db.execute(sa.update(payments).where(payments.c.merchant_order_id == merchant_order_id).values(**asked))


def claim_ask(db: Db, merchant_order_id: MerchantOrderId, now: datetime, spacing: timedelta) -> bool:
    """Take on asking Duitku on somebody's word; False while an ask is no older than `spacing`."""
    asked_at = payments.c.asked_at
    claimed = db.execute(
        sa.update(payments)
        .where(
            payments.c.merchant_order_id == merchant_order_id,
            sa.or_(asked_at.is_(None), asked_at <= now - spacing),
        )
        .values(asked_at=now)
    )
    return claimed.rowcount == 1


def set_next_ask(db: Db, merchant_order_id: MerchantOrderId, at: datetime | None) -> None:
    """When the sparse pass may ask; `None` for never."""
    db.execute(sa.update(payments).where(payments.c.merchant_order_id == merchant_order_id).values(next_ask_at=at))


def spend_ask(db: Db, merchant_order_id: MerchantOrderId, next_at: datetime | None, now: datetime) -> bool:
    """Take on using one of a payment's few sparse asks; the next may come at `next_at`. False when it is not due any
    more: another process has asked, or there is nothing left to ask.
    """
    spent = {"sparse_asks": payments.c.sparse_asks + 1, "sparse_asked_at": now, "next_ask_at": next_at}
    its = payments.c.merchant_order_id == merchant_order_id
    return db.execute(sa.update(payments).where(its, payments.c.next_ask_at <= now).values(**spent)).rowcount == 1


def give_ask_back(db: Db, merchant_order_id: MerchantOrderId, next_at: datetime) -> None:
    """The ask was not answered, so it does not count; it may be repeated at `next_at`."""
    back = {"sparse_asks": payments.c.sparse_asks - 1, "next_ask_at": next_at}
    db.execute(sa.update(payments).where(payments.c.merchant_order_id == merchant_order_id).values(**back))


def schools_to_ask(db: Db, now: datetime) -> list[str]:
    """The keys of the schools that have payments to be asked after."""
    due = sa.select(payments.c.school).where(payments.c.next_ask_at.is_not(None), payments.c.next_ask_at <= now)
    return list(db.execute(due.distinct().order_by(payments.c.school)).scalars())


def due_to_ask(db: Db, school: str, now: datetime, limit: int) -> list[Payment]:
    """A school's payments that should have heard from Duitku by now, longest waiting first."""
    rows = db.execute(
        sa.select(*PAYMENT_COLUMNS)
        .where(payments.c.next_ask_at.is_not(None), payments.c.next_ask_at <= now, payments.c.school == school)
        .order_by(payments.c.next_ask_at)
        .limit(limit)
    )
    return [as_payment(row) for row in rows]


def sparse_asks_since(db: Db, school: str, since: datetime) -> int:
    """How many of a school's payments the sparse pass has asked after since then."""
    asked = (
        sa.select(sa.func.count())
        .select_from(payments)
        .where(payments.c.sparse_asked_at > since, payments.c.school == school)
    )
    return db.execute(asked).scalar_one()


def receipts(db: Db, merchant_order_id: str) -> set[str]:
    """The different successful payments that Duitku has called back about, by what tells them apart, as far as those
    callbacks were taken in hand.
    """
    query = sa.select(inbox.c.receipt).where(
        inbox.c.merchant_order_id == merchant_order_id,
        payments.c.merchant_order_id == inbox.c.merchant_order_id,
        payments.c.school == inbox.c.school,
        inbox.c.source == "duitku",
        inbox.c.result_code == "00",
        inbox.c.receipt.is_not(None),
        inbox.c.started_at.is_not(None),
    )
    return set(db.execute(query.distinct()).scalars())


def told_after(db: Db, payment: Payment) -> datetime | None:
    """When Duitku called back about money after a person had said that it was paid; None where it did not, or where it
    has confirmed that money since.
    """
    if payment.amount_received is not None or payment.status in UNPAID:
        return None
    return told_at(db, payment.merchant_order_id, TOLD_AFTER)


def record_receipt(db: Db, merchant_order_id: MerchantOrderId, **values: Any) -> bool:
    """Write down what Duitku confirms of an order that was paid without its word; False where that is known already."""
    recorded = sa.update(payments).where(
        payments.c.merchant_order_id == merchant_order_id, payments.c.amount_received.is_(None)
    )
    return db.execute(recorded.values(**values)).rowcount == 1


def list_invoices(db: Db, merchant_order_id: str) -> list[sa.Row[Any]]:
    """Every number and reference ever shown for a payment, the newest first."""
    query = sa.select(invoices).where(invoices.c.merchant_order_id == merchant_order_id)
    return list(db.execute(query.order_by(invoices.c.id.desc())))


def list_payments(
    db: Db,
    *,
    status: str | None,
    attention: bool,
    limit: int,
    q: str = "",
    school: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Payment]:
    """The newest first, made from `since` to before `until`; by `q` what an operator's word can mean, see `found`."""
    query = sa.select(*PAYMENT_COLUMNS).order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
    if status is not None:
        query = query.where(payments.c.status == status)
    if attention:
        query = query.where(payments.c.attention.is_not(None))
    if school is not None:
        query = query.where(payments.c.school == school)
    if since is not None:
        query = query.where(payments.c.created_at >= since)
    if until is not None:
        query = query.where(payments.c.created_at < until)
    if q.strip():
        query = query.where(payments.c.merchant_order_id.in_(found(q.strip(), school)))
    return [as_payment(row) for row in db.execute(query.limit(limit))]


def tell(db: Db, merchant_order_id: str, at: datetime, actor: str, what: str, text: str | None = None) -> None:
    """Add a line to a payment's story: never a name or a key, and of an address what its owner alone knows again."""
    told = None if text is None else without_addresses(text)
    line = {"merchant_order_id": merchant_order_id, "at": at, "actor": actor, "what": what, "text": told}
    db.execute(sa.insert(story), line)


def told_at(db: Db, merchant_order_id: MerchantOrderId, what: str) -> datetime | None:
    """When the newest line of this kind was added to a payment's story; None where there is none."""
    its = sa.select(sa.func.max(story.c.at)).where(story.c.merchant_order_id == merchant_order_id, story.c.what == what)
    return db.execute(its).scalar()


def read_story(db: Db, merchant_order_id: str) -> Iterator[sa.Row[Any]]:
    yield from db.execute(sa.select(story).where(story.c.merchant_order_id == merchant_order_id).order_by(story.c.id))


def as_payment(row: Any) -> Payment:
    values = {column.name: getattr(row, column.name) for column in PAYMENT_COLUMNS}
    values["status"] = Status(values["status"])
    values["attention"] = Attention(values["attention"]) if values["attention"] else None
    values["merchant_order_id"] = MerchantOrderId(values["merchant_order_id"])
    values["payment_amount"] = Rupiah(values["payment_amount"])
    values["discount"], values["fee"] = Rupiah(values["discount"]), Rupiah(values["fee"])
    return Payment(**values)


def _payment(db: Db, look: sa.Select[Any], sought: str) -> Payment | None:
    row = db.execute(look, {"sought": sought}).one_or_none()
    return None if row is None else as_payment(row)
