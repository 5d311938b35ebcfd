"""What buyers were told: every message with its way, its state and its words, of one payment or of all."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.faults import MessageUnknown, PaymentUnknown
from kelaspay.letters import KINDS
from kelaspay.mail import MailRefused, MailUnavailable
from kelaspay.messages import kept_as, named, repeatable, resend
from kelaspay.store import messages, outgoing, payments
from kelaspay.store.messages import State
from kelaspay.web.console.entered import id_in
from kelaspay.web.console.page import ConsoleRoute, Wording, back, page, wording
from kelaspay.web.console.visit import Acting, Looking, audited, outside_of, write_down
from kelaspay.web.console.words import FAULTS
from kelaspay.whatsapp import WhatsAppRefused, WhatsAppUnavailable

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)

ALL = "/console/messages"
OF_ONE = "/payments/{order_id}/messages"
PAGE = 50
SENDING = (MailUnavailable, MailRefused, WhatsAppUnavailable, WhatsAppRefused)


@router.get("/messages")
def list_all(request: Request, visitor: Looking, state: str = "", kind: str = "", before: str = "") -> HTMLResponse:
    outside = outside_of(request)
    wanted = {"state": state if state in set(State) else "", "kind": kind if kind in KINDS else ""}
    with outside.database.read() as db:
        found = outgoing.list_outgoing(
            db, visitor.only, state=wanted["state"], kinds=kept_as(wanted["kind"]), before=id_in(before), limit=PAGE + 1
        )
        failed = outgoing.count_failed(db, visitor.only)
    t = wording(request)
    rows = [(row, *named(row.kind), repeatable(row), _why(t, row.fault)) for row in found[:PAGE]]
    return page(
        request,
        "all_messages.html",
        visitor,
        rows=rows,
        wanted=wanted,
        failed=failed,
        next_page=found[PAGE - 1].id if len(found) > PAGE else None,
        sending=outside.settings.smtp_url,
    )


@router.post("/messages/again")
def all_again(request: Request, visitor: Acting, sure: Annotated[str, Form()] = "") -> Response:
    """Have everything that failed sent once more; first it is said how many that are."""
    outside = outside_of(request)
    if not sure:
        with outside.database.read() as db:
            count = outgoing.count_failed(db, visitor.only)
        return page(request, "resend_failed.html", visitor, count=count, most=outgoing.MOST_AT_ONCE)
    with outside.database.begin() as db:
        done = outgoing.resend_failed(db, visitor.only, outside.now(), outgoing.MOST_AT_ONCE)
        write_down(request, visitor, "messages_resent", None, str(done), db=db)
    return back(ALL, "messages_resent", count=done)


@router.get(OF_ONE)
def show(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    order_id = order_id.replace("\0", "")
    with outside.database.read() as db:
        payment = payments.find_payment(db, order_id)
        found = messages.list_messages(db, order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    t = wording(request)
    rows = [(row, *named(row.kind), repeatable(row), _why(t, row.fault)) for row in found]
    return page(request, "messages.html", visitor, payment=payment, rows=rows, sending=outside.settings.smtp_url)


@router.get(f"{OF_ONE}/{{message_id}}")
def read(order_id: str, message_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    row = _one(request, order_id, message_id)
    return page(request, "message.html", visitor, order_id=row.merchant_order_id, row=row, kind=named(row.kind)[0])


@router.post(f"{OF_ONE}/{{message_id}}/again")
def again(
    order_id: str, message_id: str, request: Request, visitor: Acting, among: Annotated[str, Form()] = ""
) -> Response:
    """Have it made and sent once more, as things stand now."""
    row = _one(request, order_id, message_id)
    noted = audited(request, visitor, "message_resent", row.merchant_order_id, row.kind)
    sent = resend(noted, row, outside_of(request).now())
    where = ALL if among else f"/console/payments/{row.merchant_order_id}/messages"
    return back(where, "message_resent" if sent else "message_not_resent")


def _one(request: Request, order_id: str, message_id: str) -> Any:
    """This payment's message; raises `MessageUnknown`."""
    with outside_of(request).database.read() as db:
        found = messages.list_messages(db, order_id.replace("\0", ""))
    row = next((each for each in found if str(each.id) == message_id), None)
    if row is None:
        raise MessageUnknown
    return row


def _why(t: Wording, fault: str | None) -> str | None:
    """What was kept of a fault of the mail server's or WhatsApp's, in the reader's language."""
    for each in SENDING:
        if fault and fault.startswith(each.message()):
            return t(FAULTS[each.code()]) + fault.removeprefix(each.message())
    return fault
