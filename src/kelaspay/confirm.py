"""Ask Duitku whether an order is paid, and write down what it says. The only place where a payment becomes paid by
Duitku's word: never by a callback's, never by the browser's return.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.faults import AmountDiffers, Fault, InvoiceUnknown, NotPaidYet, PaymentUnknown
from kelaspay.methods import invoice_end
from kelaspay.payment import NOTHING, UNPAID, Attention, Enrollment, Payment, Rupiah, Status
from kelaspay.store import enrollments, messages, payments
from kelaspay.store.attention import settled_since

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.duitku import Duitku, TransactionStatus
    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Database, Db

    Start = Callable[[Db, MerchantOrderId, datetime], object]
    """Make a run at that time the one that counts, in the caller's transaction."""
    Enqueue = Callable[[Db, MerchantOrderId, int, float], None]
    """Have a numbered run executed, in the caller's transaction, after so many seconds."""

log = structlog.get_logger()

LAPSE_GRACE = timedelta(minutes=5)
"""How long after an invoice's end Duitku may still say "pending" without our taking it for lapsed."""
ASK_SPACING = timedelta(seconds=10)
"""How old the newest answer must be before Duitku is asked again on the word of a buyer or of a program."""
TWICE = 2
BY_HAND = (
    "It was marked paid by hand, and now Duitku has a payment of Rp {amount} for it. If other money was meant by the "
    "mark, one of both must go back; if it was this money, nothing is to be done."
)
BY_HAND_REFUNDED = (
    "It was marked paid by hand and refunded, and Duitku has a payment of Rp {amount} for it. If that is not the money "
    "that went back, it must go back too."
)
BY_HAND_REFUSED = (
    "It was marked paid by hand, and Duitku has called back about a payment for it, of which it refuses to say more. "
    "If its statement has one that is not the money that was meant by the mark, one of both must go back."
)
AFTER_REFUND = (
    "It was refunded, and now Duitku calls back about a payment that it had not called back about before. If that is "
    "not the money that went back, it must go back too."
)

SPARSE_ASKS = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
"""When to ask after a payment of which nothing was heard, counted from its making, while it can still be paid."""
LATE_ASKS = (timedelta(minutes=6), timedelta(hours=13), timedelta(hours=38))
"""The same, counted from its end: the first lets it lapse, the others catch money that landed late."""
TOLD_ASKS = (timedelta(), *(timedelta(minutes=each) for each in (10, 60, 360, 1440, 4320)))
"""When to ask about money that Duitku called back about after a person's word, counted from the callback: how far its
status lags behind is not known (duitku.md 3.4).
"""


def sparse_ask_times(created_at: datetime, expires_at: datetime) -> list[datetime]:
    """The at most six times at which a payment is asked after though nobody called.

    While the buyer can be expected to be still paying Duitku is left alone: it blocks who polls (duitku.md 3.4).
    """
    waiting = [created_at + after for after in SPARSE_ASKS if created_at + after < expires_at - LAPSE_GRACE]
    return waiting + [expires_at + after for after in LATE_ASKS]


def ask_times(db: Db, payment: Payment) -> list[datetime]:
    """The few times at which a payment is asked after, as it stands: none where there is nothing to ask."""
    if payment.status in UNPAID:
        return sparse_ask_times(payment.created_at, payment.expires_at)
    told = payments.told_after(db, payment)
    return [] if told is None else [told + after for after in TOLD_ASKS]


def ask_after_invoice(created_at: datetime, made_at: datetime, expires_at: datetime) -> datetime:
    """When to ask after a payment whose invoice was made just now: a time that falls within the first hour, while the
    buyer pays, is put off to its end. So there are no more than six however often another channel is chosen.
    """
    due = next(at for at in sparse_ask_times(created_at, expires_at) if at > made_at)
    paying_until = made_at + SPARSE_ASKS[0]
    if due >= paying_until:
        return due
    return paying_until if paying_until < expires_at - LAPSE_GRACE else expires_at + LATE_ASKS[0]


