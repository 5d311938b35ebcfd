"""Courses, their chapters and contents, and the products that are sold (thinkific.md 2.7, 2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, answer, instant, not_found
from kelaspay_emulators.thinkific.asked import Route

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON, Course, Product

_COURSE_BLANKS = (
    "subtitle",
    "description",
    "course_card_text",
    "intro_video_youtube",
    "contact_information",
    "keywords",
    "duration",
    "banner_image_url",
    "course_card_image_url",
    "intro_video_wistia_identifier",
    "instructor_id",
)
_PRODUCT_BLANKS = ("description", "keywords", "seo_title", "seo_description", "card_image_url")


def shown_course(course: Course) -> JSON:
    """No price and no status: the product has them."""
    return {
        "id": course.id,
        "name": course.name,
        "slug": course.slug,
        "product_id": course.product_id,
        "administrator_user_ids": [],
        "chapter_ids": course.chapter_ids,
        "reviews_enabled": False,
        "user_id": 1,
        **dict.fromkeys(_COURSE_BLANKS),
    }


def shown_product(product: Product) -> JSON:
    return {
        "id": product.id,
        "created_at": instant(product.created_at),
        "position": 1,
        "productable_id": None if product.orphaned else product.productable_id,
        "productable_type": product.productable_type,
        "price": product.price,
        "name": product.name,
        "slug": product.slug,
        "status": product.status,
        "private": product.private,
        "hidden": product.hidden,
        "subscription": False,
        "days_until_expiry": product.days_until_expiry,
        "has_certificate": False,
        "collection_ids": product.collection_ids,
        "related_product_ids": [],
        "product_prices": [_primary_price(product)],
        **dict.fromkeys(_PRODUCT_BLANKS),
    }


def _primary_price(product: Product) -> JSON:
    blanks = ("number_of_payments", "interval", "interval_count", "trial_interval", "trial_interval_count")
    return {
        "id": product.id,
        "is_primary": True,
        "payment_type": "free" if float(product.price) == 0 else "one-time",
        "label": None,
        "price": product.price,
        "days_until_expiry": product.days_until_expiry,
        "pay_button_text": None,
        "custom_first_price": None,
        "price_name": None,
        "currency": "idr",
        **dict.fromkeys(blanks),
    }


def list_courses(asked: Asked) -> Response:
    return asked.page.of(list(asked.school.courses.values()), shown_course)


def _course(asked: Asked) -> Course:
    course = asked.school.courses.get(asked.id())
    if course is None:
        raise RefusedError(not_found())
    return course


def get_course(asked: Asked) -> Response:
    return answer(shown_course(_course(asked)))


def list_chapters(asked: Asked) -> Response:
    return asked.page.of([asked.school.chapters[each] for each in _course(asked).chapter_ids], dict)


def _chapter(asked: Asked) -> JSON:
    chapter = asked.school.chapters.get(asked.id())
    if chapter is None:
        raise RefusedError(not_found())
    return chapter


def get_chapter(asked: Asked) -> Response:
    return answer(_chapter(asked))


def list_contents(asked: Asked) -> Response:
    chapter_id = _chapter(asked)["id"]
    contents = [each for each in asked.school.contents.values() if each["chapter_id"] == chapter_id]
    return asked.page.of(contents, dict)


def get_content(asked: Asked) -> Response:
    content = asked.school.contents.get(asked.id())
    return answer(content) if content else not_found()


def list_products(asked: Asked) -> Response:
    return asked.page.of(list(asked.school.products.values()), shown_product)


def _product(asked: Asked) -> Product:
    product = asked.school.products.get(asked.id())
    if product is None:
        raise RefusedError(not_found())
    return product


def get_product(asked: Asked) -> Response:
    return answer(shown_product(_product(asked)))


def list_related(asked: Asked) -> Response:
    _product(asked)
    nothing: list[Product] = []
    return asked.page.of(nothing, shown_product)


def list_orders(asked: Asked) -> Response:
    """Sales through Thinkific's own checkout: an external order is never among them (thinkific.md 2.10)."""
    return asked.page.of(list(asked.school.orders.values()), dict)


def get_order(asked: Asked) -> Response:
    order = asked.school.orders.get(asked.id())
    return answer(order) if order else not_found()


ROUTES = [
    Route("GET", "/courses", list_courses),
    Route("GET", "/courses/<id>", get_course),
    Route("GET", "/courses/<id>/chapters", list_chapters),
    Route("GET", "/chapters/<id>", get_chapter),
    Route("GET", "/chapters/<id>/contents", list_contents),
    Route("GET", "/contents/<id>", get_content),
    Route("GET", "/products", list_products),
    Route("GET", "/products/<id>", get_product),
    Route("GET", "/products/<id>/related", list_related),
    Route("GET", "/orders", list_orders),
    Route("GET", "/orders/<id>", get_order),
]
