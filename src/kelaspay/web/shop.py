"""What is on sale and the order form, up to an order that waits to be paid."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from kelaspay.checkout import invoice_at_duitku, place
from kelaspay.coupon import coded
from kelaspay.faults import AlreadyEnrolled, Fault, InvalidInput, MoveRefused, OfferUnknown
from kelaspay.i18n import translator
from kelaspay.outside import Outside
from kelaspay.payment import Offer, Payment
from kelaspay.pictures import Pictures
from kelaspay.pricing import Price, previewed
from kelaspay.school import DEFAULT
from kelaspay.store import coupons, offers
from kelaspay.wanted import Wanted
from kelaspay.web.at_duitku import asks_for_its_page
from kelaspay.web.i18n import language_of
from kelaspay.web.pages import shown
from kelaspay.web.signed import made_orders, proved_orders, remember_made
from kelaspay.web.turns import take_turn
from kelaspay.web.typos import suggested
from kelaspay.web.words import NOT_MADE, in_words

router = APIRouter(include_in_schema=False)

LONGEST_CAMPAIGN = 300
LONGEST_COUPON = 100
LONGEST = 500
BAD = 400


@dataclass(slots=True)
class Order:
    """The order form as it was filled in; `sure` is the address that the buyer has confirmed."""

    customer_name: str = ""
    customer_email: str = ""
    customer_phone: str = ""
    key: str = ""
    sure: str = ""
    again: str = ""
    campaign: str = ""
    coupon: str = ""


@router.get("/")
def shop(request: Request, school: str = DEFAULT) -> Response:
    """All that a school has on sale; without `school` the environment's."""
    outside: Outside = request.app.state.outside
    outside.schools.profile(school)
    with outside.database.read() as db:
        found = [offer for offer in offers.list_offers(db, school) if offer.on_sale(outside.now())]
    return shown(request, "shop.html", school=school, offers=found)


@router.get("/buy/{slug}")
def order_form(
    slug: str, request: Request, name: str = "", email: str = "", phone: str = "", coupon: str = ""
) -> Response:
    """The order form, prefilled where the link says so."""
    came_from = [f"{each}={value}" for each, value in request.query_params.items() if each.startswith("utm_")]
    entered = Order(
        customer_name=name[:LONGEST],
        customer_email=email[:LONGEST],
        customer_phone=phone[:LONGEST],
        campaign="&".join(came_from)[:LONGEST_CAMPAIGN],
        coupon=coupon[:LONGEST_COUPON],
    )
    return _form(request, _offer(request.app.state.outside, slug), entered)


@router.get("/buy/{slug}/picture")
def picture(slug: str, request: Request) -> Response:
    """The offer's picture from our own address; 404 where there is none to be had."""
    pictures: Pictures = request.app.state.pictures
    offer = _offer(request.app.state.outside, slug)
    found = pictures.at(offer.picture) if offer.picture else None
    if found is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Response(found.content, media_type=found.media_type, headers=headers)


@router.post("/buy/{slug}", dependencies=[asks_for_its_page])
def order(
    slug: str,
    request: Request,
    customer_name: Annotated[str, Form()] = "",
    customer_email: Annotated[str, Form()] = "",
    customer_phone: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
    sure: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
    campaign: Annotated[str, Form()] = "",
    coupon: Annotated[str, Form()] = "",
    look: Annotated[str, Form()] = "",
) -> Response:
    """Make the order and go on to paying, or with `look` only say what the coupon takes off. The form's key makes a
    double click one order.
    """
    outside: Outside = request.app.state.outside
    entered = Order(
        customer_name,
        customer_email,
        customer_phone,
        key,
        sure,
        again,
        campaign[:LONGEST_CAMPAIGN],
        coupon[:LONGEST_COUPON],
    )
    offer = _offer(outside, slug)
    if look:
        return _form(request, offer, entered)
    outside.schools.of(offer.school)
    meant = suggested(customer_email)
    if meant is not None and sure.strip().lower() != customer_email.strip().lower():
        return _form(request, offer, entered, meant=meant)
    proved = proved_orders(request)
    try:
        take_turn(request, "order", email=customer_email)
        payment = _placed(entered, offer, request, own=[*made_orders(request), *proved])
    except Fault as fault:
        return _refused(request, offer, entered, fault)
    response = RedirectResponse(_onward(payment, outside), status_code=303)
    if payment.public_id not in proved:  # one that is taken up by its address is theirs while it has that address
        remember_made(request, response, payment.public_id)
    return response


