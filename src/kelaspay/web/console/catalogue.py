"""Thinkific's catalogue as last copied, our offers for it, and what is wrong between the two."""

from __future__ import annotations

import re
from dataclasses import replace
from threading import Thread
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.catalogue import SYNC_LEASE, sync_seen
from kelaspay.faults import InvalidInput, OfferUnknown
from kelaspay.payment import Offer, Rupiah
from kelaspay.store import console, offers, syncs
from kelaspay.store.offers import Product
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/catalogue", route_class=ConsoleRoute, include_in_schema=False)

CATALOGUE = "/console/catalogue"
NEW = "~new"
"""Stands where a slug does; no slug has a tilde."""
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST = 200
PATIENCE = 3.0
"""Seconds that an operator waits for a copy before it goes on unwatched; most catalogues are copied by then."""
MOST_RUPIAH = 1_000_000_000
MOST_DAYS = 36_500


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
    if not mine:
        return back(CATALOGUE, "sync_under_way")
    write_down(request, visitor, "synced", school.key or None)
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
    entered = _entered(offer)
    school = offer.school if offer else visitor.here
    with outside_of(request).database.read() as db:
        chosen = next((each for each in offers.list_products(db, school) if _target(each) == target), None)
    if offer is None and chosen is not None:
        entered |= {"slug": chosen.slug or "", "name": chosen.name, "target": target}
    return _form(request, visitor, offer, entered, {})


@router.post("/{slug}")
def save(
    slug: str,
    request: Request,
    visitor: Acting,
    new_slug: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    price: Annotated[str, Form()] = "",
    target: Annotated[str, Form()] = "",
    access_days: Annotated[str, Form()] = "",
) -> Response:
    """Add an offer, or correct one for payments from now on and for retries."""
    before = _offer(request, slug) if slug != NEW else None
    entered = {"slug": new_slug, "name": name, "price": price, "target": target, "access_days": access_days}
    outside = outside_of(request)
    school = before.school if before else visitor.here
    with outside.database.read() as db:
        products = offers.list_products(db, school)
        taken = before is None and offers.find_offer(db, new_slug.replace("\0", "")) is not None
    try:
        offer = _checked(before or Offer("", "", Rupiah(0), school=school), entered, products, taken=taken)
    except InvalidInput as fault:
        return _form(request, visitor, before, entered, fault.fields)
    with outside.database.begin() as db:
        added = offers.put_offer(db, offer, outside.now())
    said = "offer_added" if added else "offer_corrected"
    write_down(request, visitor, said, offer.slug, _changes(before, offer))
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
    write_down(request, visitor, "offer_retired", slug)
    return back(CATALOGUE, "offer_retired")


def _form(
    request: Request, visitor: Visitor, offer: Offer | None, entered: dict[str, str], wrong: dict[str, str]
) -> HTMLResponse:
    outside = outside_of(request)
    school = offer.school if offer else visitor.here
    with outside.database.read() as db:
        choices = [
            (_target(each), f"{each.name} ({each.productable_type})") for each in offers.list_products(db, school)
        ]
        lost = console.unmapped_offers(db, school).get(offer.slug) if offer else None
    if entered["target"] and entered["target"] not in {value for value, _ in choices}:
        choices.append((entered["target"], entered["target"].replace(":", " ")))
    return page(
        request,
        "offer.html",
        visitor,
        status=422 if wrong else 200,
        offer=offer,
        entered=entered,
        wrong=wrong,
        choices=choices,
        lost=lost,
        link=f"{outside.settings.app_base_url}/buy/{offer.slug}" if offer else None,
    )


def _checked(before: Offer, entered: dict[str, str], products: list[Product], *, taken: bool) -> Offer:
    """The offer that was entered; raises `InvalidInput` with every field that is wrong."""
    slug = before.slug or entered["slug"].strip()
    name = " ".join(entered["name"].replace("\0", "").split())
    price, days = _number(entered["price"], MOST_RUPIAH), _number(entered["access_days"], MOST_DAYS)
    wrong = {
        "slug": taken or not SLUG.fullmatch(slug) or len(slug) > LONGEST,
        "name": not name or len(name) > LONGEST,
        "price": not price,
        "access_days": bool(entered["access_days"].strip()) and not days,
        "target": bool(entered["target"]) and not re.fullmatch(r"(Course|Bundle):[1-9]\d{0,14}", entered["target"]),
    }
    if any(wrong.values()):
        raise InvalidInput({field: "is not accepted" for field, bad in wrong.items() if bad})
    kind, _, number = entered["target"].partition(":")
    product = next((each for each in products if _target(each) == entered["target"]), None)
    return replace(
        before,
        slug=slug,
        name=name,
        price=Rupiah(price or 0),
        course_id=int(number) if kind == "Course" else None,
        bundle_id=int(number) if kind == "Bundle" else None,
        product_id=product.product_id if product else None,
        access_days=days or None,
        retired_at=None,
    )


def _number(text: str, most: int) -> int | None:
    """A whole number as people write it: "250.000" and "Rp 250.000" too."""
    digits = re.sub(r"[\s.]|^Rp", "", text.strip())
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 and int(digits) <= most else None  # noqa: PLR2004 - more digits than the most that is taken


def _target(product: Product) -> str:
    return f"{product.productable_type}:{product.productable_id}"


def _entered(offer: Offer | None) -> dict[str, str]:
    if offer is None:
        return dict.fromkeys(("slug", "name", "price", "target", "access_days"), "")
    target = f"Course:{offer.course_id}" if offer.course_id else f"Bundle:{offer.bundle_id}" if offer.bundle_id else ""
    return {
        "slug": offer.slug,
        "name": offer.name,
        "price": str(offer.price),
        "target": target,
        "access_days": str(offer.access_days or ""),
    }


def _changes(before: Offer | None, after: Offer) -> str:
    """Old and new, for the audit."""
    old, new = _entered(before), _entered(after)
    return "; ".join(f"{name}: {old[name] or '-'} → {new[name] or '-'}" for name in new if old[name] != new[name])


def _offer(request: Request, slug: str) -> Offer:
    with outside_of(request).database.read() as db:
        offer = offers.find_offer(db, slug.replace("\0", ""))
    if offer is None:
        raise OfferUnknown
    return offer
