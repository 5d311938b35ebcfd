"""One person over all their orders: what they have, what is kept about them as a file, and having it forgotten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.faults import CustomerUnknown, MoveRefused
from kelaspay.messages import SIGN_IN
from kelaspay.payment import ERASED
from kelaspay.store import accesses, dossier, listing, messages, payments, people
from kelaspay.store.database import Db
from kelaspay.store.listing import Filter
from kelaspay.web.console.page import HEADERS, ConsoleRoute, back, page
from kelaspay.web.console.visit import Looking, OwnerActing, OwnerLooking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/customers", route_class=ConsoleRoute, include_in_schema=False)

CUSTOMERS = "/console/customers"
MOST = 200
KEPT = (
    "merchant_order_id",
    "created_at",
    "offer",
    "product_details",
    "payment_amount",
    "amount_received",
    "payment_method",
    "status",
    "reference",
    "va_number",
    "paid_at",
    "completed_at",
    "name",
    "email",
    "phone",
    "access",
    "user_id",
    "expiry_date",
)


@dataclass(frozen=True, slots=True)
class Person:
    """An address with what its newest orders say."""

    email: str
    name: str
    phone: str
    orders: int
    last_at: datetime


@router.get("")
def search(request: Request, visitor: Looking, q: str = "") -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        wanted = Filter(q=q.replace("\0", "")[:200], school=visitor.only)
        rows = listing.list_page(db, wanted, after=None, limit=MOST, now=outside.now())
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.email or "", []).append(row)
    people_found = [
        Person(email, of[0].name, of[0].phone, len(of), of[0].created_at)
        for email, of in found.items()
        if email and not email.endswith(f"@{ERASED}")
    ]
    return page(request, "customers.html", visitor, people=people_found, q=q, most=MOST)


@router.get("/{email}")
def show(email: str, request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        orders = _orders(db, visitor, email)
        alike = people.look_alikes(db, visitor.only, email)
        busy = people.under_way(db, visitor.only, email, outside.now())
    site = outside.schools.profile(visitor.here).site_url
    user_ids = sorted({row.user_id for row in orders if row.user_id is not None})
    values: dict[str, Any] = {"orders": orders, "alike": alike, "busy": busy, "site": site, "user_ids": user_ids}
    return page(request, "customer.html", visitor, email=email, **values)


@router.get("/{email}/export")
def export(email: str, request: Request, visitor: OwnerLooking) -> Response:
    """Everything that is kept about a person, as they may ask for it."""
    with outside_of(request).database.read() as db:
        orders = [
            {name: getattr(row, name) for name in KEPT} | _told_of(db, row.merchant_order_id)
            for row in _orders(db, visitor, email)
        ]
    write_down(request, visitor, "customer_exported", None, f"{len(orders)} orders")
    body = json.dumps({"orders": orders}, default=str, ensure_ascii=False, indent=2)
    named = {"Content-Disposition": 'attachment; filename="customer.json"'}
    return Response(body, media_type="application/json", headers=HEADERS | named)


def _told_of(db: Db, order_id: str) -> dict[str, Any]:
    """What else is kept about an order and its buyer: its history, what they were sent, what operators noted."""
    found = accesses.find_access(db, order_id)
    learning = ("percentage_completed", "completed_at", "activated_at", "expiry_date")
    return {
        "learning": {name: getattr(found, name) for name in learning} if found else None,
        "story": [{"at": line.at, "what": line.what, "text": line.text} for line in payments.read_story(db, order_id)],
        "messages": [
            {name: getattr(row, name) for name in ("kind", "sent_at", "recipient", "subject", "text")}
            for row in messages.list_messages(db, order_id)
            if not row.kind.startswith(SIGN_IN)  # a code is for the buyer's own eyes
        ],
        "notes": [{"at": row.at, "text": row.text} for row in dossier.notes_of(db, order_id)],
    }


@router.get("/{email}/erase")
def erase_form(email: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return _erase_page(request, visitor, email, wrong=False)


@router.post("/{email}/erase")
def erase(email: str, request: Request, visitor: OwnerActing, typed: Annotated[str, Form()] = "") -> Response:
    """Forget who it was; raises `MoveRefused` while an order still needs to know."""
    if typed.strip().lower() != email:
        return _erase_page(request, visitor, email, wrong=True)
    outside = outside_of(request)
    with outside.database.begin() as db:
        _orders(db, visitor, email)
        if people.under_way(db, visitor.only, email, outside.now()):
            raise MoveRefused
        order_ids = people.forget_person(db, visitor.only, email, outside.now(), visitor.operator.actor)
    for order_id in order_ids:
        outside.customers.forget(order_id)
    write_down(request, visitor, "customer_erased", None, f"{len(order_ids)} orders")
    return back(CUSTOMERS, "customer_erased")


def _erase_page(request: Request, visitor: Visitor, email: str, *, wrong: bool) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        orders = _orders(db, visitor, email)
        busy = people.under_way(db, visitor.only, email, outside.now())
    return page(
        request,
        "erase.html",
        visitor,
        status=422 if wrong else 200,
        email=email,
        count=len(orders),
        busy=busy,
        wrong=wrong,
    )


def _orders(db: Db, visitor: Visitor, email: str) -> list[Any]:
    """The orders of a person; raises `CustomerUnknown` when there is none."""
    orders = people.orders_of(db, visitor.only, email.replace("\0", ""))
    if not orders:
        raise CustomerUnknown
    return orders
