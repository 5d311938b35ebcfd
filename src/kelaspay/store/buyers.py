"""What a buyer sees of all their orders, and the codes with which they prove to be who they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.buyer_tables import buyer_codes
from kelaspay.store.payments import PAYMENT_COLUMNS
from kelaspay.store.tables import customers, enrollments, payments
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db

MOST_ORDERS = 100
"""Of one address, or made by one browser: their public ids go into a cookie, of which it keeps 4096 bytes."""
A_DAY = timedelta(days=1)


def orders_of(db: Db, email: str) -> list[sa.Row[Any]]:
    """This address's orders, the newest first, with what they gave."""
    query = (
        sa.select(
            *PAYMENT_COLUMNS,
            enrollments.c.state.label("access"),
            enrollments.c.expiry_date,
            enrollments.c.revoke_wanted,
        )
        .join(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
        .outerjoin(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
        .where(customers.c.email == email)
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
        .limit(MOST_ORDERS)
    )
    return list(db.execute(query))


def public_ids_of(db: Db, email: str) -> list[str]:
    """The same orders by their public ids alone."""
    query = (
        sa.select(payments.c.public_id)
        .join(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
        .where(customers.c.email == email)
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
        .limit(MOST_ORDERS)
    )
    return list(db.execute(query).scalars())


def newest_order(db: Db, email: str) -> str | None:
    found = orders_of(db, email)
    return str(found[0].merchant_order_id) if found else None


def put_code(db: Db, who: str, code: str, expires_at: datetime, now: datetime) -> int:
    """Keep the digest of a code in place of an earlier one; returned is how many this address had within a day."""
    db.execute(sa.delete(buyer_codes).where(buyer_codes.c.first_at <= now - A_DAY))
    insert = upsert(db, buyer_codes)
    fresh = {"code": code, "expires_at": expires_at, "tries": 0}
    db.execute(
        insert.values(who=who, first_at=now, sends=1, **fresh).on_conflict_do_update(
            index_elements=[buyer_codes.c.who], set_=fresh | {"sends": buyer_codes.c.sends + 1}
        )
    )
    return int(db.execute(sa.select(buyer_codes.c.sends).where(buyer_codes.c.who == who)).scalar_one())


def use_code(db: Db, who: str, code: str, most_tries: int, now: datetime) -> bool:
    """Whether it is the code; then it is used up. Every try is counted by the statement that allows it."""
    good = sa.and_(
        buyer_codes.c.who == who,
        buyer_codes.c.code.is_not(None),
        buyer_codes.c.expires_at > now,
        buyer_codes.c.tries < most_tries,
    )
    if db.execute(sa.update(buyer_codes).where(good).values(tries=buyer_codes.c.tries + 1)).rowcount != 1:
        return False
    its = sa.and_(buyer_codes.c.who == who, buyer_codes.c.code == code)
    return db.execute(sa.update(buyer_codes).where(its).values(code=None)).rowcount == 1


def email_wanted(db: Db, merchant_order_id: str) -> str | None:
    """The address to which its buyer wants the access instead."""
    wanted = sa.select(customers.c.email_wanted).where(customers.c.merchant_order_id == merchant_order_id)
    return db.execute(wanted).scalar_one_or_none()


def want_email(db: Db, merchant_order_id: str, address: str | None) -> None:
    """Keep it until a person decides; with None it is decided."""
    its = customers.c.merchant_order_id == merchant_order_id
    db.execute(sa.update(customers).where(its).values(email_wanted=address))
