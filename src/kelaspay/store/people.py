"""What is kept about one person, over all their orders; and forgetting it. Amounts and ids are never forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import ERASED, Status
from kelaspay.store.calls import forget_calls
from kelaspay.store.console import only
from kelaspay.store.inbox import of_orders
from kelaspay.store.listing import list_page
from kelaspay.store.messages import State
from kelaspay.store.operator_tables import notes
from kelaspay.store.tables import customers, enrollments, inbox, messages, payments, story, users

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Db
    from kelaspay.store.listing import Filter

NOBODY_NAME = "-"
MAIL_HOSTS = ("gmail.com", "yahoo.com", "yahoo.co.id", "hotmail.com", "outlook.com", "icloud.com", "ymail.com")
MOST_ORDERS = 500


def orders_of(db: Db, school: str | None, email: str) -> list[sa.Row[Any]]:
    """Every order of this address, newest first, with what it gave."""
    query = (
        sa.select(
            *payments.c,
            customers.c.name,
            customers.c.email,
            customers.c.phone,
            enrollments.c.state.label("access"),
            enrollments.c.user_id,
            enrollments.c.expiry_date,
        )
        .select_from(payments)
        .join(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
        .outerjoin(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
        .where(customers.c.email == email, only(payments.c.school, school))
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
        .limit(MOST_ORDERS)
    )
    return list(db.execute(query))


@dataclass(frozen=True, slots=True)
class Person:
    """An address with what its newest orders say."""

    email: str
    name: str
    phone: str
    orders: int
    last_at: datetime


def search(db: Db, wanted: Filter, *, among: int, now: datetime) -> list[Person]:
    """The people behind the newest `among` payments that are asked for; who was erased is nobody."""
    found: dict[str, list[Any]] = {}
    for row in list_page(db, wanted, after=None, limit=among, now=now):
        found.setdefault(row.email or "", []).append(row)
    return [
        Person(email, of[0].name, of[0].phone, len(of), of[0].created_at)
        for email, of in found.items()
        if email and not email.endswith(f"@{ERASED}")
    ]


def look_alikes(db: Db, school: str | None, email: str) -> list[str]:
    """Other addresses that may be the same person's: the same phone number, or the same name at another mail host.

    They are shown and nothing more: who is who is for a person to say.
    """
    local, _, host = email.partition("@")
    phones = sa.select(customers.c.phone).where(customers.c.email == email)
    elsewhere = [f"{local}@{other}" for other in MAIL_HOSTS if other != host]
    # two looks at two indices: of "one or the other" PostgreSQL makes a walk over everybody
    query = sa.union(
        *(_others(school, email, alike) for alike in (customers.c.phone.in_(phones), customers.c.email.in_(elsewhere)))
    )
    return [row.email for row in db.execute(query.order_by("email").limit(20)) if not row.email.endswith(f"@{ERASED}")]


def _others(school: str | None, email: str, alike: sa.ColumnElement[bool]) -> sa.Select[tuple[str]]:
    query = sa.select(customers.c.email).where(alike, customers.c.email != email)
    if school is not None:
        query = query.join_from(customers, payments).where(payments.c.school == school)
    return query


def under_way(db: Db, school: str | None, email: str, now: datetime) -> int:
    """How many of this address's orders still need to know who the buyer is."""
    waiting = sa.and_(payments.c.status == Status.PENDING, payments.c.expires_at > now)
    query = (
        sa.select(sa.func.count())
        .select_from(payments.join(customers, customers.c.merchant_order_id == payments.c.merchant_order_id))
        .where(
            customers.c.email == email,
            only(payments.c.school, school),
            sa.or_(waiting, payments.c.status.in_([Status.PAID, Status.REVIEW])),
        )
    )
    return db.execute(query).scalar_one()


def order_ids_of(db: Db, school: str | None, email: str) -> list[MerchantOrderId]:
    """Every order of this address, however many."""
    query = sa.select(payments.c.merchant_order_id).join(
        customers, customers.c.merchant_order_id == payments.c.merchant_order_id
    )
    return list(db.execute(query.where(customers.c.email == email, only(payments.c.school, school))).scalars())


def forget_person(db: Db, school: str | None, email: str, now: datetime, actor: str) -> list[MerchantOrderId]:
    """Take name, address and phone number out of everything kept; returned are the orders that had them."""
    order_ids = order_ids_of(db, school, email)
    for at in range(0, len(order_ids), MOST_ORDERS):  # as many as a statement may name
        _forget_orders(db, order_ids[at : at + MOST_ORDERS], now, actor)
    db.execute(sa.delete(users).where(users.c.email == email, only(users.c.school, school)))
    _forget_in_others(db, school, email)
    _forget_in_webhooks(db, email)
    return order_ids


def _forget_orders(db: Db, order_ids: list[MerchantOrderId], now: datetime, actor: str) -> None:
    nobody = {
        "name": NOBODY_NAME,
        "phone": "",
        "email": customers.c.merchant_order_id + f"@{ERASED}",
        "changed_at": now,
        "email_wanted": None,
    }
    db.execute(sa.update(customers).where(customers.c.merchant_order_id.in_(order_ids)).values(**nobody))
    db.execute(sa.delete(notes).where(notes.c.merchant_order_id.in_(order_ids)))
    unsaid = dict.fromkeys(("blank", "recipient", "subject", "text", "html"))
    db.execute(
        sa.update(messages).where(messages.c.merchant_order_id.in_(order_ids)).values(**unsaid, state=State.DROPPED)
    )
    db.execute(sa.update(inbox).where(of_orders(*order_ids)).values(body=b""))
    forget_calls(db, order_ids)
    addressed = sa.and_(story.c.merchant_order_id.in_(order_ids), story.c.what == "email_changed")
    db.execute(sa.update(story).where(addressed).values(text=None))
    told: dict[str, Any] = {"at": now, "actor": actor, "what": "erased", "text": None}
    db.execute(sa.insert(story), [told | {"merchant_order_id": order_id} for order_id in order_ids])


def _forget_in_others(db: Db, school: str | None, email: str) -> None:
    """Orders of others name an address too: one that they were given away from, or that a buyer asked for."""
    theirs = sa.select(payments.c.merchant_order_id).where(only(payments.c.school, school))
    named = sa.or_(
        story.c.text.startswith(f"{email} ", autoescape=True), story.c.text.endswith(f" {email}", autoescape=True)
    )
    lines = sa.and_(story.c.what == "email_changed", named, story.c.merchant_order_id.in_(theirs))
    db.execute(sa.update(story).where(lines).values(text=None))
    asked = sa.and_(customers.c.email_wanted == email, customers.c.merchant_order_id.in_(theirs))
    db.execute(sa.update(customers).where(asked).values(email_wanted=None))


def _forget_in_webhooks(db: Db, email: str) -> None:
    """Thinkific's webhooks tell of learners by address and of no order: their bodies are looked through."""
    rest = sa.select(inbox.c.id, inbox.c.body).where(
        inbox.c.merchant_order_id.is_(None), inbox.c.started_at.is_not(None), inbox.c.body != b""
    )
    named = [row.id for row in db.execute(rest) if email.encode() in bytes(row.body).lower()]
    for at in range(0, len(named), MOST_ORDERS):
        db.execute(sa.update(inbox).where(inbox.c.id.in_(named[at : at + MOST_ORDERS])).values(body=b""))
