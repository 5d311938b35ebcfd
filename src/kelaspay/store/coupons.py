"""Coupons and which orders have them. How many is counted by one conditional statement in the order's transaction."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.coupon import Coupon
from kelaspay.store.buyer_tables import coupons, redemptions
from kelaspay.store.tables import customers, payments
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.payment import Offer, Payment
    from kelaspay.store.database import Db

COUPON_COLUMNS = [coupons.c[field.name] for field in fields(Coupon)]


def put_coupon(db: Db, coupon: Coupon, now: datetime) -> bool:
    """Add a coupon, or correct the one with the same code; True when it was added. The count is left as it is."""
    values = {name: value for name, value in asdict(coupon).items() if name != "redeemed"}
    added = upsert(db, coupons).values(**values, created_at=now).on_conflict_do_nothing()
    if db.execute(added.returning(coupons.c.code)).first() is not None:
        return True
    db.execute(sa.update(coupons).where(_is(coupon.school, coupon.code)).values(**values))
    return False


def find_coupon(db: Db, school: str, code: str) -> Coupon | None:
    row = db.execute(sa.select(*COUPON_COLUMNS).where(_is(school, code))).one_or_none()
    return None if row is None else _coupon(row)


def any_for(db: Db, offer: Offer, now: datetime) -> bool:
    """Whether there is a coupon to ask the buyers of this offer for."""
    query = sa.select(coupons.c.code).where(
        coupons.c.school == offer.school,
        sa.or_(coupons.c.offer.is_(None), coupons.c.offer == offer.slug),
        sa.or_(coupons.c.retired_at.is_(None), coupons.c.retired_at > now),
        sa.or_(coupons.c.valid_until.is_(None), coupons.c.valid_until > now),
    )
    return db.execute(query.limit(1)).first() is not None


def list_coupons(db: Db, schools: list[str] | None = None) -> list[Coupon]:
    """The newest first; of these schools, or with None of all."""
    query = sa.select(*COUPON_COLUMNS).order_by(coupons.c.created_at.desc(), coupons.c.code)
    if schools is not None:
        query = query.where(coupons.c.school.in_(schools))
    return [_coupon(row) for row in db.execute(query)]


def retire_coupon(db: Db, school: str, code: str, now: datetime) -> bool:
    """From now on no order may have it; those that do keep their price."""
    retired = db.execute(sa.update(coupons).where(_is(school, code)).values(retired_at=now))
    return retired.rowcount == 1


def redeem(db: Db, payment: Payment, email: str) -> str | None:
    """Count this order's coupon; returned is why that cannot be, and then the transaction must not be committed.

    The first statement holds the coupon until the transaction ends, so of two orders that want the last redemption one
    wins, and one person's orders are counted after one another.
    """
    school, code = payment.school, payment.coupon or ""
    counted = db.execute(
        sa.update(coupons)
        .where(_is(school, code), sa.or_(coupons.c.most.is_(None), coupons.c.redeemed < coupons.c.most))
        .values(redeemed=coupons.c.redeemed + 1)
    )
    if counted.rowcount != 1:
        return "is used up"
    coupon = find_coupon(db, school, code)
    if coupon is not None and coupon.most_each is not None and _had(db, school, code, email) >= coupon.most_each:
        return "has been used with this e-mail address"
    db.execute(
        sa.insert(redemptions).values(
            merchant_order_id=payment.merchant_order_id, school=school, code=code, at=payment.created_at
        )
    )
    return None


def may_have(db: Db, payment: Payment, email: str) -> bool:
    """Whether another address may have this order's coupon too; holds the coupon until the transaction ends."""
    school, code = payment.school, payment.coupon or ""
    db.execute(sa.update(coupons).where(_is(school, code)).values(redeemed=coupons.c.redeemed))
    coupon = find_coupon(db, school, code)
    return coupon is None or coupon.most_each is None or _had(db, school, code, email) < coupon.most_each


def give_back(db: Db, merchant_order_id: str, now: datetime) -> str | None:
    """Let others have what an order that lapsed had; returned is the code when there was something to give."""
    return _change(db, merchant_order_id, redemptions.c.given_back_at.is_(None), now, -1)


def take_again(db: Db, merchant_order_id: str) -> str | None:
    """An order that had lapsed was paid after all, at its price: it counts again, whatever the limit."""
    return _change(db, merchant_order_id, redemptions.c.given_back_at.is_not(None), None, 1)


def _change(
    db: Db, merchant_order_id: str, if_so: sa.ColumnElement[bool], given_back_at: datetime | None, by: int
) -> str | None:
    its = redemptions.c.merchant_order_id == merchant_order_id
    changed = db.execute(sa.update(redemptions).where(its, if_so).values(given_back_at=given_back_at))
    if changed.rowcount != 1:
        return None
    row = db.execute(sa.select(redemptions.c.school, redemptions.c.code).where(its)).one()
    db.execute(sa.update(coupons).where(_is(row.school, row.code)).values(redeemed=coupons.c.redeemed + by))
    return str(row.code)


def _had(db: Db, school: str, code: str, email: str) -> int:
    """How many orders of this address have the coupon."""
    query = (
        sa.select(sa.func.count())
        .select_from(redemptions)
        .join(customers, customers.c.merchant_order_id == redemptions.c.merchant_order_id)
        .where(
            customers.c.email == email,
            redemptions.c.school == school,
            redemptions.c.code == code,
            redemptions.c.given_back_at.is_(None),
        )
    )
    return db.execute(query).scalar_one()


def given(db: Db, school: str, code: str) -> tuple[int, int]:
    """How many orders with this coupon were paid, and how many rupiah it took off them."""
    paid = sa.and_(payments.c.coupon == code, payments.c.school == school, payments.c.paid_at.is_not(None))
    row = db.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(payments.c.discount), 0)).where(paid))
    count, rupiah = row.one()
    return int(count), int(rupiah)


def _is(school: str, code: str) -> sa.ColumnElement[bool]:
    return sa.and_(coupons.c.school == school, coupons.c.code == code)


def _coupon(row: sa.Row[Any]) -> Coupon:
    return Coupon(**row._mapping)  # noqa: SLF001 - the documented way to a row's names
