"""What else is kept about one payment: what was paid for it, and operators' notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.inbox import of_orders
from kelaspay.store.operator_tables import notes
from kelaspay.store.tables import inbox

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


def receipts_of(db: Db, merchant_order_id: str) -> list[sa.Row[Any]]:
    """The callbacks about successful payments, oldest first."""
    return list(
        db.execute(
            sa.select(inbox).where(of_orders(merchant_order_id), inbox.c.result_code == "00").order_by(inbox.c.id)
        )
    )


def add_note(db: Db, merchant_order_id: str, operator: str, text: str, now: datetime) -> None:
    db.execute(sa.insert(notes).values(merchant_order_id=merchant_order_id, operator=operator, text=text, at=now))


def notes_of(db: Db, merchant_order_id: str) -> list[sa.Row[Any]]:
    return list(db.execute(sa.select(notes).where(notes.c.merchant_order_id == merchant_order_id).order_by(notes.c.id)))
