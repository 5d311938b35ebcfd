"""What furnishes a school beside its courses: collections, instructors, reviews, publish requests and site scripts
(thinkific.md 2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, answer, empty, error, errors, not_found, whole
from kelaspay_emulators.thinkific.asked import Route, blank, truth
from kelaspay_emulators.thinkific.catalogue import shown_product
from kelaspay_emulators.thinkific.shelf import Shelf

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import Product

COLLECTIONS = Shelf(
    "collections", fields={"name": None, "description": None, "slug": None, "default": False}, required=("name",)
)
INSTRUCTORS = Shelf(
    "instructors",
    fields=dict.fromkeys(("user_id", "title", "first_name", "last_name", "bio", "slug", "email", "avatar_url")),
    required=("first_name", "last_name", "slug"),
)
REVIEWS = Shelf(
    "course_reviews",
    fields={"rating": None, "title": None, "review_text": None, "user_id": None, "approved": False},
    required=("rating", "user_id"),
)
REQUESTS = Shelf("product_publish_requests")
_SCRIPT = ("src", "content", "name", "description", "page_scopes", "location", "load_method", "category")
SCRIPTS = Shelf(
    "site_scripts",
    fields=dict.fromkeys(_SCRIPT),
    required=("name", "description", "page_scopes", "category"),
)


def list_collected(asked: Asked) -> Response:
    collection_id = COLLECTIONS.one(asked)["id"]
    found = [each for each in asked.school.products.values() if collection_id in each.collection_ids]
    return asked.page.of(found, shown_product)


def _named_products(asked: Asked) -> list[Product]:
    sent = asked.body.get("product_ids")
    given = [whole(each) for each in sent] if isinstance(sent, list) else []
    if not given or any(each not in asked.school.products for each in given):
        raise RefusedError(errors({"product_ids": ["are invalid"]}))
    return [asked.school.products[each] for each in given if each is not None]


def collect(asked: Asked) -> Response:
    collection_id = whole(COLLECTIONS.one(asked)["id"]) or 0
    for product in _named_products(asked):
        if collection_id not in product.collection_ids:
            product.collection_ids.append(collection_id)
    return empty(201)


def release(asked: Asked) -> Response:
    collection_id = COLLECTIONS.one(asked)["id"]
    for product in _named_products(asked):
        product.collection_ids = [each for each in product.collection_ids if each != collection_id]
    return empty()


def _course_id(asked: Asked) -> int:
    course_id = asked.request.args.get("course_id")
    if blank(course_id):
        raise RefusedError(error(400, "Parameter course_id is required."))
    if whole(course_id) not in asked.school.courses:
        raise RefusedError(not_found())
    return whole(course_id) or 0


def list_reviews(asked: Asked) -> Response:
    course_id, approved = _course_id(asked), asked.request.args.get("approved")
    found = [each for each in REVIEWS.all(asked) if each["course_id"] == course_id]
    if approved is not None:
        found = [each for each in found if each["approved"] == truth(approved)]
    return asked.page.of(found, dict)


def create_review(asked: Asked) -> Response:
    return answer(REVIEWS.add(asked, course_id=_course_id(asked)), 201)


def _decide(asked: Asked, status: str) -> Response:
    request = REQUESTS.one(asked)
    if blank(asked.body.get("user_id")):
        return errors({"user_id": ["can't be blank"]})
    request["status"] = status
    return answer(request)


def approve(asked: Asked) -> Response:
    return _decide(asked, "approved")


def deny(asked: Asked) -> Response:
    return _decide(asked, "denied")


def create_script(asked: Asked) -> Response:
    """`src` needs nothing; `content` is for OAuth apps, which sign it (thinkific.md 2.11)."""
    if not blank(asked.body.get("content")) and asked.key.app is None:
        return errors({"content": ["is not allowed"]})
    long_id = f"01EMULATED{asked.school.next_id():016d}"
    return answer({"site_script": SCRIPTS.add(asked, id=long_id)}, 201)


ROUTES = [
    *COLLECTIONS.routes("list create get update delete"),
    Route("GET", "/collections/<id>/products", list_collected),
    Route("POST", "/collection_memberships/<id>", collect),
    Route("DELETE", "/collection_memberships/<id>", release),
    *INSTRUCTORS.routes("list create get update delete"),
    *REVIEWS.routes("get"),
    Route("GET", "/course_reviews", list_reviews),
    Route("POST", "/course_reviews", create_review),
    *REQUESTS.routes("list get"),
    Route("POST", "/product_publish_requests/<id>/approve", approve),
    Route("POST", "/product_publish_requests/<id>/deny", deny),
    *SCRIPTS.routes("list get update delete"),
    Route("POST", "/site_scripts", create_script),
]
