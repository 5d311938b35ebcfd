"""What is on sale, and Thinkific's catalogue as last synced."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.faults import InvalidInput
from kelaspay.payment import Offer, Product, folded
from kelaspay.store.tables import offers, products
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from kelaspay.store.database import Db

OFFER_COLUMNS = [offers.c[field.name] for field in fields(Offer)]


PRODUCT_COLUMNS = [products.c[field.name] for field in fields(Product)]


def put_offer(db: Db, offer: Offer, now: datetime) -> bool:
    """Add an offer, or correct the one with the same slug; True when it was added.

    A slug is one school's for ever. Raises `InvalidInput` when it is another's.
    """
    values = asdict(offer) | {"folded_name": folded(offer.name), "updated_at": now}
    added = upsert(db, offers).values(**values, created_at=now).on_conflict_do_nothing(index_elements=[offers.c.slug])
    if db.execute(added.returning(offers.c.slug)).first() is not None:
        return True
    same = sa.and_(offers.c.slug == offer.slug, offers.c.school == offer.school)
    if db.execute(sa.update(offers).where(same).values(**values)).rowcount == 0:
        raise InvalidInput.one("slug", "is taken")
    return False


BY_SLUG = sa.select(*OFFER_COLUMNS).where(offers.c.slug == sa.bindparam("sought"))


def find_offer(db: Db, slug: str) -> Offer | None:
    row = db.execute(BY_SLUG, {"sought": slug}).one_or_none()
    return None if row is None else _offer(row)


def offers_named(db: Db, name: str) -> list[Offer]:
    """The offers of exactly this name, case and runs of space aside."""
    rows = db.execute(sa.select(*OFFER_COLUMNS).where(offers.c.folded_name == folded(name)).order_by(offers.c.slug))
    return [_offer(row) for row in rows]


def list_offers(db: Db, school: str | None = None) -> list[Offer]:
    """All offers, or one school's."""
    query = sa.select(*OFFER_COLUMNS).order_by(offers.c.slug)
    if school is not None:
        query = query.where(offers.c.school == school)
    return [_offer(row) for row in db.execute(query)]


def retire_offer(db: Db, slug: str, now: datetime) -> bool:
    return (
        db.execute(sa.update(offers).where(offers.c.slug == slug).values(retired_at=now, updated_at=now)).rowcount == 1
    )


def put_products(
    db: Db, school: str, found: Iterable[Product], now: datetime, *, unread: Collection[int | None] = ()
) -> None:
    """Replace a school's catalogue by what was found; what is no longer there is marked, not deleted. What is there but
    was not read stays as it was; where not even its id was (None), it may be any of them, and none is marked.
    """
    insert = upsert(db, products)
    for product in found:
        values = asdict(product) | {"school": school, "folded_name": folded(product.name)}
        values |= {"synced_at": now, "gone_at": None}
        db.execute(
            insert.values(**values).on_conflict_do_update(
                index_elements=[products.c.school, products.c.product_id], set_=values
            )
        )
    if None in unread:
        return
    vanished = sa.and_(products.c.school == school, products.c.synced_at < now, products.c.gone_at.is_(None))
    db.execute(sa.update(products).where(vanished, products.c.product_id.not_in(unread)).values(gone_at=now))


def products_named(db: Db, school: str, name: str) -> list[Product]:
    rows = db.execute(
        sa.select(*PRODUCT_COLUMNS)
        .where(products.c.school == school, products.c.folded_name == folded(name), products.c.gone_at.is_(None))
        .order_by(products.c.product_id)
    )
    return [Product(*row) for row in rows]


def product_of(db: Db, school: str, productable_type: str, productable_id: int) -> Product | None:
    """The product that sells this course or bundle, when the catalogue has exactly one."""
    rows = db.execute(
        sa.select(*PRODUCT_COLUMNS).where(
            products.c.school == school,
            products.c.productable_type == productable_type,
            products.c.productable_id == productable_id,
            products.c.gone_at.is_(None),
        )
    ).all()
    return Product(*rows[0]) if len(rows) == 1 else None


def list_products(db: Db, school: str) -> list[Product]:
    query = sa.select(*PRODUCT_COLUMNS).where(products.c.school == school, products.c.gone_at.is_(None))
    query = query.order_by(products.c.name)
    return [Product(*row) for row in db.execute(query)]


def _offer(row: sa.Row[Any]) -> Offer:
    return Offer(**row._mapping)  # noqa: SLF001 - the documented way to a row's names
