"""What the buyer of one payment was told: every message with its way, its state and its words."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.faults import MessageUnknown, PaymentUnknown
from kelaspay.messages import SIGN_IN, WHATSAPP
from kelaspay.store import messages, payments
from kelaspay.store.messages import State
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, outside_of, write_down

router = APIRouter(prefix="/console/payments/{order_id}/messages", route_class=ConsoleRoute, include_in_schema=False)


@router.get("")
def show(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    order_id = order_id.replace("\0", "")
    with outside.database.read() as db:
        payment = payments.find_payment(db, order_id)
        found = messages.list_messages(db, order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    rows = [(row, *_named(row), _repeatable(row)) for row in found]
    return page(request, "messages.html", visitor, payment=payment, rows=rows, sending=outside.settings.smtp_url)


@router.get("/{message_id}")
def read(order_id: str, message_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    row = _one(request, order_id, message_id)
    return page(request, "message.html", visitor, order_id=row.merchant_order_id, row=row, kind=_named(row)[0])


@router.post("/{message_id}/again")
def again(order_id: str, message_id: str, request: Request, visitor: Acting) -> Response:
    """Have it made and sent once more, as things stand now."""
    row, outside = _one(request, order_id, message_id), outside_of(request)
    with outside.database.begin() as db:
        sent = _repeatable(row) and messages.send_again(db, row.id, outside.now())
    write_down(request, visitor, "message_resent", row.merchant_order_id, row.kind)
    where = f"/console/payments/{row.merchant_order_id}/messages"
    return back(where, "message_resent" if sent else "message_not_resent")


def _one(request: Request, order_id: str, message_id: str) -> Any:
    """This payment's message; raises `MessageUnknown`."""
    with outside_of(request).database.read() as db:
        found = messages.list_messages(db, order_id.replace("\0", ""))
    row = next((each for each in found if str(each.id) == message_id), None)
    if row is None:
        raise MessageUnknown
    return row


def _named(row: Any) -> tuple[str, str]:
    """The kind of a message without what only its row needs, and the way it goes."""
    kind = row.kind.removesuffix(WHATSAPP).partition(":")[0]
    return kind, "whatsapp" if row.kind.endswith(WHATSAPP) else "email"


def _repeatable(row: Any) -> bool:
    """A code is never sent twice: the buyer asks for another."""
    return row.state in {State.SENT, State.KEPT, State.FAILED} and not row.kind.startswith(SIGN_IN)
