"""Whether a thing is a school's, by the name that an address gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.buyer_tables import coupons
from kelaspay.store.operator_tables import operators
from kelaspay.store.program_tables import api_keys
from kelaspay.store.tables import customers, inbox, messages, offers, payments

if TYPE_CHECKING:
    from kelaspay.store.database import Db

NEW = "~new"
"""Stands where a slug does for an offer that is not there yet."""


def owns_payment(db: Db, value: str, school: str) -> bool:
    return _any(db, payments.c.merchant_order_id == value, payments.c.school == school)


def owns_event(db: Db, event_id: int, school: str) -> bool:
    return _any(db, inbox.c.id == event_id, inbox.c.school == school)


def owns_offer(db: Db, value: str, school: str) -> bool:
    return value == NEW or _any(db, offers.c.slug == value, offers.c.school == school)


def owns_coupon(db: Db, value: str, school: str) -> bool:
    return _any(db, sa.func.upper(coupons.c.code) == value.upper(), coupons.c.school == school)


def owns_customer(db: Db, value: str, school: str) -> bool:
    bought = customers.c.merchant_order_id == payments.c.merchant_order_id
    return _any(db, customers.c.email == value, bought, payments.c.school == school)


def owns_message(db: Db, message_id: int, school: str) -> bool:
    about = messages.c.merchant_order_id == payments.c.merchant_order_id
    return _any(db, messages.c.id == message_id, about, payments.c.school == school)


def owns_operator(db: Db, operator_id: int, school: str) -> bool:
    return _any(db, operators.c.id == operator_id, operators.c.school == school)


def owns_key(db: Db, key_id: int, school: str) -> bool:
    return _any(db, api_keys.c.id == key_id, api_keys.c.school == school)


def _any(db: Db, *conditions: sa.ColumnElement[Any]) -> bool:
    return db.execute(sa.select(sa.literal(1)).where(*conditions).limit(1)).first() is not None
