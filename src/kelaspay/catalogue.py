"""Thinkific's catalogue, copied; and the way from a name to the real id, which never guesses."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from kelaspay.faults import CourseAmbiguous, CourseUnmapped, DatabaseUnavailable, Defect, Fault, InvalidInput
from kelaspay.payment import folded
from kelaspay.pricing import price_doubts
from kelaspay.store import offers, syncs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kelaspay.payment import Offer, Product
    from kelaspay.school import School, SchoolOf
    from kelaspay.store.database import Db

log = structlog.get_logger()

MOST_CANDIDATES = 5
MOST_NAMED = 20
NOTE_SECONDS = 1.0
SYNC_LEASE = 120.0
"""How long a copy under way may say nothing: longer than a page of Thinkific's with its wait at the gate."""
KINDS = {"course_id": "Course", "bundle_id": "Bundle", "product_id": ""}
"""The three kinds of id, with the `productable_type` that has it."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How many products there are, and how many more that could not be read."""

    products: int
    unreadable: int


def sync(
    *,
    school: School,
    seen: Callable[[], None] = lambda: None,
) -> Copied:
    """Copy all of Thinkific's products, courses and bundles alike. Safe to repeat.

    What has vanished there is marked; what cannot be read stays as it was copied before. `seen` is called for each
    product that has come.
    """
    found: list[Product] = []
    unread: list[int | None] = []
    for product in school.thinkific.get_products(unread.append):
        found.append(product)
        seen()
    with school.database.begin() as db:
        offers.put_products(db, school.key, found, school.now(), unread=unread)
    if unread:
        log.warning("products_unreadable", school=school.key, count=len(unread), product_ids=unread[:MOST_NAMED])
    return Copied(len(found), len(unread))


def sync_seen(school: School) -> None:
    """Copy them so that whoever looks sees how far it is. To be called by who has claimed it; raises nothing."""
    count, noted = 0, time.monotonic()

    def seen() -> None:
        nonlocal count, noted
        count += 1
        if time.monotonic() - noted >= NOTE_SECONDS:
            noted = time.monotonic()
            with school.database.begin() as db:
                syncs.note_seen(db, school.key, count, SYNC_LEASE)

    unreadable, fault = 0, None
    try:
        unreadable = sync(school=school, seen=seen).unreadable
    except Fault as error:
        fault = error.code()
        log.warning("catalogue_not_copied", school=school.key, fault=fault)
    except Exception:
        fault = Defect.code()
        log.exception("defect", school=school.key)
    try:
        with school.database.begin() as db:
            syncs.finish_sync(db, school.key, school.now(), seen=count, unreadable=unreadable, fault=fault)
    except DatabaseUnavailable:  # its lease ends, and it is seen to have broken off
        log.warning("sync_not_finished", school=school.key)


def sync_all(keys: Iterable[str], school_of: SchoolOf) -> dict[str, int]:
    """Copy these schools' products; returned is how many there are, where that succeeded. One school's trouble is no
    other's.
    """
    counts = {}
    for key in keys:
        try:
            counts[key] = sync(school=school_of(key)).products
        except DatabaseUnavailable:
            raise
        except Fault as fault:
            log.warning("catalogue_not_copied", school=key, fault=fault.code())
    return counts


def find_course(db: Db, school: str, name: str) -> Product:
    """The one product of this name in a school's catalogue, case and runs of space aside; a course or a bundle.

    Raises `CourseUnmapped` when there is none and `CourseAmbiguous` with the candidates when there are several: a
    person decides, nothing is guessed.
    """
    found = offers.products_named(db, school, name)
    if not found:
        raise CourseUnmapped(f"Nothing in the catalogue is called {name!r}.")
    if len(found) > 1:
        listed = ", ".join(f"{each.productable_type} {each.productable_id}" for each in found[:MOST_CANDIDATES])
        raise CourseAmbiguous(f"{name!r} could be: {listed}.")
    return found[0]


