"""Who is in which course, how far they are, and until when, as Thinkific last told it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from kelaspay.payment import EnrollmentState
from kelaspay.spreadsheet import ENROLLMENTS
from kelaspay.store import accesses
from kelaspay.store.accesses import Asked
from kelaspay.store.listing import all_of
from kelaspay.web.console.page import ConsoleRoute, page
from kelaspay.web.console.payments import PAGE, place_of
from kelaspay.web.console.spreadsheet import sheet
from kelaspay.web.console.visit import Looking, outside_of, write_down

router = APIRouter(prefix="/console/enrollments", route_class=ConsoleRoute, include_in_schema=False)


def _asked(visitor: Looking, q: Annotated[str, Query(max_length=200)] = "", state: str = "") -> Asked:
    """What the address asks for; a value that means nothing asks for nothing."""
    known = state if state in set(EnrollmentState) else ""
    return Asked(q=q.replace("\0", ""), state=known, school=visitor.only)


Wanted = Annotated[Asked, Depends(_asked)]


@router.get("")
def list_enrollments(request: Request, visitor: Looking, wanted: Wanted, after: str = "") -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        rows = accesses.list_accesses(db, wanted, after=place_of(after), limit=PAGE + 1)
    shown = rows[:PAGE]
    more = len(rows) > PAGE
    next_page = f"{shown[-1].created_at.isoformat()}~{shown[-1].merchant_order_id}" if more else None
    return page(request, "enrollments.html", visitor, rows=shown, wanted=wanted, next_page=next_page)


@router.get(".csv")
def as_csv(request: Request, visitor: Looking, wanted: Wanted) -> StreamingResponse:
    """Every enrollment of the present filter."""
    asked = ", ".join(sorted(name for name, value in request.query_params.items() if value))
    write_down(request, visitor, "enrollments_exported", None, asked[:200])
    rows = all_of(outside_of(request).database, partial(accesses.list_accesses, asked=wanted))
    return sheet("kelaspay-enrollments.csv", ENROLLMENTS, rows)
