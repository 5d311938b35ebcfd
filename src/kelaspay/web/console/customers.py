"""One person over all their orders: what they have, what is kept about them as a file, and having it forgotten."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.disclose import disclose
from kelaspay.erase import erase as forget
from kelaspay.faults import CustomerUnknown
from kelaspay.store import people
from kelaspay.store.database import Db
from kelaspay.store.listing import Filter
from kelaspay.web.console.page import HEADERS, ConsoleRoute, back, page
from kelaspay.web.console.visit import Looking, OwnerActing, OwnerLooking, Visitor, audited, outside_of, write_down

router = APIRouter(prefix="/console/customers", route_class=ConsoleRoute, include_in_schema=False)

CUSTOMERS = "/console/customers"
MOST = 200


@router.get("")
def search(request: Request, visitor: Looking, q: str = "") -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        wanted = Filter(q=q.replace("\0", "")[:200], school=visitor.only)
        found = people.search(db, wanted, among=MOST, now=outside.now())
    return page(request, "customers.html", visitor, people=found, q=q, most=MOST)


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
    told = disclose(_typed(email), school=visitor.only, database=outside_of(request).database)
    write_down(request, visitor, "customer_exported", None, f"{len(told['orders'])} orders")
    body = json.dumps(told, default=str, ensure_ascii=False, indent=2)
    named = {"Content-Disposition": 'attachment; filename="customer.json"'}
    return Response(body, media_type="application/json", headers=HEADERS | named)


@router.get("/{email}/erase")
def erase_form(email: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return _erase_page(request, visitor, email, wrong=False)


@router.post("/{email}/erase")
def erase(email: str, request: Request, visitor: OwnerActing, typed: Annotated[str, Form()] = "") -> Response:
    """Forget who it was; raises `MoveRefused` while an order still needs to know."""
    if typed.strip().lower() != email:
        return _erase_page(request, visitor, email, wrong=True)
    outside = outside_of(request)
    with outside.database.read() as db:
        orders = _orders(db, visitor, email)
    forget(
        _typed(email),
        school=visitor.only,
        database=audited(request, visitor, "customer_erased", None, f"{len(orders)} orders"),
        customers=outside.customers,
        now=outside.now(),
        actor=visitor.operator.actor,
    )
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
    orders = people.orders_of(db, visitor.only, _typed(email))
    if not orders:
        raise CustomerUnknown
    return orders


def _typed(email: str) -> str:
    """As it can be looked for."""
    return email.replace("\0", "")
