"""What is shown of the reasons why a person should look at a payment, where the story has more than one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import Attention, Status
from kelaspay.store.tables import payments, story

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Db

STOPS = [each for each in Attention if each not in Attention.PAID_TWICE.hides()]
"""The reasons that stop the work."""


def without_stop() -> dict[str, Any]:
    """Values that take off why no access could be given, in the statement that moves the payment on without any."""
    moot = sa.and_(payments.c.status == Status.REVIEW, payments.c.attention.in_(STOPS))
    return {
        "attention": sa.case((moot, None), else_=payments.c.attention),
        "attention_text": sa.case((moot, None), else_=payments.c.attention_text),
    }


def show_hidden(db: Db, merchant_order_id: MerchantOrderId) -> None:
    """Show that money came twice, where a more pressing reason hid it that is gone, and no person has settled it."""
    its = story.c.merchant_order_id == merchant_order_id
    told = sa.select(story.c.id, story.c.text).where(its, story.c.what == Attention.PAID_TWICE)
    said = db.execute(told.order_by(story.c.id.desc()).limit(1)).first()
    if said is None or _settled(db, merchant_order_id, Attention.PAID_TWICE, said.id):
        return
    free = sa.or_(payments.c.attention.is_(None), payments.c.attention.in_(Attention.PAID_TWICE.hides()))
    shown = sa.update(payments).where(payments.c.merchant_order_id == merchant_order_id, free)
    db.execute(shown.values(attention=Attention.PAID_TWICE, attention_text=said.text))


def settled_since(db: Db, merchant_order_id: MerchantOrderId, attention: Attention, text: str) -> bool:
    """Whether a person has settled exactly this, which was flagged before."""
    said = sa.select(sa.func.max(story.c.id)).where(
        story.c.merchant_order_id == merchant_order_id, story.c.what == attention, story.c.text == text
    )
    line = db.execute(said).scalar()
    return line is not None and _settled(db, merchant_order_id, attention, line)


def _settled(db: Db, merchant_order_id: MerchantOrderId, attention: Attention, line: int) -> bool:
    """Whether a person has settled what this line of the story says; the words of `review.settle` begin with it."""
    settled = sa.select(story.c.id).where(
        story.c.merchant_order_id == merchant_order_id,
        story.c.what == "settled",
        story.c.id > line,
        story.c.text.startswith(f"{attention}:", autoescape=True),
    )
    return db.execute(settled.limit(1)).first() is not None