def doubts_of(db: Db, offer: Offer) -> list[str]:
    """What whoever puts it on sale should know, in words. Raises as `check_ids`."""
    doubts = check_ids(db, offer) + price_doubts(offer)
    if (days := days_missing(db, offer)) is not None:
        doubts.append(
            f"Thinkific sells it for {days} days, this offer for ever: --access-days {days} ends it like there"
        )
    return doubts


def days_missing(db: Db, offer: Offer) -> int | None:
    """For how many days Thinkific sells what the offer sells for ever; None where the two do not differ so."""
    if offer.access_days is not None:
        return None
    known = offers.list_products(db, offer.school)
    sold = next((each for each in known if _sells(offer, each)), None)
    return sold.days_until_expiry if sold else None


def check_ids(db: Db, offer: Offer) -> list[str]:
    """Ids of an offer that the catalogue as last synced does not know, in words; for the three kinds look alike.

    Raises `InvalidInput` for an id that is known to be of another kind. An offer without ids is found by its name.
    """
    known = offers.list_products(db, offer.school)
    if not known:
        return ["the catalogue is empty, so nothing was checked: kelaspay courses sync"]
    if offer.course_id is None and offer.bundle_id is None and offer.product_id is None:
        return _name_doubts(db, offer)
    wrong: dict[str, str] = {}
    doubts = []
    for field, value in (
        ("course_id", offer.course_id),
        ("bundle_id", offer.bundle_id),
        ("product_id", offer.product_id),
    ):
        meant = [] if value is None else [kind for kind in KINDS if _of_kind(known, kind, value)]
        if value is None or field in meant:
            continue
        if meant:
            found = _of_kind(known, meant[0], value)[0]
            wrong[field] = f"{value} is the {meant[0].replace('_', ' ')} of {found.name!r}: {_ids(found)}"
        else:
            doubts.append(f"{field} {value} is not in the catalogue; if it is new: kelaspay courses sync")
    sold = _sold(known, offer)
    if sold is not None and not wrong and _other(sold, offer):
        wrong["product_id"] = f"{offer.product_id} sells something else, {sold.name!r}: {_ids(sold)}"
    if wrong:
        raise InvalidInput(wrong)
    return doubts


def _name_doubts(db: Db, offer: Offer) -> list[str]:
    try:
        find_course(db, offer.school, offer.name)
    except (CourseUnmapped, CourseAmbiguous) as fault:
        return [f"no id is given, and the name leads nowhere: {fault.detail or fault}"]
    return []


def _of_kind(known: Sequence[Product], kind: str, value: int) -> list[Product]:
    """The products whose id of this kind it is."""
    if kind == "product_id":
        return [each for each in known if each.product_id == value]
    return [each for each in known if each.productable_type == KINDS[kind] and each.productable_id == value]


def _sold(known: Sequence[Product], offer: Offer) -> Product | None:
    found = _of_kind(known, "product_id", offer.product_id) if offer.product_id is not None else []
    return found[0] if found else None


def _sells(offer: Offer, product: Product) -> bool:
    """Whether it is what the offer names, by whichever of the ids, or without any by its name."""
    named = {"Course": offer.course_id, "Bundle": offer.bundle_id}
    if offer.product_id is not None or any(named.values()):
        of_kind = named.get(product.productable_type)
        return product.product_id == offer.product_id or (of_kind is not None and product.productable_id == of_kind)
    return folded(product.name) == folded(offer.name)


def _other(sold: Product, offer: Offer) -> bool:
    """Whether the product sells another course or bundle than the offer names."""
    named = [("Course", offer.course_id), ("Bundle", offer.bundle_id)]
    return any(
        value is not None and (sold.productable_type, sold.productable_id) != (kind, value) for kind, value in named
    )


def _ids(product: Product) -> str:
    kind = "bundle" if product.productable_type == "Bundle" else "course"
    return f"{kind} id {product.productable_id}, product id {product.product_id}"
