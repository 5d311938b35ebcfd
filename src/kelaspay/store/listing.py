"""The list of payments: searched, filtered and read page by page from where the last page ended, so that the thousandth
page costs what the first does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import phonenumbers
import sqlalchemy as sa

from kelaspay.payment import EnrollmentState, MerchantOrderId, Status
from kelaspay.store.console import Need, needing, only
from kelaspay.store.database import UtcDateTime
from kelaspay.store.tables import customers, enrollments, invoices, jobs, payments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from kelaspay.store.database import Database, Db

FEW = frozenset({Status.PAID, Status.REVIEW, Status.REFUNDED})
NAMES_AMONG = 5_000
"""Names are looked for among so many newest payments: no index finds a word in the middle of one."""
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which payments; None or "" asks for nothing."""

    q: str = ""
    status: str = ""
    access: str = ""
    need: Need | None = None
    offer: str = ""
    method: str = ""
    since: datetime | None = None
    until: datetime | None = None
    school: str | None = None


After = tuple["datetime", str]
"""Where a page ended: when its last payment was made, and its id."""

COLUMNS = (
    payments.c.merchant_order_id,
    payments.c.public_id,
    payments.c.school,
    payments.c.created_at,
    payments.c.offer,
    payments.c.product_details,
    payments.c.payment_amount,
    payments.c.amount_received,
    payments.c.payment_method,
    payments.c.status,
    payments.c.attention,
    payments.c.paid_at,
    payments.c.completed_at,
    payments.c.reference,
    payments.c.va_number,
    customers.c.name,
    customers.c.email,
    customers.c.phone,
    enrollments.c.state.label("access"),
    enrollments.c.user_id,
    enrollments.c.enrolled_at,
    jobs.c.fault,
)


def list_page(db: Db, wanted: Filter, *, after: After | None, limit: int, now: datetime) -> list[sa.Row[Any]]:
    """The newest `limit` payments that are asked for, made before `after`."""
    query = (
        sa.select(*COLUMNS)
        .select_from(payments)
        .outerjoin(customers, customers.c.merchant_order_id == payments.c.merchant_order_id)
        .outerjoin(enrollments, enrollments.c.merchant_order_id == payments.c.merchant_order_id)
        .outerjoin(jobs, jobs.c.merchant_order_id == payments.c.merchant_order_id)
        .where(*_conditions(wanted, now))
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
        .limit(limit)
    )
    if after is not None:
        made = sa.tuple_(payments.c.created_at, payments.c.merchant_order_id)
        query = query.where(made < sa.tuple_(sa.literal(after[0], UtcDateTime), sa.literal(after[1])))
    return list(db.execute(query))


def all_of(database: Database, page: Callable[..., list[sa.Row[Any]]]) -> Iterator[sa.Row[Any]]:
    """Every row of a list whose `page` takes `after` and `limit`, a chunk at a time. Each chunk is a transaction of its
    own, for whoever takes the rows may be slow.
    """
    after: After | None = None
    while True:
        with database.read() as db:
            rows = page(db, after=after, limit=CHUNK)
        if not rows:
            return
        yield from rows
        after = (rows[-1].created_at, rows[-1].merchant_order_id)


def own(db: Db, merchant_order_ids: list[str], school: str | None) -> list[MerchantOrderId]:
    """Those of these payments that there are, and that are this school's, or with None any's; newest first."""
    query = sa.select(payments.c.merchant_order_id).where(
        payments.c.merchant_order_id.in_(merchant_order_ids), only(payments.c.school, school)
    )
    ordered = query.order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
    return [MerchantOrderId(row.merchant_order_id) for row in db.execute(ordered)]


def methods(db: Db, school: str | None) -> list[str]:
    """The payment methods of the newest payments, to choose from."""
    made = (payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
    of_school = sa.select(payments.c.payment_method).where(only(payments.c.school, school))
    newest = of_school.order_by(*made).limit(CHUNK).subquery()
    query = sa.select(newest.c.payment_method).where(newest.c.payment_method.is_not(None)).distinct()
    return sorted(str(row[0]) for row in db.execute(query))


def _conditions(wanted: Filter, now: datetime) -> list[sa.ColumnElement[bool]]:
    # few are in these states: found by that, not among all that the offer sold
    offer = sa.func.coalesce(payments.c.offer, "") if wanted.status in FEW else payments.c.offer
    equal = [(payments.c.status, wanted.status), (offer, wanted.offer), (payments.c.payment_method, wanted.method)]
    conditions = [] if wanted.school is None else [payments.c.school == wanted.school]
    conditions += [column == value for column, value in equal if value]
    if wanted.access == "none":
        conditions.append(enrollments.c.state.is_(None))
    elif wanted.access == EnrollmentState.ENROLLED:  # most are: read by date, not by this
        conditions.append(sa.func.coalesce(enrollments.c.state, "") == wanted.access)
    elif wanted.access:
        few = sa.select(enrollments.c.merchant_order_id).where(enrollments.c.state == wanted.access)
        conditions.append(payments.c.merchant_order_id.in_(few))
    if wanted.need is not None:
        conditions.append(needing(wanted.need, now))
    if wanted.since is not None:
        conditions.append(payments.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(payments.c.created_at < wanted.until)
    if wanted.q.strip():
        conditions.append(payments.c.merchant_order_id.in_(found(wanted.q.strip(), wanted.school)))
    return conditions


def found(q: str, school: str | None) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """The ids of payments that a word of the operator's can mean: what it looks like decides where it is looked up."""
    if "@" in q:
        return sa.select(customers.c.merchant_order_id).where(customers.c.email == q.lower())
    if re.fullmatch(r"(?i)kp[0-9a-z]*-\S+", q):
        return sa.select(payments.c.merchant_order_id).where(payments.c.merchant_order_id == _order_id(q))
    exact = [
        sa.select(payments.c.merchant_order_id).where(payments.c.merchant_order_id == _order_id(q)),
        sa.select(payments.c.merchant_order_id).where(payments.c.reference == q),
    ]
    digits = re.sub(r"[\s().+-]", "", q)
    if digits.isdigit():
        exact.append(sa.select(invoices.c.merchant_order_id).where(invoices.c.va_number == digits))
        exact.append(sa.select(customers.c.merchant_order_id).where(customers.c.phone == _phone(q)))
        return sa.union(*exact)
    newest = (
        sa.select(payments.c.merchant_order_id)
        .where(only(payments.c.school, school))
        .order_by(payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
    )
    among = newest.limit(NAMES_AMONG).subquery()
    # each looked up by itself: as a join PostgreSQL reads every customer there is
    name = (
        sa.select(customers.c.name)
        .where(customers.c.merchant_order_id == among.c.merchant_order_id)
        .correlate(among)
        .scalar_subquery()
    )
    named = sa.select(among.c.merchant_order_id).where(name.icontains(q, autoescape=True))
    return sa.union(*exact, named)


def _order_id(q: str) -> str:
    return q[:2].upper() + q[2:].lower()


def _phone(q: str) -> str:
    """As it is kept, however it was typed."""
    try:
        number = phonenumbers.parse(q, "ID")
    except phonenumbers.NumberParseException:
        return q
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
