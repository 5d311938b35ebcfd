"""Whether a thing is a school's, by the name that an address gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.buyer_tables import coupons
from kelaspay.store.operator_tables import operators
from kelaspay.store.tables import api_keys, customers, inbox, messages, offers, payments

if TYPE_CHECKING:
    from kelaspay.store.database import Db

NEW = "~new"
"""Stands where a slug does for an offer that is not there yet."""
LONGEST_NUMBER = 18


def owns_payment(db: Db, value: str, school: str) -> bool:
    return _any(db, payments.c.merchant_order_id == value, payments.c.school == school)


def owns_event(db: Db, value: str, school: str) -> bool:
    return _any(db, inbox.c.id == _number(value), inbox.c.school == school)


def owns_offer(db: Db, value: str, school: str) -> bool:
    return value == NEW or _any(db, offers.c.slug == value, offers.c.school == school)


def owns_coupon(db: Db, value: str, school: str) -> bool:
    return _any(db, sa.func.upper(coupons.c.code) == value.upper(), coupons.c.school == school)


def owns_customer(db: Db, value: str, school: str) -> bool:
    bought = customers.c.merchant_order_id == payments.c.merchant_order_id
    return _any(db, customers.c.email == value, bought, payments.c.school == school)


def owns_message(db: Db, value: str, school: str) -> bool:
    about = messages.c.merchant_order_id == payments.c.merchant_order_id
    return _any(db, messages.c.id == _number(value), about, payments.c.school == school)


def owns_operator(db: Db, value: str, school: str) -> bool:
    return _any(db, operators.c.id == _number(value), operators.c.school == school)


def owns_key(db: Db, value: str, school: str) -> bool:
    return _any(db, api_keys.c.id == _number(value), api_keys.c.school == school)


def _any(db: Db, *conditions: sa.ColumnElement[Any]) -> bool:
    return db.execute(sa.select(sa.literal(1)).where(*conditions).limit(1)).first() is not None


def _number(value: str) -> int:
    """The id in these words; -1, which nothing has, where there is none."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER else -1
