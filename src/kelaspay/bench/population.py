"""Payments by the thousand or by the million, inserted in bulk: what a store of that age holds, and orders to call
back for. Most were completed long ago; those that callbacks name still wait to be paid.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.bench.load import AMOUNT
from kelaspay.payment import EnrollmentState, Status
from kelaspay.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kelaspay.store.database import Database

CHUNK = 10_000
DIGITS = 8
COURSE_ID, PRODUCT_ID = 101, 201
OFFER = "web-fundamentals"
DETAILS = "Web Development Fundamentals"
APART = timedelta(minutes=1)
"""Between two purchases; a million of them is two years' trade."""


def waiting_ids(count: int, mark: str = "W") -> list[str]:
    """The ids of payments that wait to be paid."""
    return [f"KLP-BENCH-{mark}{number:08d}" for number in range(count)]


def populate(database: Database, *, waiting: list[str], completed: int, now: datetime) -> None:
    """Insert so many payments that are done with, their customers, jobs and enrollments; and those that wait."""
    for chunk in _chunks(completed):
        _insert(database, [_payment(f"KLP-BENCH-D{n:0{DIGITS}d}", now - APART * (n + 1), done=True) for n in chunk])
    for chunk in _chunks(len(waiting)):
        _insert(database, [_payment(waiting[n], now, done=False) for n in chunk])
    if database.postgresql:  # as autovacuum does; a file of SQLite is never analyzed
        with database.begin() as db:
            db.execute(sa.text("ANALYZE"))


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, CHUNK):
        yield range(start, min(start + CHUNK, count))


def _insert(database: Database, payments: list[dict[str, Any]]) -> None:
    done = [each for each in payments if each["status"] is Status.COMPLETED]
    with database.begin() as db:
        db.execute(sa.insert(tables.payments), payments)
        db.execute(sa.insert(tables.customers), [_customer(each["merchant_order_id"]) for each in payments])
        if done:
            db.execute(sa.insert(tables.jobs), [_job(each) for each in done])
            db.execute(sa.insert(tables.enrollments), [_enrollment(each) for each in done])
            db.execute(sa.insert(tables.story), [_line(each) for each in done])


def _payment(order_id: str, made: datetime, *, done: bool) -> dict[str, Any]:
    return {
        "merchant_order_id": order_id,
        "public_id": f"public-{order_id}",
        "offer": OFFER,
        "product_details": DETAILS,
        "payment_amount": int(AMOUNT),
        "status": Status.COMPLETED if done else Status.PENDING,
        "course_id": COURSE_ID,
        "product_id": PRODUCT_ID,
        "reference": f"D{order_id}",
        "payment_url": f"https://pay.test/{order_id}",
        "created_at": made,
        "expires_at": made + timedelta(days=1),
        "paid_at": made if done else None,
        "completed_at": made if done else None,
    }


def _customer(order_id: str) -> dict[str, Any]:
    return {
        "merchant_order_id": order_id,
        "name": "Siti Rahmawati",
        "email": f"{order_id.lower()}@example.com",
        "phone": "+6281234567890",
    }


def _job(payment: dict[str, Any]) -> dict[str, Any]:
    return {
        "merchant_order_id": payment["merchant_order_id"],
        "run": 1,
        "active": False,
        "wake_at": payment["paid_at"],
        "attempts": 0,
    }


def _enrollment(payment: dict[str, Any]) -> dict[str, Any]:
    number = int(str(payment["merchant_order_id"])[-DIGITS:]) + 1
    return {
        "merchant_order_id": payment["merchant_order_id"],
        "state": EnrollmentState.ENROLLED,
        "user_id": number,  # a database that knows of one user only takes no index on users
        "course_id": COURSE_ID,
        "enrollment_id": str(number),
        "enrolled_at": payment["paid_at"],
    }


def _line(payment: dict[str, Any]) -> dict[str, Any]:
    return {
        "merchant_order_id": payment["merchant_order_id"],
        "at": payment["paid_at"],
        "actor": "kelaspay",
        "what": "completed",
    }
