"""Thinkific's catalogue as last copied, our offers for it, and what is wrong between the two."""

from __future__ import annotations

from threading import Thread
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.catalogue import SYNC_LEASE, days_missing, sync_seen
from kelaspay.faults import InvalidInput, OfferUnknown
from kelaspay.payment import Offer, Rupiah
from kelaspay.pricing import price_doubts
from kelaspay.store import console, offers, syncs
from kelaspay.web.console.offer_form import Entered, changes, entered, meant, target_of
from kelaspay.web.console.page import ConsoleRoute, back, page, wording
from kelaspay.web.console.visit import Acting, Looking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/catalogue", route_class=ConsoleRoute, include_in_schema=False)

CATALOGUE = "/console/catalogue"
NEW = "~new"
"""Stands where a slug does; no slug has a tilde."""
PATIENCE = 3.0
"""Seconds that an operator waits for a copy before it goes on unwatched; most catalogues are copied by then."""


@router.get("")
def show(request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        listed, products = offers.list_offers(db, visitor.here), offers.list_products(db, visitor.here)
        copied = syncs.find_sync(db, visitor.here)
        wrong, heard = console.unmapped_offers(db, visitor.here), console.heard(db, visitor.here)
    sold = {("Bundle", each.bundle_id) if each.bundle_id else ("Course", each.course_id) for each in listed}
    return page(
        request,
        "catalogue.html",
        visitor,
        copied=copied,
        offers=listed,
        products=products,
        wrong=wrong,
        synced_at=heard.synced_at,
        sold=sold,
    )


@router.post("/sync")
def sync_now(request: Request, visitor: Acting) -> Response:
    """Copy Thinkific's products now; one that takes longer goes on by itself, and the page says how far it is."""
    outside = outside_of(request)
    school = outside.schools.of(visitor.here)
    with outside.database.begin() as db:
        mine = syncs.claim_sync(db, school.key, outside.now(), SYNC_LEASE)
        if mine:
            write_down(request, visitor, "synced", school.key or None, db=db)
    if not mine:
        return back(CATALOGUE, "sync_under_way")
    copying = Thread(target=sync_seen, args=(school,), name="catalogue", daemon=True)
    copying.start()
    copying.join(PATIENCE)
    with outside.database.read() as db:
        found = syncs.find_sync(db, school.key)
    if found is None or found.finished_at is None:
        return back(CATALOGUE, "sync_under_way")
    return back(CATALOGUE) if found.fault else back(CATALOGUE, "synced", count=found.seen)


@router.get("/{slug}")
def edit(slug: str, request: Request, visitor: Looking, target: str = "") -> HTMLResponse:
    """The form for an offer, new or there already."""
    offer = _offer(request, slug) if slug != NEW else None
    typed = entered(offer)
    school = offer.school if offer else visitor.here
    with outside_of(request).database.read() as db:
        chosen = next((each for each in offers.list_products(db, school) if target_of(each) == target), None)
    if offer is None and chosen is not None:
        days = str(chosen.days_until_expiry or "")
        typed = Entered(slug=chosen.slug or "", name=chosen.name, target=target, access_days=days)
    return _form(request, visitor, offer, typed, {})


@router.post("/{slug}")
def save(slug: str, request: Request, visitor: Acting, typed: Annotated[Entered, Form()]) -> Response:
    """Add an offer, or correct one for payments from now on and for retries."""
    before = _offer(request, slug) if slug != NEW else None
    outside = outside_of(request)
    school = before.school if before else visitor.here
    try:
        with outside.database.begin() as db:
            taken = before is None and offers.find_offer(db, typed.slug.strip().replace("\0", "")) is not None
            offer = meant(db, before or Offer("", "", Rupiah(0), school=school), typed, taken=taken)
            added = offers.put_offer(db, offer, outside.now())
            said = "offer_added" if added else "offer_corrected"
            write_down(request, visitor, said, offer.slug, changes(before, offer), db=db)
    except InvalidInput as fault:
        return _form(request, visitor, before, typed, fault.fields)
    return back(f"{CATALOGUE}/{offer.slug}", said)


@router.get("/{slug}/retire")
def retire_form(slug: str, request: Request, visitor: Looking) -> HTMLResponse:
    return page(request, "retire.html", visitor, offer=_offer(request, slug))


@router.post("/{slug}/retire")
def retire(slug: str, request: Request, visitor: Acting) -> Response:
    outside = outside_of(request)
    with outside.database.begin() as db:
        if not offers.retire_offer(db, slug.replace("\0", ""), outside.now()):
            raise OfferUnknown
        write_down(request, visitor, "offer_retired", slug, db=db)
    return back(CATALOGUE, "offer_retired")


def _form(
    request: Request, visitor: Visitor, offer: Offer | None, typed: Entered, wrong: dict[str, str]
) -> HTMLResponse:
    outside, t = outside_of(request), wording(request)
    school = offer.school if offer else visitor.here
    with outside.database.read() as db:
        choices = [
            (target_of(each), f"{each.name} ({t('Paket' if each.productable_type == 'Bundle' else 'Kursus')})")
            for each in offers.list_products(db, school)
        ]
        lost = console.unmapped_offers(db, school).get(offer.slug) if offer else None
        days = days_missing(db, offer) if offer else None
    if typed.target and typed.target not in {value for value, _ in choices}:
        choices.append((typed.target, typed.target.replace(":", " ")))
    return page(
        request,
        "offer.html",
        visitor,
        status=422 if wrong else 200,
        offer=offer,
        entered=typed,
        wrong=wrong,
        choices=choices,
        lost=lost,
        days=days,
        low=offer is not None and bool(price_doubts(offer)),
        link=f"{outside.settings.app_base_url}/buy/{offer.slug}" if offer else None,
    )


def _offer(request: Request, slug: str) -> Offer:
    with outside_of(request).database.read() as db:
        offer = offers.find_offer(db, slug.replace("\0", ""))
    if offer is None:
        raise OfferUnknown
    return offer
