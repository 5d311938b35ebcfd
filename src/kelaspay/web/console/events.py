"""What came in: every callback and webhook, how it was verified step by step, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay import webhook
from kelaspay.adopt import adoptable
from kelaspay.faults import (
    BadSignature,
    EventUnknown,
    Fault,
    InvalidInput,
    MalformedCallback,
    NotConfigured,
    SchoolUnknown,
    WrongMerchant,
)
from kelaspay.outside import Outside
from kelaspay.payment import Payment
from kelaspay.store import arrivals, inbox, payments
from kelaspay.web.console.entered import id_in
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, outside_of, write_down

router = APIRouter(prefix="/console/events", route_class=ConsoleRoute, include_in_schema=False)

PAGE = 50
A_DAY = timedelta(days=1)
LONGEST_TEXT = 500
MOST_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class Check:
    """One step of an event's verification; `fine` is None where it was not come to."""

    label: str
    fine: bool | None
    text: str = ""


@router.get("")
def list_events(
    request: Request,
    visitor: Looking,
    source: str = "",
    outcome: str = "",
    result: str = "",
    order: str = "",
    before: str = "",
) -> HTMLResponse:
    outside = outside_of(request)
    wanted = {"source": source, "outcome": outcome, "result": result, "order": order.strip().replace("\0", "")}
    with outside.database.read() as db:
        rows = arrivals.list_arrivals(db, visitor.only, **wanted, before=id_in(before), limit=PAGE + 1)
        refused = arrivals.refusals_by_reason(db, visitor.only, outside.now() - A_DAY)
        by_school = arrivals.refusals_by_school(db, outside.now() - A_DAY) if visitor.only is None else []
    next_page = rows[PAGE - 1].id if len(rows) > PAGE else None
    return page(
        request,
        "events.html",
        visitor,
        rows=rows[:PAGE],
        wanted=wanted,
        next_page=next_page,
        refused=refused,
        by_school=by_school,
    )


@router.get("/{event_id}")
def show(event_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        event = inbox.find_event(db, known_id(event_id))
        if event is None:
            raise EventUnknown(event_id=event_id)
        payment = payments.find_payment(db, event.merchant_order_id) if event.merchant_order_id else None
    checks = _checks(event, payment, outside) if event.source == "duitku" else _checks_of_webhook(event, outside)
    body = event.body.decode("utf-8", "replace")[:MOST_SHOWN]
    unknown = payment is None and adoptable(event)
    shown = {"event": event, "payment": payment, "checks": checks, "body": body, "unknown": unknown}
    return page(request, "event.html", visitor, **shown)


@router.post("/{event_id}/replay")
def replay(event_id: str, request: Request, visitor: Acting) -> Response:
    """Have it looked at again, as if it had just come in; nothing is done twice by that."""
    with outside_of(request).database.begin() as db:
        if not inbox.reopen(db, known_id(event_id)):
            raise EventUnknown(event_id=event_id)
        write_down(request, visitor, "replayed", f"event {event_id}", db=db)
    return back(f"/console/events/{event_id}", "replayed")


@router.post("/{event_id}/ignore")
def ignore(event_id: str, request: Request, visitor: Acting, reason: Annotated[str, Form()] = "") -> Response:
    text = reason.replace("\0", "").strip()[:LONGEST_TEXT]
    if not text:
        raise InvalidInput.one("reason", "is missing")
    outside = outside_of(request)
    with outside.database.begin() as db:
        if not arrivals.set_aside(db, known_id(event_id), outside.now()):
            raise EventUnknown(event_id=event_id)
        write_down(request, visitor, "ignored", f"event {event_id}", text, db=db)
    return back(f"/console/events/{event_id}", "ignored")


def _checks(event: Any, payment: Payment | None, outside: Outside) -> list[Check]:
    """The verification once more, step by step, with the keys of today."""
    same = payment is not None and payment.payment_amount == event.amount
    amounts = f"{event.amount} / {payment.payment_amount}" if payment else ""
    return [
        *_reading(event, outside),
        Check("Pesanan ini ada di sistem", payment is not None, event.merchant_order_id or ""),
        Check("Jumlahnya sama dengan pesanan", same if payment else None, amounts),
        Check("Duitku sendiri menyatakan sudah dibayar", payment is not None and payment.paid_at is not None),
    ]


def _checks_of_webhook(event: Any, outside: Outside) -> list[Check]:
    """How a webhook of Thinkific's was verified. Its signature is not kept: without a good one nothing is."""
    try:
        outside.schools.profile(event.school)
        known = True
    except SchoolUnknown:
        known = False
    looked_at = event.started_at is not None and event.outcome not in {"forgotten", "ignored"}
    return [
        Check("Tanda tangannya cocok saat diterima", fine=True, text=webhook.SIGNATURE),
        Check("Sekolahnya dikenal", known, event.school),
        Check("Isinya terbaca dan lengkap", event.outcome != "unreadable" if looked_at else None),
        Check("Tentang pembeli atau sekolah kita", event.outcome != "not_ours" if looked_at else None),
    ]


def _reading(event: Any, outside: Outside) -> list[Check]:
    """How it reads; none of it is checked where its body is erased, or its school has no keys here any more."""
    fault: Fault | None = None
    scheme = ""
    checked = bool(event.body)
    try:
        duitku = outside.schools.of(event.school).duitku
        if checked:
            scheme = str(duitku.read_callback(event.body, event.content_type).scheme)
    except (NotConfigured, SchoolUnknown):
        checked = False
    except Fault as found:
        fault = found
    readable = not isinstance(fault, MalformedCallback) if checked else None
    merchant = not isinstance(fault, WrongMerchant) if readable else None
    signed = not isinstance(fault, BadSignature) if merchant else None
    return [
        Check("Isinya terbaca dan lengkap", readable),
        Check("Kode merchant sesuai", merchant),
        Check("Tanda tangannya cocok", signed, scheme),
    ]


def known_id(event_id: str) -> int:
    found = id_in(event_id)
    if found is None:
        raise EventUnknown
    return found
