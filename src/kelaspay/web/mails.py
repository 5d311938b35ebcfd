"""The letters that were made while nothing sends them, for who tries Kelaspay out. Only in the demo."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.faults import NotConfigured
from kelaspay.outside import Outside
from kelaspay.store import messages
from kelaspay.web.pages import shown

router = APIRouter(include_in_schema=False)

FRAMED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox allow-popups"


@router.get("/mails")
def mails(request: Request) -> Response:
    """All letters, the newest first."""
    outside = _demo(request)
    with outside.database.read() as db:
        found = messages.list_messages(db)
    return shown(request, "mails.html", messages=found)


@router.get("/mails/{message_id}")
def mail(message_id: int, request: Request) -> Response:
    """One letter as it looks; it has style of its own and may do nothing."""
    outside = _demo(request)
    with outside.database.read() as db:
        found = next((each for each in messages.list_messages(db) if each.id == message_id), None)
    if found is None or found.html is None:
        raise NotConfigured
    return HTMLResponse(found.html, headers={"Content-Security-Policy": FRAMED, "Cache-Control": "no-store"})


def _demo(request: Request) -> Outside:
    outside: Outside = request.app.state.outside
    if not outside.settings.demo:
        raise NotConfigured
    return outside
