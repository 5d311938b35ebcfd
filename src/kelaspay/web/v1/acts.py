"""What a program does about a payment: the same flows that the console and the command line call."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from kelaspay.confirm import ASK_SPACING, confirm
from kelaspay.faults import (
    AmountDiffers,
    DuitkuBusy,
    DuitkuRefused,
    DuitkuUnauthorized,
    DuitkuUnavailable,
    InvoiceUnknown,
    MoveRefused,
    NotPaidYet,
    PaymentUnknown,
)
from kelaspay.messages import resend_now
from kelaspay.payment import MerchantOrderId, Payment
from kelaspay.review import mark_paid, retry, settle
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import payments
from kelaspay.web.at_duitku import asks_duitku
from kelaspay.web.json_bodies import JsonRoute
from kelaspay.web.v1.access import Accounting, Caller, Writing
from kelaspay.web.v1.fields import Reason
from kelaspay.web.v1.payments import own_payment, payment_shown
from kelaspay.web.v1.problems import problems
from kelaspay.web.v1.shapes import PaymentRead

router = APIRouter(prefix="/payments/{merchant_order_id}", tags=["Payments"], route_class=JsonRoute)


class Why(BaseModel):
    """What a person will want to know later."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="Kept with the payment.", examples=["Seen on the bank statement"])


@router.post(
    "/recheck",
    summary="Ask Duitku now",
    dependencies=[asks_duitku],
    responses=problems(PaymentUnknown, DuitkuUnavailable, DuitkuBusy, DuitkuRefused, DuitkuUnauthorized),
)
def recheck(merchant_order_id: str, caller: Writing) -> PaymentRead:
    """Ask Duitku whether it is paid; if so, it is enrolled. The payment comes back as it is then. Duitku blocks who
    asks too often: within ten seconds of an ask it is not asked again.
    """
    payment = _payment(caller, merchant_order_id)
    outside = caller.outside
    with outside.database.begin() as db:
        mine = payments.claim_ask(db, payment.merchant_order_id, outside.now(), ASK_SPACING)
    if mine:
        with suppress(NotPaidYet, InvoiceUnknown, AmountDiffers):  # the payment tells which
            confirm(
                payment.merchant_order_id,
                database=outside.database,
                duitku=outside.schools.of(payment.school).duitku,
                start=caller.start,
                now=outside.now,
            )
    with outside.database.begin() as db:
        caller.write_down(db, "rechecked", merchant_order_id)
    return _shown(caller, merchant_order_id)


@router.post("/retry", summary="Try again to enroll", responses=problems(PaymentUnknown, MoveRefused))
def try_again(merchant_order_id: str, caller: Writing) -> PaymentRead:
    """Set a paid payment's work going where it stopped; one in review takes its offer's corrected ids along."""
    order_id = _payment(caller, merchant_order_id).merchant_order_id
    outside = caller.outside
    database = caller.audited("retried", order_id)
    retry(order_id, database=database, start=caller.start, now=outside.now, actor=caller.actor)
    return _shown(caller, merchant_order_id)


@router.post("/resend", summary="Send the access again", responses=problems(PaymentUnknown, MoveRefused))
def resend(merchant_order_id: str, caller: Writing) -> PaymentRead:
    """Send the buyer the way into the course once more; not twice within minutes, and not before there is one."""
    order_id = _payment(caller, merchant_order_id).merchant_order_id
    resend_now(caller.audited("resent", order_id), order_id, caller.outside.now())
    return _shown(caller, merchant_order_id)


@router.post("/settle", summary="Settle what was flagged", responses=problems(PaymentUnknown, MoveRefused, body=True))
def settle_matter(merchant_order_id: str, why: Why, caller: Writing) -> PaymentRead:
    """Take it off the list of what needs a person, with what was done about it."""
    order_id = _payment(caller, merchant_order_id).merchant_order_id
    database = caller.audited("settled", order_id, why.reason)
    settle(order_id, database=database, now=caller.outside.now, actor=caller.actor, reason=why.reason)
    return _shown(caller, merchant_order_id)


@router.post("/mark-paid", summary="Say that it is paid", responses=problems(PaymentUnknown, MoveRefused, body=True))
def take_as_paid(merchant_order_id: str, why: Why, caller: Accounting) -> PaymentRead:
    """Take your word that the money has arrived, and enroll."""
    order_id = _payment(caller, merchant_order_id).merchant_order_id
    mark_paid(
        order_id,
        database=caller.audited("marked_paid", order_id, why.reason),
        start=caller.start,
        now=caller.outside.now,
        actor=caller.actor,
        reason=why.reason,
    )
    return _shown(caller, merchant_order_id)


@router.post("/revoke", summary="Record a refund", responses=problems(PaymentUnknown, MoveRefused, body=True))
def revoke(merchant_order_id: str, why: Why, caller: Accounting) -> PaymentRead:
    """End the access and record the refund. No money moves by this: Duitku has no refund API, send it back by hand.
    Repeating it changes nothing.
    """
    order_id = _payment(caller, merchant_order_id).merchant_order_id
    ask_to_revoke(
        order_id,
        database=caller.audited("refunded", order_id, why.reason),
        start=caller.start,
        now=caller.outside.now,
        reason=why.reason,
        actor=caller.actor,
    )
    return _shown(caller, merchant_order_id)


def _payment(caller: Caller, merchant_order_id: str) -> Payment:
    with caller.outside.database.read() as db:
        return own_payment(db, caller, merchant_order_id)


def _shown(caller: Caller, merchant_order_id: str) -> PaymentRead:
    with caller.outside.database.read() as db:
        payment = own_payment(db, caller, MerchantOrderId(merchant_order_id))
        return PaymentRead(**payment_shown(db, caller, payment))
