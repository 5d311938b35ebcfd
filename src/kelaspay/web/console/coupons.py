"""Coupons: who may have which, how often they were used and what they gave away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.coupon import Coupon, checked, coded
from kelaspay.faults import CouponUnknown, InvalidInput
from kelaspay.payment import Offer, Rupiah
from kelaspay.pricing import too_little
from kelaspay.store import coupons, offers
from kelaspay.web.console.entered import number, time
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import Acting, Looking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/coupons", route_class=ConsoleRoute, include_in_schema=False)

COUPONS = "/console/coupons"
EMPTY = dict.fromkeys(("school", "code", "takes", "offer", "most", "most_each", "valid_from", "valid_until"), "")


@router.get("")
def show(request: Request, visitor: Looking) -> HTMLResponse:
    return _page(request, visitor, EMPTY, {})


@router.post("")
def save(
    request: Request,
    visitor: Acting,
    school: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    takes: Annotated[str, Form()] = "",
    offer: Annotated[str, Form()] = "",
    most: Annotated[str, Form()] = "",
    most_each: Annotated[str, Form()] = "",
    valid_from: Annotated[str, Form()] = "",
    valid_until: Annotated[str, Form()] = "",
) -> Response:
    """Add a coupon, or correct the one with this code."""
    outside = outside_of(request)
    entered = {
        "school": _whose(visitor, school),
        "code": code,
        "takes": takes,
        "offer": offer,
        "most": most,
        "most_each": most_each,
        "valid_from": valid_from,
        "valid_until": valid_until,
    }
    with outside.database.read() as db:
        sold = offers.list_offers(db, visitor.only)
    try:
        coupon = _checked(entered, sold, _schools(request, visitor))
    except InvalidInput as fault:
        return _page(request, visitor, entered, fault.fields)
    with outside.database.begin() as db:
        added = coupons.put_coupon(db, coupon, outside.now())
        said = "coupon_added" if added else "coupon_corrected"
        write_down(request, visitor, said, coupon.code, takes.strip(), db=db)
    return back(COUPONS, said)


@router.get("/{code}/retire")
def retire_form(code: str, request: Request, visitor: Looking, school: str = "") -> HTMLResponse:
    with outside_of(request).database.read() as db:
        coupon = coupons.find_coupon(db, _whose(visitor, school), _typed(code))
    if coupon is None:
        raise CouponUnknown
    return page(request, "coupon_retire.html", visitor, coupon=coupon)


@router.post("/{code}/retire")
def retire(code: str, request: Request, visitor: Acting, school: Annotated[str, Form()] = "") -> Response:
    """Let no more orders have it."""
    outside = outside_of(request)
    with outside.database.begin() as db:
        if not coupons.retire_coupon(db, _whose(visitor, school), _typed(code), outside.now()):
            raise CouponUnknown
        write_down(request, visitor, "coupon_retired", _typed(code), db=db)
    return back(COUPONS, "coupon_retired")


def _page(request: Request, visitor: Visitor, entered: dict[str, str], wrong: dict[str, str]) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        listed = coupons.list_coupons(db, None if visitor.only is None else [visitor.only])
        sold = [each for each in offers.list_offers(db, visitor.only) if each.retired_at is None]
        given = [coupons.given(db, each.school, each.code) for each in listed]
    base = outside.settings.app_base_url
    rows = [_row(coupon, sold, gave, base) for coupon, gave in zip(listed, given, strict=True)]
    return page(
        request,
        "coupons.html",
        visitor,
        status=422 if wrong else 200,
        rows=rows,
        choices=[(each.slug, each.name) for each in sold],
        schools=_schools(request, visitor),
        entered=entered,
        wrong=wrong,
    )


def _whose(visitor: Visitor, school: str) -> str:
    """The school that is meant; who belongs to one can mean no other."""
    return school if visitor.everywhere else visitor.operator.school


def _row(coupon: Coupon, sold: list[Offer], given: tuple[int, int], base: str) -> dict[str, Any]:
    sold = [each for each in sold if each.school == coupon.school and coupon.offer in {None, each.slug}]
    first = sold[0].slug if sold else ""
    return {
        "coupon": coupon,
        "paid": given[0],
        "gave": given[1],
        "link": f"{base}/buy/{first}?coupon={coupon.code}" if first else "",
        "refused": too_little(coupon, sold),
    }


def _schools(request: Request, visitor: Visitor) -> list[str]:
    """The schools that sell, by their keys; the environment's is ""."""
    selling = outside_of(request).schools.selling()
    return selling if visitor.only is None else [key for key in selling if key == visitor.only]


def _checked(entered: dict[str, str], sold: list[Offer], schools: list[str]) -> Coupon:
    """The coupon that was entered, of its offer's school; raises `InvalidInput` with every field that is wrong."""
    wrong: dict[str, str] = {}
    takes = entered["takes"].strip()
    taken_off = number(wrong, "takes", takes.removesuffix("%"))
    percent = takes.endswith("%")
    values: dict[str, Any] = {name: number(wrong, name, entered[name]) for name in ("most", "most_each")}
    values |= {name: time(wrong, name, entered[name]) for name in ("valid_from", "valid_until")}
    school = next((each.school for each in sold if each.slug == entered["offer"]), entered["school"])
    if entered["offer"] and entered["offer"] not in {each.slug for each in sold}:
        wrong["offer"] = "is not known"
    if school not in schools:
        wrong["school"] = "is not known"
    try:
        coupon = checked(
            Coupon(
                _typed(entered["code"]),
                percent=taken_off if percent else None,
                amount=None if percent or taken_off is None else Rupiah(taken_off),
                offer=entered["offer"] or None,
                school=school,
                **values,
            )
        )
    except InvalidInput as fault:
        wrong |= {"takes" if name in {"percent", "amount"} else name: why for name, why in fault.fields.items()}
    if wrong:
        raise InvalidInput(wrong)
    return coupon


def _typed(code: str) -> str:
    return coded(code.replace("\0", ""))
