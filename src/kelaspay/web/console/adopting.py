"""Taking up an order that is not known here, from the event that tells of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.adopt import adopt, adoptable
from kelaspay.faults import EventUnknown, InvalidInput, NotAdoptable
from kelaspay.store import inbox, offers, payments
from kelaspay.web.console.events import known_id
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/events", route_class=ConsoleRoute, include_in_schema=False)

EMPTY = dict.fromkeys(("offer", "customer_name", "customer_email", "customer_phone"), "")


@router.get("/{event_id}/adopt")
def adopt_form(event_id: str, request: Request, visitor: Looking) -> Response:
    return _page(request, visitor, known_id(event_id), EMPTY, {})


@router.post("/{event_id}/adopt")
def take_up(
    event_id: str,
    request: Request,
    visitor: Acting,
    offer: Annotated[str, Form()] = "",
    customer_name: Annotated[str, Form()] = "",
    customer_email: Annotated[str, Form()] = "",
    customer_phone: Annotated[str, Form()] = "",
) -> Response:
    """Ask Duitku, keep the order with what was entered, and have it enrolled. Sent twice, it is taken up once."""
    given = {
        "offer": offer,
        "customer_name": customer_name,
        "customer_email": customer_email,
        "customer_phone": customer_phone,
    }
    entered = {name: value.replace("\0", "") for name, value in given.items()}
    outside = outside_of(request)
    try:
        adopted = adopt(
            known_id(event_id),
            **entered,
            database=outside.database,
            school_of=outside.schools.of,
            now=outside.now,
            actor=visitor.operator.name,
        )
    except InvalidInput as fault:
        return _page(request, visitor, known_id(event_id), entered, fault.fields)
    order_id = adopted.payment.merchant_order_id
    write_down(request, visitor, "adopted", order_id, f"event {event_id}")
    return back(f"/console/payments/{order_id}", "adopted_with_fee" if adopted.doubt else "adopted")


def _page(
    request: Request, visitor: Visitor, event_id: int, entered: dict[str, str], wrong: dict[str, str]
) -> HTMLResponse | Response:
    with outside_of(request).database.read() as db:
        event = inbox.find_event(db, event_id)
        if event is None:
            raise EventUnknown(event_id=event_id)
        if not adoptable(event):
            raise NotAdoptable
        known = payments.find_payment(db, event.merchant_order_id)
        sold = offers.list_offers(db, event.school)
    if known is not None:
        return back(f"/console/payments/{known.merchant_order_id}")
    return page(
        request,
        "adopt.html",
        visitor,
        status=422 if wrong else 200,
        event=event,
        sold=sold,
        entered=entered,
        wrong=wrong,
    )
