"""The same for several payments: those chosen in the list, or all that its filter finds. First it is said for how many
and what comes of it; then each is done, and written down, by itself, so that breaking off leaves nothing half done.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from kelaspay.faults import AmountDiffers, Fault, InvoiceUnknown, MoveRefused, NotPaidYet, PaymentUnknown
from kelaspay.messages import resend_now
from kelaspay.payment import UNPAID, MerchantOrderId
from kelaspay.review import retry
from kelaspay.store import listing, payments
from kelaspay.web.console.asking import ask_duitku
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.payments import MOST_AT_ONCE as MOST
from kelaspay.web.console.payments import Wanted
from kelaspay.web.console.visit import Acting, Visitor, audited, outside_of, start_of, write_down

router = APIRouter(prefix="/console/payments", route_class=ConsoleRoute, include_in_schema=False)

ASKED_NOW = 20
"""How many Duitku is asked about while the operator waits; the others by and by, for Duitku blocks who polls."""


class Action(StrEnum):
    RECHECK = "recheck"
    RETRY = "retry"
    RESEND = "resend"


@router.post("/several")
def several(
    request: Request,
    visitor: Acting,
    wanted: Wanted,
    action: Annotated[Action, Form()],
    order: Annotated[list[str] | None, Form()] = None,
    found: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
) -> Response:
    """With `found` for what the filter in the address finds, else for the orders ticked."""
    outside = outside_of(request)
    with outside.database.read() as db:
        if found and not sure:
            rows = listing.list_page(db, wanted, after=None, limit=MOST + 1, now=outside.now())
            chosen = [MerchantOrderId(row.merchant_order_id) for row in rows]
        else:
            chosen = listing.own(db, [each.replace("\0", "") for each in order or []][:MOST], visitor.only)
    orders, more = chosen[:MOST], len(chosen) > MOST
    if not orders or not sure:
        return page(
            request, "several.html", visitor, orders=orders, action=action, more=more, most=MOST, asked=ASKED_NOW
        )
    done, later = _do(request, visitor, action, orders)
    said = {Action.RECHECK: "bulk_rechecked", Action.RETRY: "bulk_retried", Action.RESEND: "bulk_resent"}[action]
    return back("/console/payments", "bulk_asked_later" if later else said, count=later or done)


def _do(request: Request, visitor: Visitor, action: Action, orders: list[MerchantOrderId]) -> tuple[int, int]:
    """For how many something was done, and for how many it will be done later."""
    if action is Action.RETRY:
        return sum(_retry(request, visitor, order_id) for order_id in orders), 0
    if action is Action.RESEND:
        return sum(_resend(request, visitor, order_id) for order_id in orders), 0
    done = later = 0
    away = False
    for order_id in orders:
        if not away and done < ASKED_NOW:
            away = not _asked(request, order_id)
            if not away:
                write_down(request, visitor, "rechecked", order_id)
                done += 1
                continue
        later += _ask_later(request, visitor, order_id)
    return done, later


def _asked(request: Request, order_id: MerchantOrderId) -> bool:
    """Whether Duitku answered; what it said is on the payment's page."""
    try:
        ask_duitku(request, order_id)
    except (NotPaidYet, InvoiceUnknown, AmountDiffers):
        return True
    except Fault as fault:
        if not fault.outage:
            raise
        return False
    return True


def _ask_later(request: Request, visitor: Visitor, order_id: MerchantOrderId) -> bool:
    """Have the sparse pass ask, which keeps to what Duitku bears; False where there is nothing to ask."""
    outside = outside_of(request)
    with outside.database.begin() as db:
        payment = payments.find_for_update(db, order_id)
        if payment is None or payment.status not in UNPAID:
            return False
        payments.set_next_ask(db, order_id, outside.now())
        write_down(request, visitor, "rechecked", order_id, db=db)
    return True


def _resend(request: Request, visitor: Visitor, order_id: MerchantOrderId) -> bool:
    """Whether there is an access to tell of, and it was not told only just now."""
    try:
        resend_now(audited(request, visitor, "resent", order_id), order_id, outside_of(request).now())
    except (MoveRefused, PaymentUnknown):
        return False
    return True


def _retry(request: Request, visitor: Visitor, order_id: MerchantOrderId) -> bool:
    """Whether there was something to try again."""
    outside = outside_of(request)
    try:
        retry(
            order_id,
            database=audited(request, visitor, "retried", order_id),
            start=start_of(request),
            now=outside.now,
            actor=visitor.operator.actor,
        )
    except (MoveRefused, PaymentUnknown):
        return False
    return True
