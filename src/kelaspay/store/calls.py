"""What was asked of Duitku and Thinkific for a payment, and what they answered, as far as it may be kept."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.operator_tables import calls

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db

MOST = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request with its answer, both without what is secret or personal; `status` is None where none came."""

    merchant_order_id: str
    at: datetime
    whom: str
    """duitku or thinkific."""
    method: str
    path: str
    asked: str | None
    status: int | None
    answer: str | None
    milliseconds: int


NAMES = tuple(field.name for field in fields(Call))


def add_call(db: Db, call: Call) -> None:
    db.execute(sa.insert(calls), {name: getattr(call, name) for name in NAMES})


def calls_of(db: Db, merchant_order_id: str) -> list[Call]:
    """The newest, oldest first."""
    query = sa.select(calls).where(calls.c.merchant_order_id == merchant_order_id)
    rows = db.execute(query.order_by(calls.c.id.desc()).limit(MOST)).all()
    return [_call(row) for row in reversed(rows)]


def forget_calls(db: Db, merchant_order_ids: list[Any]) -> None:
    """Take out what was said for these payments; that it was said, and how long it took, stays."""
    db.execute(
        sa.update(calls).where(calls.c.merchant_order_id.in_(merchant_order_ids)).values(asked=None, answer=None)
    )


def _call(row: sa.Row[Any]) -> Call:
    return Call(**{name: getattr(row, name) for name in NAMES})
