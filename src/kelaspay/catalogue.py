"""Thinkific's catalogue, copied; and the way from a name to the real id, which never guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kelaspay.faults import CourseAmbiguous, CourseUnmapped
from kelaspay.store import offers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database, Db
    from kelaspay.store.offers import Product
    from kelaspay.thinkific import Thinkific

MOST_CANDIDATES = 5


def sync(*, thinkific: Thinkific, database: Database, now: Callable[[], datetime]) -> int:
    """Copy all of Thinkific's products; returned is how many there are. Safe to repeat."""
    found = [_product(body) for body in thinkific.get_products()]
    with database.begin() as db:
        offers.put_products(db, found, now())
    return len(found)


def find_course(db: Db, name: str) -> Product:
    """The one product of this name, case and runs of space aside; a course or a bundle.

    Raises `CourseUnmapped` when there is none and `CourseAmbiguous` with the candidates when there are several: a
    person decides, nothing is guessed.
    """
    found = offers.products_named(db, name)
    if not found:
        raise CourseUnmapped(f"Nothing in the catalogue is called {name!r}.")
    if len(found) > 1:
        listed = ", ".join(f"{each.productable_type} {each.productable_id}" for each in found[:MOST_CANDIDATES])
        raise CourseAmbiguous(f"{name!r} could be: {listed}.")
    return found[0]


def _product(body: dict[str, Any]) -> Product:
    return offers.Product(
        product_id=int(body["id"]),
        productable_type=str(body["productable_type"]),
        productable_id=int(body["productable_id"]),
        name=str(body["name"]),
        slug=body.get("slug"),
        status=body.get("status"),
        price=None if body.get("price") is None else str(body["price"]),
    )
