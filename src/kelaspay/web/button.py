"""The buy button, ready to be copied: a link, a snippet of HTML, and one with a script that opens the form in place."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kelaspay.faults import OfferUnknown
from kelaspay.outside import Outside
from kelaspay.store import offers
from kelaspay.web.pages import shown

router = APIRouter(include_in_schema=False)


@router.get("/buy/{slug}/button")
def button(slug: str, request: Request) -> Response:
    """What the seller pastes into the school's site."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        offer = offers.find_offer(db, slug)
    if offer is None:
        raise OfferUnknown
    base = outside.settings.app_base_url
    link = f"{base}/buy/{slug}"
    label = escape(f"Beli {offer.name}")
    plain = f'<a href="{escape(link)}">{label}</a>'
    script = f'<script src="{base}/static/buy.js" async></script>'
    placed = f'<a href="{escape(link)}" data-kelaspay-checkout>{label}</a>\n{script}'
    return shown(request, "button.html", school=offer.school, offer=offer, link=link, plain=plain, placed=placed)
