"""What a database knows of having been made from a copy: a line in the story of each payment under way then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.payment import Status
from kelaspay.store.tables import jobs, payments, story

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db

RESTORED = "restored"
ADOPTED = "adopted"
"""An order that the copy did not hold: taken up by a person, who cannot know how far it was."""


def tell_all(db: Db, at: datetime) -> int:
    """Tell every payment that is not at its end, or whose work is not; what the copy says of it may be older than what
    happened. Returned is how many there are.
    """
    working = sa.select(jobs.c.merchant_order_id).where(jobs.c.active)
    open_ones = sa.or_(
        payments.c.status.not_in([Status.COMPLETED, Status.REFUNDED]), payments.c.merchant_order_id.in_(working)
    )
    under_way = sa.select(
        payments.c.merchant_order_id,
        sa.literal(at, story.c.at.type),
        sa.literal("kelaspay"),
        sa.literal(RESTORED),
    ).where(open_ones)
    db.execute(sa.insert(story).from_select(["merchant_order_id", "at", "actor", "what"], under_way))
    return db.execute(sa.select(sa.func.count()).where(open_ones)).scalar_one()


def was_under_way(db: Db, merchant_order_id: str) -> bool:
    """Whether this payment was under way when the database was made from a copy, or is not in that copy at all."""
    its = story.c.merchant_order_id == merchant_order_id
    told = sa.select(story.c.id).where(its, story.c.what.in_([RESTORED, ADOPTED]))
    return db.execute(told.limit(1)).first() is not None


def refund_was_under_way(db: Db, merchant_order_id: str) -> bool:
    """Whether this payment was refunded and its work not through when the database was made from a copy."""
    its = story.c.merchant_order_id == merchant_order_id
    refunded = sa.select(sa.func.max(story.c.id)).where(its, story.c.what == Status.REFUNDED).scalar_subquery()
    told = sa.select(story.c.id).where(its, story.c.what == RESTORED, story.c.id > refunded)
    return db.execute(told.limit(1)).first() is not None
