"""Who did what, when and from where. There is no way to change it from here."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from kelaspay.store import audit
from kelaspay.web.console.entered import id_in
from kelaspay.web.console.page import ConsoleRoute, page
from kelaspay.web.console.visit import Looking, outside_of

router = APIRouter(prefix="/console/audit", route_class=ConsoleRoute, include_in_schema=False)

PAGE = 50


@router.get("")
def list_deeds(
    request: Request, visitor: Looking, subject: str = "", operator: str = "", before: str = ""
) -> HTMLResponse:
    subject, operator = subject.strip().replace("\0", ""), operator.strip().replace("\0", "")
    with outside_of(request).database.read() as db:
        rows = audit.read_audit(
            db, visitor.only, before=id_in(before), limit=PAGE + 1, subject=subject, operator=operator
        )
    next_page = rows[PAGE - 1].id if len(rows) > PAGE else None
    return page(
        request, "audit.html", visitor, rows=rows[:PAGE], subject=subject, operator=operator, next_page=next_page
    )
