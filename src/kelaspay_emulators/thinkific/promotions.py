"""Promotions and their coupons; Thinkific finds a promotion by coupon and leaves counting uses to whoever sells
(thinkific.md 2.11).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, answer, error, not_found, whole
from kelaspay_emulators.thinkific.asked import Route
from kelaspay_emulators.thinkific.shelf import Shelf

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON

PROMOTIONS = Shelf(
    "promotions",
    fields={
        "name": None,
        "description": None,
        "starts_at": None,
        "expires_at": None,
        "discount_type": None,
        "amount": None,
        "duration": None,
        "product_ids": None,
    },
    required=("name", "amount", "discount_type"),
)
COUPONS = Shelf(
    "coupons",
    fields={"code": None, "note": None, "quantity": None},
    required=("code",),
    complaint="Can't be blank",
)


def _shown(asked: Asked, promotion: JSON) -> JSON:
    """Without product_ids, which can be written and not read."""
    coupons = [each["id"] for each in COUPONS.all(asked) if each["promotion_id"] == promotion["id"]]
    hidden = {"product_ids", "created_at"}
    return {name: value for name, value in promotion.items() if name not in hidden} | {"coupon_ids": coupons}


def list_promotions(asked: Asked) -> Response:
    return asked.page.of(PROMOTIONS.all(asked), lambda each: _shown(asked, each))


def create_promotion(asked: Asked) -> Response:
    return answer(_shown(asked, PROMOTIONS.add(asked)), 201)


def get_promotion(asked: Asked) -> Response:
    return answer(_shown(asked, PROMOTIONS.one(asked)))


def by_coupon(asked: Asked) -> Response:
    """The promotion of a coupon, if it holds for the product."""
    product_id, code = whole(_param(asked, "product_id")), _param(asked, "coupon_code")
    wanted = {each["promotion_id"] for each in COUPONS.all(asked) if each["code"] == code}
    for promotion in PROMOTIONS.all(asked):
        only = promotion["product_ids"]
        if promotion["id"] in wanted and (not isinstance(only, list) or product_id in only):
            return answer(_shown(asked, promotion))
    return not_found()


def _param(asked: Asked, name: str) -> str:
    value = asked.request.args.get(name)
    if not value:
        raise RefusedError(error(400, f"Parameter {name} is required."))
    return value


def _promotion_id(asked: Asked) -> object:
    promotion = asked.school.kept["promotions"].get(_param(asked, "promotion_id"))
    if promotion is None:
        raise RefusedError(not_found())
    return promotion["id"]


def list_coupons(asked: Asked) -> Response:
    promotion_id = _promotion_id(asked)
    return asked.page.of([each for each in COUPONS.all(asked) if each["promotion_id"] == promotion_id], dict)


def create_coupon(asked: Asked) -> Response:
    return answer(COUPONS.add(asked, promotion_id=_promotion_id(asked), quantity_used=0), 201)


def bulk_create(asked: Asked) -> Response:
    promotion_id, body = _promotion_id(asked), asked.body
    made: list[JSON] = []
    for _ in range(whole(body.get("bulk_quantity")) or 0):
        code = secrets.token_hex(16).upper()[: whole(body.get("bulk_coupon_code_length")) or 8]
        made.append(_bulk_coupon(asked, code, promotion_id))
    return answer({"items": made}, 201)


def _bulk_coupon(asked: Asked, code: str, promotion_id: object) -> JSON:
    asked.body["code"] = code
    quantity = whole(asked.body.get("bulk_quantity_per_coupon"))
    return COUPONS.add(asked, promotion_id=promotion_id, quantity_used=0, quantity=quantity)


ROUTES = [
    Route("GET", "/promotions", list_promotions),
    Route("POST", "/promotions", create_promotion),
    Route("GET", "/promotions/by_coupon", by_coupon),
    Route("GET", "/promotions/<id>", get_promotion),
    *PROMOTIONS.routes("update delete"),
    Route("GET", "/coupons", list_coupons),
    Route("POST", "/coupons", create_coupon),
    Route("POST", "/coupons/bulk_create", bulk_create),
    *COUPONS.routes("get update delete"),
]
