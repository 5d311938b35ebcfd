"""Lists for programs, page by page: newest first from where the last page ended, so that what comes in meanwhile moves
nothing, and one school's rows only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.database import UtcDateTime
from kelaspay.store.enrollments import ENROLLMENT_COLUMNS
from kelaspay.store.inbox import of_orders
from kelaspay.store.offers import OFFER_COLUMNS
from kelaspay.store.payments import PAYMENT_COLUMNS
from kelaspay.store.tables import customers, enrollments, inbox, offers, payments

if TYPE_CHECKING:
    from kelaspay.store.database import Db

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_MICROSECONDS = 250_000_000_000_000_000
"""Some thousands of years: as far as a time reaches."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: when its last row was made, or its number, and its name."""

    number: int
    name: str

    @property
    def time(self) -> datetime:
        return EPOCH + timedelta(microseconds=min(self.number, MOST_MICROSECONDS))

    @classmethod
    def at(cls, time: datetime, name: str) -> Place:
        return cls((time - EPOCH) // timedelta(microseconds=1), name)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which payments; None asks for nothing."""

    status: str | None = None
    offer: str | None = None
    email: str | None = None
    reference: str | None = None
    attention: bool | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


def payments_after(db: Db, school: str, wanted: Wanted, place: Place | None, limit: int) -> list[sa.Row[Any]]:
    """Payments with who pays, the newest first."""
    query = (
        sa.select(*PAYMENT_COLUMNS, customers.c.name, customers.c.email, customers.c.phone)
        .outerjoin(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
        .where(payments.c.school == school, *_conditions(wanted))
    )
    return _newest(db, query, place, limit)


def enrollments_after(
    db: Db, school: str, place: Place | None, limit: int, *, state: str | None, email: str | None
) -> list[sa.Row[Any]]:
    """Enrollments with the times of their payments, that of the newest payment first."""
    query = (
        sa.select(*ENROLLMENT_COLUMNS, payments.c.created_at, payments.c.offer)
        .join(payments, payments.c.merchant_order_id == enrollments.c.merchant_order_id)
        .where(payments.c.school == school)
    )
    if state is not None:
        query = query.where(enrollments.c.state == state)
    if email is not None:
        query = query.where(payments.c.merchant_order_id.in_(_orders_of(email)))
    return _newest(db, query, place, limit)


def events_after(
    db: Db, school: str, place: Place | None, limit: int, *, source: str | None, merchant_order_id: str | None
) -> list[sa.Row[Any]]:
    """Events without their bodies, the newest first."""
    query = sa.select(*[column for column in inbox.c if column.name != "body"]).where(inbox.c.school == school)
    if source is not None:
        query = query.where(inbox.c.source == source)
    if merchant_order_id is not None:
        query = query.where(of_orders(merchant_order_id))
    if place is not None:
        query = query.where(inbox.c.id < place.number)
    return list(db.execute(query.order_by(inbox.c.id.desc()).limit(limit)))


def offers_after(db: Db, school: str, place: Place | None, limit: int) -> list[sa.Row[Any]]:
    """Offers by slug, retired ones included."""
    query = sa.select(*OFFER_COLUMNS, offers.c.created_at, offers.c.updated_at).where(offers.c.school == school)
    if place is not None:
        query = query.where(offers.c.slug > place.name)
    return list(db.execute(query.order_by(offers.c.slug).limit(limit)))


def school_of_payment(db: Db, merchant_order_id: str) -> str | None:
    return db.execute(
        sa.select(payments.c.school).where(payments.c.merchant_order_id == merchant_order_id)
    ).scalar_one_or_none()


def find_offer_row(db: Db, school: str, slug: str) -> sa.Row[Any] | None:
    query: sa.Select[Any] = sa.select(*OFFER_COLUMNS, offers.c.created_at, offers.c.updated_at)
    return db.execute(query.where(offers.c.school == school, offers.c.slug == slug)).one_or_none()


def _newest(db: Db, query: sa.Select[Any], place: Place | None, limit: int) -> list[sa.Row[Any]]:
    if place is not None:
        made = sa.tuple_(payments.c.created_at, payments.c.merchant_order_id)
        query = query.where(made < sa.tuple_(sa.literal(place.time, UtcDateTime), sa.literal(place.name)))
    ordered = query.order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
    return list(db.execute(ordered.limit(limit)))


def _orders_of(email: str) -> sa.Select[Any]:
    return sa.select(customers.c.merchant_order_id).where(customers.c.email == email)


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    equal = {payments.c.status: wanted.status, payments.c.offer: wanted.offer, payments.c.reference: wanted.reference}
    conditions: list[sa.ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.email is not None:
        conditions.append(payments.c.merchant_order_id.in_(_orders_of(wanted.email)))
    if wanted.attention is not None:
        flagged = payments.c.attention.is_not(None)
        conditions.append(flagged if wanted.attention else sa.not_(flagged))
    if wanted.created_from is not None:
        conditions.append(payments.c.created_at >= wanted.created_from)
    if wanted.created_until is not None:
        conditions.append(payments.c.created_at < wanted.created_until)
    return conditions
