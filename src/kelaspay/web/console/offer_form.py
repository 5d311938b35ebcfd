"""The form for an offer: what stands in it, and the offer that was meant or every field that is wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from kelaspay.faults import InvalidInput
from kelaspay.payment import Offer, Rupiah
from kelaspay.store import offers
from kelaspay.web.console.entered import number, time, time_shown
from kelaspay.web.v1.fields import ADDRESS, DEAREST, LONGEST_ACCESS

if TYPE_CHECKING:
    from kelaspay.payment import Product
    from kelaspay.store.database import Db

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TARGET = re.compile(r"(Course|Bundle):[1-9]\d{0,14}")
LONGEST = 200
LONGEST_ADDRESS = 1000


class Entered(BaseModel):
    """Every field as it was typed, so that nothing is lost where something is wrong."""

    model_config = ConfigDict(populate_by_name=True)

    slug: str = Field(default="", validation_alias="new_slug")
    name: str = ""
    price: str = ""
    price_before: str = ""
    target: str = ""
    access_days: str = ""
    description: str = ""
    picture: str = ""
    on_sale_from: str = ""
    on_sale_until: str = ""


def entered(offer: Offer | None) -> Entered:
    """What stands in the form before anything is typed."""
    if offer is None:
        return Entered()
    target = f"Course:{offer.course_id}" if offer.course_id else f"Bundle:{offer.bundle_id}" if offer.bundle_id else ""
    return Entered(
        slug=offer.slug,
        name=offer.name,
        price=str(offer.price),
        price_before=str(offer.price_before or ""),
        target=target,
        access_days=str(offer.access_days or ""),
        description=offer.description or "",
        picture=offer.picture or "",
        on_sale_from=time_shown(offer.on_sale_from),
        on_sale_until=time_shown(offer.on_sale_until),
    )


def meant(db: Db, before: Offer, typed: Entered, *, taken: bool) -> Offer:
    """The offer that was entered, with the product that it had unless it leads elsewhere now; raises `InvalidInput`
    with every field that is wrong.
    """
    wrong: dict[str, str] = {}
    offer = _read(wrong, before, typed)
    refused = {
        "slug": taken or not SLUG.fullmatch(offer.slug) or len(offer.slug) > LONGEST,
        "name": not offer.name or len(offer.name) > LONGEST,
        "price": not 0 < offer.price <= DEAREST,
        "price_before": not offer.price < (offer.price_before or DEAREST + 1) <= DEAREST + 1,
        "access_days": (offer.access_days or 1) > LONGEST_ACCESS,
        "target": bool(typed.target) and not TARGET.fullmatch(typed.target),
        "description": len(offer.description or "") > LONGEST,
        "picture": bool(offer.picture) and not _is_address(offer.picture or ""),
        "on_sale_until": _ends_first(offer),
    }
    wrong |= {field: "is not accepted" for field, bad in refused.items() if bad}
    if wrong:
        raise InvalidInput(wrong)
    return offer if typed.target == entered(before).target else _aimed(db, offer, typed.target)


def changes(before: Offer | None, after: Offer) -> str:
    """Old and new, for the audit."""
    old = entered(before).model_dump() | {"product_id": before.product_id if before else None}
    new = entered(after).model_dump() | {"product_id": after.product_id}
    return "; ".join(f"{name}: {old[name] or '-'} → {new[name] or '-'}" for name in new if old[name] != new[name])


def target_of(product: Product) -> str:
    return f"{product.productable_type}:{product.productable_id}"


def _read(wrong: dict[str, str], before: Offer, typed: Entered) -> Offer:
    crossed_out = number(wrong, "price_before", typed.price_before)
    return replace(
        before,
        slug=before.slug or typed.slug.strip(),
        name=_line(typed.name),
        price=Rupiah(number(wrong, "price", typed.price) or 0),
        price_before=None if crossed_out is None else Rupiah(crossed_out),
        access_days=number(wrong, "access_days", typed.access_days),
        description=_line(typed.description) or None,
        picture=typed.picture.strip() or None,
        on_sale_from=time(wrong, "on_sale_from", typed.on_sale_from),
        on_sale_until=time(wrong, "on_sale_until", typed.on_sale_until),
        retired_at=None,
    )


def _aimed(db: Db, offer: Offer, target: str) -> Offer:
    """The same for the course or bundle that was chosen."""
    kind, _, number_of = target.partition(":")
    sold = offers.product_of(db, offer.school, kind, int(number_of)) if target else None
    return replace(
        offer,
        course_id=int(number_of) if kind == "Course" else None,
        bundle_id=int(number_of) if kind == "Bundle" else None,
        product_id=sold.product_id if sold else None,
    )


def _ends_first(offer: Offer) -> bool:
    start, end = offer.on_sale_from, offer.on_sale_until
    return start is not None and end is not None and end <= start


def _is_address(text: str) -> bool:
    return len(text) <= LONGEST_ADDRESS and re.fullmatch(ADDRESS.removesuffix("$"), text) is not None


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())