def confirm(
    merchant_order_id: MerchantOrderId,
    *,
    database: Database,
    duitku: Duitku,
    start: Start,
    now: Callable[[], datetime],
) -> Status:
    """The payment's state after asking Duitku, when there is something to ask: see `ask`. Raises `PaymentUnknown`."""
    with database.read() as db:
        payment = payments.find_payment(db, merchant_order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=merchant_order_id)
    return ask(payment, database=database, duitku=duitku, start=start, now=now)


def ask(
    payment: Payment,
    *,
    database: Database,
    duitku: Duitku,
    start: Start,
    now: Callable[[], datetime],
    counted: bool = False,
) -> Status:
    """The state of a payment, just read, after asking Duitku, when there is something to ask. What is asked because of
    a callback is `counted`: anybody can repeat one, so the next must wait longer; nobody's other question makes it do
    so.

    Safe to repeat: the move to paid is one conditional statement, committed together with the job that enrolls.
    Raises `NotPaidYet` or `InvoiceUnknown` while the money may still come, `AmountDiffers` when another amount was paid
    (the payment is then in review), and Duitku's faults when it cannot be asked.
    """
    if payment.status not in UNPAID:
        return payment.status
    try:
        said = duitku.transaction_status(payment.merchant_order_id, payment.payment_method)
    except InvoiceUnknown:
        said = None
    if said is not None and said.paid:
        return _paid(payment, said, database=database, start=start, now=now())
    return _unpaid(payment, said, database=database, now=now(), counted=counted)


def _paid(payment: Payment, said: TransactionStatus, *, database: Database, start: Start, now: datetime) -> Status:
    order_id = payment.merchant_order_id
    received = _received(payment, said, now) | {"paid_at": now, "next_ask_at": None}
    if received["amount_received"] != payment.payment_amount:
        differs = AmountDiffers(f"asked Rp {payment.payment_amount}, paid Rp {said.amount}", merchant_order_id=order_id)
        with database.begin() as db:
            if payments.move(db, order_id, Status.REVIEW, now, actor="duitku", text=differs.detail, **received):
                payments.flag(db, order_id, Attention.AMOUNT_DIFFERS, str(differs), now)
                messages.raise_message(db, order_id, Attention.AMOUNT_DIFFERS, now, now)
                note_second_payment(db, order_id, now)
        raise differs
    with database.begin() as db:
        if payments.move(db, order_id, Status.PAID, now, actor="duitku", **received):
            if payment.status is not Status.PENDING:
                payments.flag(db, order_id, Attention.PAID_LATE, f"paid when already {payment.status}", now)
            note_second_payment(db, order_id, now)
            wanted = Enrollment(order_id, course_id=payment.course_id, bundle_id=payment.bundle_id)
            enrollments.begin_enrollment(db, wanted)
            start(db, order_id, now)
            log.info("payment_paid", merchant_order_id=order_id)
    return Status.PAID


def _received(payment: Payment, said: TransactionStatus, now: datetime) -> dict[str, Any]:
    """What came in; the fee that a buyer bears never does."""
    borne = said.fee if said.amount == payment.payment_amount + said.fee else NOTHING
    received: dict[str, Any] = {"amount_received": Rupiah(said.amount - borne), "asked_at": now}
    return received | ({"fee": borne} if borne else {})


def note_told_after(db: Db, payment: Payment, received_at: datetime, now: datetime, ask_at: datetime) -> bool:
    """Whether a success that is just being taken in hand, and tells of money not told of before, came in after a person
    had said that the order was paid: then Duitku is to be asked, from `ask_at` on, beside whatever else there is to do
    for the order. What was there before may be what that person saw.
    """
    if payment.amount_received is not None or payment.paid_at is None or payment.free:
        return False
    if received_at < payment.paid_at:
        return False
    text = "Duitku calls back about a payment of an order that was marked paid by hand"
    payments.tell(db, payment.merchant_order_id, now, "duitku", payments.TOLD_AFTER, text)
    payments.set_next_ask(db, payment.merchant_order_id, ask_at)
    return True


def note_after_refund(db: Db, payment: Payment, received_at: datetime, now: datetime) -> bool:
    """Whether a success that is just being taken in hand, and tells of money not told of before, came in after a
    refund; then a person is told. There is nothing to ask: Duitku has said that the order is paid, by
    whichever payment.
    """
    if payment.status is not Status.REFUNDED or payment.amount_received is None:
        return False
    refunded_at = payments.told_at(db, payment.merchant_order_id, Status.REFUNDED)
    if refunded_at is not None and received_at < refunded_at:
        return False
    _flag_twice(db, payment.merchant_order_id, AFTER_REFUND, now)
    return True


