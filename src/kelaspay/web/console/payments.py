"""The list of payments: search, filters that stand in the address, fifty a page, and as CSV."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from kelaspay.duitku import channel_name
from kelaspay.formats import WIB, within_reach
from kelaspay.spreadsheet import PAYMENTS
from kelaspay.store import listing, offers
from kelaspay.store.console import Need
from kelaspay.store.listing import After, Filter
from kelaspay.web.console.page import ConsoleRoute, page
from kelaspay.web.console.spreadsheet import sheet
from kelaspay.web.console.visit import Looking, outside_of, write_down

router = APIRouter(prefix="/console/payments", route_class=ConsoleRoute, include_in_schema=False)

PAGE = 50
MOST_AT_ONCE = 200
"""For how many of a filter something is done at once: what a browser waits for, and a person can answer for."""
LONGEST = 500
A_DAY = timedelta(days=1)
FILTERS = ("status", "access", "need", "offer", "method", "since", "until")


def _wanted(
    visitor: Looking,
    q: Annotated[str, Query(max_length=200)] = "",
    status: str = "",
    access: str = "",
    need: str = "",
    offer: str = "",
    method: str = "",
    since: str = "",
    until: str = "",
) -> Filter:
    """What the address asks for; a value that means nothing asks for nothing."""
    last = _midnight(until)
    return Filter(
        q=q.replace("\0", ""),
        status=status,
        access=access,
        need=Need(need) if need in set(Need) else None,
        offer=offer,
        method=method,
        since=_midnight(since),
        until=last + A_DAY if last else None,
        school=visitor.only,
    )


Wanted = Annotated[Filter, Depends(_wanted)]


@router.get("")
def list_payments(request: Request, visitor: Looking, wanted: Wanted, after: str = "") -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        rows = listing.list_page(db, wanted, after=place_of(after), limit=PAGE + 1, now=outside.now())
        values: dict[str, Any] = {
            "offer_choices": [(offer.slug, offer.name) for offer in offers.list_offers(db, visitor.only)],
            "method_choices": [(method, channel_name(method)) for method in listing.methods(db, visitor.only)],
        }
    values["most"] = MOST_AT_ONCE
    values["filtered"] = any(request.query_params.get(name) for name in FILTERS)
    more = len(rows) > PAGE
    shown = rows[:PAGE]
    next_page = f"{shown[-1].created_at.isoformat()}~{shown[-1].merchant_order_id}" if more else None
    return page(request, "payments.html", visitor, rows=shown, wanted=wanted, next_page=next_page, **values)


@router.get(".csv")
def as_csv(
    request: Request, visitor: Looking, wanted: Wanted, group: Annotated[list[str] | None, Query()] = None
) -> StreamingResponse:
    """Every payment of the present filter."""
    chosen = [name for name in PAYMENTS if not group or name in group] or list(PAYMENTS)
    columns = [column for name in chosen for column in PAYMENTS[name]]
    asked = sorted(name for name, value in request.query_params.items() if value and name != "group")
    write_down(request, visitor, "exported", None, f"{', '.join(chosen)}; {', '.join(asked)}"[:LONGEST])
    outside = outside_of(request)
    listed = partial(listing.list_page, wanted=wanted, now=outside.now())
    return sheet("kelaspay-payments.csv", columns, listing.all_of(outside.database, listed))


def _midnight(day: str) -> datetime | None:
    """The beginning of a day as it is counted in Jakarta."""
    try:
        return within_reach(datetime.combine(date.fromisoformat(day), time(), WIB))
    except ValueError:
        return None


def place_of(text: str) -> After | None:
    made, _, order_id = text.partition("~")
    try:
        at = within_reach(datetime.fromisoformat(made))
    except ValueError:
        return None
    return (at, order_id.replace("\0", "")) if at.tzinfo is not None else None