@router.post("/typo")
def typo(request: Request, email: Annotated[str, Form(max_length=LONGEST)] = "") -> JSONResponse:
    """The address that was probably meant, for the form's script."""
    take_turn(request, "typo")
    return JSONResponse({"meant": suggested(email)}, headers={"Cache-Control": "no-store"})


def _placed(entered: Order, offer: Offer, request: Request, *, own: list[str]) -> Payment:
    outside: Outside = request.app.state.outside
    buyer = (entered.customer_name, entered.customer_email, entered.customer_phone)
    wanted = Wanted(*buyer, offer=offer.slug, coupon=coded(entered.coupon) or None, language=language_of(request))
    key = entered.key[:LONGEST] or secrets.token_urlsafe(16)
    payment = place(
        wanted,
        idempotency_key=f"form-{hashlib.sha256(f'{key}{wanted.digest()}'.encode()).hexdigest()}",
        again=bool(entered.again),
        own=own,
        campaign=entered.campaign if entered.campaign.isprintable() else "",
        database=outside.database,
        customers=outside.customers,
        start=request.app.state.start,
        now=outside.now,
    )
    if outside.settings.payment_page == "duitku":
        with suppress(MoveRefused):  # an old form's, and over: its page says so
            return invoice_at_duitku(
                payment,
                database=outside.database,
                customers=outside.customers,
                school_of=outside.schools.of,
                urls=outside.urls,
                start=request.app.state.start,
                now=outside.now,
            )
    return payment


def _onward(payment: Payment, outside: Outside) -> str:
    """Where the buyer goes on: to Duitku's page, to choosing, or to what was chosen before."""
    if payment.payment_url is None:
        return f"/o/{payment.public_id}" if payment.free else f"/o/{payment.public_id}/method"
    if outside.settings.payment_page == "duitku":
        return payment.payment_url
    return f"/o/{payment.public_id}"


def _refused(request: Request, offer: Offer, entered: Order, fault: Fault) -> Response:
    say = translator(language_of(request))
    if isinstance(fault, InvalidInput):
        wrong = {field: in_words(field, why, say) for field, why in fault.fields.items()}
        return _form(request, offer, entered, wrong=wrong, status=fault.status)
    if isinstance(fault, AlreadyEnrolled):
        until = fault.ids.get("until")
        ends = datetime.fromisoformat(str(until)) if until else None
        return _form(request, offer, entered, enrolled=True, ends=ends, status=fault.status)
    return _form(request, offer, entered, wrong={"": say(NOT_MADE)}, status=fault.status)


def _offer(outside: Outside, slug: str) -> Offer:
    with outside.database.read() as db:
        offer = offers.find_offer(db, slug)
    if offer is None or not offer.on_sale(outside.now()):
        raise OfferUnknown
    return offer


def _form(
    request: Request,
    offer: Offer,
    entered: Order,
    *,
    wrong: dict[str, str] | None = None,
    meant: str | None = None,
    enrolled: bool = False,
    ends: datetime | None = None,
    status: int = 200,
) -> Response:
    outside: Outside = request.app.state.outside
    wrong = dict(wrong or {})
    values: dict[str, Any] = {"wrong": wrong, "meant": meant, "enrolled": enrolled, "ends": ends}
    values["refused"] = status >= BAD
    with outside.database.read() as db:
        try:
            price = previewed(db, offer, entered.coupon, outside.now())
        except ValueError as why:
            price = Price(offer.price)
            wrong.setdefault("coupon", in_words("coupon", str(why), translator(language_of(request))))
        values["couponed"] = bool(entered.coupon) or coupons.any_for(db, offer, outside.now())
    entered.key = entered.key[:LONGEST] or secrets.token_urlsafe(16)
    values["class_url"] = f"{outside.schools.profile(offer.school).site_url}/enrollments"
    return shown(
        request, "buy.html", school=offer.school, status=status, offer=offer, price=price, entered=entered, **values
    )