def ask_told_after(
    payment: Payment, *, database: Database, duitku: Duitku, now: Callable[[], datetime], last: bool
) -> None:
    """Ask Duitku about money that it called back about after a person had said that the order was paid. What it
    confirms is written down and a person told, once; where it refuses to answer the `last` such question a person is
    told that. The signature of a callback does not cover that it is a success.

    Raises `NotPaidYet` or `InvoiceUnknown` while Duitku does not confirm it, and its faults when it cannot be asked.
    """
    order_id = payment.merchant_order_id
    try:
        said = duitku.transaction_status(order_id, payment.payment_method)
    except InvoiceUnknown:
        with database.begin() as db:
            payments.record_ask(db, order_id, now(), counted=False)
        raise
    except Fault as fault:
        if last and not fault.outage:
            with database.begin() as db:
                _flag_twice(db, order_id, BY_HAND_REFUSED, now())
        raise
    with database.begin() as db:
        refunded = (payments.find_for_update(db, order_id) or payment).status is Status.REFUNDED
        if not said.paid:
            payments.record_ask(db, order_id, now(), counted=False)
        elif payments.record_receipt(db, order_id, next_ask_at=None, **_received(payment, said, now())):
            text = (BY_HAND_REFUNDED if refunded else BY_HAND).format(amount=said.amount)
            if not note_second_payment(db, order_id, now()):
                _flag_twice(db, order_id, text, now())
    if not said.paid:
        raise NotPaidYet(merchant_order_id=order_id)


def note_second_payment(
    db: Db, merchant_order_id: MerchantOrderId, now: datetime, *, receipt: str | None = None
) -> bool:
    """Whether Duitku has called back about more than one successful payment of this order; if so a person is told.
    `receipt` is that of a callback which is just being taken in hand.

    Looked at whenever one of the two things comes that make it so, in whichever order: the callback and the money.
    """
    receipts = payments.receipts(db, merchant_order_id) | ({receipt} if receipt else set())
    if len(receipts) < TWICE:
        return False
    text = f"Duitku has called back about {len(receipts)} successful payments of this order"
    _flag_twice(db, merchant_order_id, text, now)
    return True


def _flag_twice(db: Db, merchant_order_id: MerchantOrderId, text: str, now: datetime) -> None:
    if not settled_since(db, merchant_order_id, Attention.PAID_TWICE, text):
        payments.flag(db, merchant_order_id, Attention.PAID_TWICE, text, now)


def _unpaid(
    asked: Payment, said: TransactionStatus | None, *, database: Database, now: datetime, counted: bool
) -> Status:
    """What an answer other than "paid" means: canceled for good, lapsed, or not yet. Duitku speaks of the newest
    invoice alone: an order is over only when none before it can be paid either (duitku.md 5).

    Nothing for good where the buyer chose anew meanwhile: the answer is about an invoice that another has replaced.
    """
    order_id = asked.merchant_order_id
    canceled = said is not None and said.status_code == "02" and not _payable_earlier(asked, database, now)
    with database.begin() as db:
        payments.record_ask(db, order_id, now, counted=counted)
        payment = payments.find_for_update(db, order_id) or asked
        over = now >= payment.expires_at + LAPSE_GRACE or canceled
        if payment.status is Status.PENDING and over and payment.reference == asked.reference:
            to = Status.EXPIRED if now >= payment.expires_at else Status.FAILED
            payments.move(db, order_id, to, now, actor="duitku")
            return to
    if payment.status is not Status.PENDING:
        return payment.status
    raise NotPaidYet(merchant_order_id=order_id) if said is not None else InvoiceUnknown(merchant_order_id=order_id)


def _payable_earlier(payment: Payment, database: Database, now: datetime) -> bool:
    """Whether an invoice before the newest can still be paid."""
    with database.read() as db:
        earlier = payments.list_invoices(db, payment.merchant_order_id)[1:]
    return any(now < invoice_end(payment, each) for each in earlier)
