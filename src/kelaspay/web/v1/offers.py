"""What a school sells: seen, added, corrected and taken off sale."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from kelaspay import payment
from kelaspay.api_faults import OfferTaken
from kelaspay.catalogue import doubts_of
from kelaspay.faults import InvalidInput, OfferUnknown
from kelaspay.idempotency import Answer, Turn
from kelaspay.store import offers, paging
from kelaspay.store.database import Db
from kelaspay.store.paging import Place
from kelaspay.web.json_bodies import JsonRoute
from kelaspay.web.v1.access import Caller, Reading, Writing
from kelaspay.web.v1.fields import Address, Days, IdempotencyKey, Line, Rupiah, Slug, ThinkificId, Time
from kelaspay.web.v1.listing import After, Limit, page_of
from kelaspay.web.v1.once import answer_once
from kelaspay.web.v1.problems import ONCE, problems
from kelaspay.web.v1.shapes import OfferKept, OfferPage, OfferRead, offer_read

router = APIRouter(prefix="/offers", tags=["Offers"], route_class=JsonRoute)

ONE_TARGET: JsonDict = {
    "not": {
        "properties": {"course_id": {"type": "integer"}, "bundle_id": {"type": "integer"}},
        "required": ["course_id", "bundle_id"],
    }
}
"""A course or a bundle, not both."""


class OfferCorrection(BaseModel):
    """All of an offer but its slug; what is left out is empty from then on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=ONE_TARGET)

    name: Line = Field(description="What the buyer sees.", examples=["SQL Dasar"])
    price: Rupiah = Field(description="Whole rupiah.", examples=[150000])
    course_id: ThinkificId | None = Field(default=None, description="Thinkific's course id.", examples=[1234])
    bundle_id: ThinkificId | None = Field(default=None, description="Thinkific's bundle id, instead of a course.")
    product_id: ThinkificId | None = Field(default=None, description="Thinkific's product id, to record the sale.")
    access_days: Days | None = Field(default=None, description="Days of access; without it for ever.")
    on_sale_from: Time | None = None
    on_sale_until: Time | None = Field(default=None, description="After `on_sale_from`.")
    description: Line | None = Field(default=None, description="What the buyer reads.")
    picture: Address | None = Field(default=None, description="The address of an image.")
    price_before: Rupiah | None = Field(
        default=None, description="What it cost before, shown struck through; above `price`.", examples=[250000]
    )


class OfferWanted(OfferCorrection):
    """A new offer."""

    slug: Slug = Field(description="Its name in links; it never changes.", examples=["sql-dasar"])


@router.get("", summary="List offers", responses=problems())
def list_offers(caller: Reading, place: After, limit: Limit = 50) -> OfferPage:
    """All offers of the school by slug, retired ones included."""
    with caller.outside.database.read() as db:
        rows = paging.offers_after(db, caller.school, place, limit + 1)
    return OfferPage.model_validate(page_of(rows, limit, offer_read, lambda row: Place(0, row.slug)))


@router.post(
    "",
    summary="Add an offer",
    status_code=201,
    response_model=OfferKept,
    responses=problems(OfferTaken, *ONCE, body=True),
)
def add_offer(
    wanted: OfferWanted, caller: Writing, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Put something on sale. Ids that Thinkific's catalogue, as last copied, has for something else are refused."""

    def act(turn: Turn) -> Answer:
        with caller.outside.database.begin() as db:
            if offers.find_offer(db, wanted.slug) is not None:
                raise OfferTaken(offer=wanted.slug)
            return turn.answered(db, 201, _put(db, caller, wanted.slug, wanted, new=True).model_dump_json())

    where = f"/api/v1/offers/{wanted.slug}"
    asker = f"api {caller.school}"
    return answer_once(request, wanted, act, asker=asker, key=idempotency_key, school=caller.school, location=where)


@router.get("/{slug}", summary="Read an offer", responses=problems(OfferUnknown))
def read_offer(slug: str, caller: Reading) -> OfferRead:
    """One offer of the school's."""
    with caller.outside.database.read() as db:
        return offer_read(_own(db, caller, slug))


@router.put("/{slug}", summary="Correct an offer", responses=problems(OfferUnknown, body=True))
def correct_offer(slug: str, wanted: OfferCorrection, caller: Writing) -> OfferKept:
    """Replace what an offer says, for payments from now on and for retries of payments in review. One that was retired
    is on sale again.
    """
    with caller.outside.database.begin() as db:
        _own(db, caller, slug)
        return _put(db, caller, slug, wanted)


@router.post("/{slug}/retire", summary="Retire an offer", responses=problems(OfferUnknown))
def retire_offer(slug: str, caller: Writing) -> OfferRead:
    """Take an offer off sale; payments that are made stay as they are. Repeating it changes nothing."""
    with caller.outside.database.begin() as db:
        if _own(db, caller, slug).retired_at is None:
            offers.retire_offer(db, slug, caller.outside.now())
            caller.write_down(db, "offer_retired", slug)
        return offer_read(_own(db, caller, slug))


def _check(wanted: OfferCorrection) -> None:
    """Raises `InvalidInput` where two fields do not go together."""
    wrong = {}
    if wanted.course_id is not None and wanted.bundle_id is not None:
        wrong["bundle_id"] = "cannot be given together with course_id"
    if wanted.on_sale_from and wanted.on_sale_until and wanted.on_sale_until <= wanted.on_sale_from:
        wrong["on_sale_until"] = "is not after on_sale_from"
    if wanted.price_before is not None and wanted.price_before <= wanted.price:
        wrong["price_before"] = "is not above the price"
    if wrong:
        raise InvalidInput(wrong)


def _put(db: Db, caller: Caller, slug: str, wanted: OfferCorrection, *, new: bool = False) -> OfferKept:
    """Raises `OfferTaken` where it is to be `new` and another was added in the same moment."""
    _check(wanted)
    values = wanted.model_dump(exclude={"slug"}) | {"name": " ".join(wanted.name.split())}
    offer = payment.Offer(slug=slug, school=caller.school, **values)
    doubts = doubts_of(db, offer)
    added = offers.put_offer(db, offer, caller.outside.now())
    if new and not added:
        raise OfferTaken(offer=slug)
    caller.write_down(db, "offer_added" if added else "offer_corrected", slug, f"price {offer.price}")
    return OfferKept(**offer_read(_own(db, caller, slug)).model_dump(), doubts=doubts)


def _own(db: Db, caller: Caller, slug: str) -> Any:
    row = paging.find_offer_row(db, caller.school, slug)
    if row is None:
        raise OfferUnknown(offer=slug)
    return row
