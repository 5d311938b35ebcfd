"""Webhooks that we send: where to, which were disabled and why, and what became of each delivery."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay import endpoints
from kelaspay.endpoint_faults import DeliveryUnknown
from kelaspay.store import deliveries
from kelaspay.store import endpoints as kept
from kelaspay.web.console.entered import id_in
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, OwnerActing, Visitor, audited, outside_of

router = APIRouter(prefix="/console/webhooks", route_class=ConsoleRoute, include_in_schema=False)

WEBHOOKS = "/console/webhooks"
PAGE = 50


@router.get("")
def show(request: Request, visitor: Looking, state: str = "", before: str = "") -> HTMLResponse:
    with outside_of(request).database.read() as db:
        listed = kept.list_endpoints(db, visitor.only)
        rows = deliveries.list_deliveries(
            db, school=visitor.only, state=state or None, before=id_in(before), limit=PAGE + 1
        )
    next_page = rows[PAGE - 1].id if len(rows) > PAGE else None
    addresses = {each.id: each.url for each in listed}
    return page(
        request,
        "webhooks.html",
        visitor,
        endpoints=listed,
        addresses=addresses,
        rows=rows[:PAGE],
        state=state,
        next_page=next_page,
    )


@router.post("/deliveries/{delivery_id}/redeliver")
def redeliver(delivery_id: str, request: Request, visitor: Acting) -> Response:
    """Send it once more; the receiver knows it by its id."""
    outside, known = outside_of(request), id_in(delivery_id)
    if known is None:
        raise DeliveryUnknown
    endpoints.redeliver(
        known,
        school=_whose(visitor),
        database=audited(request, visitor, "redelivered", f"delivery {known}"),
        now=outside.now(),
    )
    return back(WEBHOOKS, "redelivered")


@router.post("/{endpoint_id}/ping")
def ping(endpoint_id: str, request: Request, visitor: Acting) -> Response:
    """Have a test sent."""
    outside = outside_of(request)
    endpoints.ping(
        endpoint_id,
        school=_whose(visitor),
        database=audited(request, visitor, "pinged", endpoint_id),
        now=outside.now(),
    )
    return back(WEBHOOKS, "pinged")


@router.post("/{endpoint_id}/enable")
def enable(endpoint_id: str, request: Request, visitor: OwnerActing) -> Response:
    outside = outside_of(request)
    endpoints.change_endpoint(
        endpoint_id,
        school=_whose(visitor),
        enabled=True,
        database=audited(request, visitor, "endpoint_enabled", endpoint_id),
        dialer=outside.dialer,
        now=outside.now(),
    )
    return back(WEBHOOKS, "endpoint_enabled")


def _whose(visitor: Visitor) -> str | None:
    """The school whose endpoints may be touched; None for all."""
    return None if visitor.everywhere else visitor.operator.school
