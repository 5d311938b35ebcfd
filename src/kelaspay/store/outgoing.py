"""Messages to all buyers, listed for an operator from where the last page ended, and those that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.console import only
from kelaspay.store.messages import State
from kelaspay.store.tables import messages

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db

SIGN_IN = "sign_in:"
MOST_AT_ONCE = 500
"""For how many it is done at once: what a person can answer for."""
LETTERLESS = [column for column in messages.c if column.name not in {"text", "html", "blank"}]


def list_outgoing(
    db: Db, school: str | None, *, state: str, kinds: list[str], before: int | None, limit: int, order_id: str = ""
) -> list[sa.Row[Any]]:
    """The newest first, without what they say; no `kinds` means all. Each kind is read by itself up to the limit, so
    that the index gives it in order.
    """
    if state in {State.FAILED, State.WAITING}:  # few, and each with an index of its own: found by that, not by school
        conditions = [only(messages.c.school, school), messages.c.state == state]
    else:
        conditions = [] if school is None else [messages.c.school == school]
        conditions += [messages.c.state == state] if state else []
    if order_id:
        conditions.append(messages.c.merchant_order_id == order_id)
    if before is not None:
        conditions.append(messages.c.id < before)
    newest = sa.select(messages.c.id).where(*conditions).order_by(messages.c.id.desc()).limit(limit)
    if not kinds:
        ids: sa.Select[Any] | sa.CompoundSelect[Any] = newest
    else:
        ids = sa.union_all(*(sa.select(newest.where(_of(kind)).subquery()) for kind in kinds))
    wanted = sa.select(*LETTERLESS).where(messages.c.id.in_(ids))
    return list(db.execute(wanted.order_by(messages.c.id.desc()).limit(limit)))


def find_outgoing(db: Db, message_id: int) -> sa.Row[Any] | None:
    """One, without what it says."""
    return db.execute(sa.select(*LETTERLESS).where(messages.c.id == message_id)).one_or_none()


def count_failed(db: Db, school: str | None) -> int:
    return db.execute(sa.select(sa.func.count()).select_from(messages).where(*_failed(school))).scalar_one()


def resend_failed(db: Db, school: str | None, now: datetime, most: int) -> int:
    """Have those that failed made and sent once more, the oldest first; returned is how many."""
    first = sa.select(messages.c.id).where(*_failed(school)).order_by(messages.c.id).limit(most)
    fresh = {"state": State.WAITING, "due_at": now, "attempts": 0, "fault": None}
    return db.execute(sa.update(messages).where(messages.c.id.in_(first)).values(**fresh)).rowcount


def _failed(school: str | None) -> list[sa.ColumnElement[bool]]:
    """A code is never sent twice: the buyer asks for another."""
    repeatable = sa.not_(messages.c.kind.startswith(SIGN_IN, autoescape=True))
    return [messages.c.state == State.FAILED, repeatable, only(messages.c.school, school)]


def _of(kind: str) -> sa.ColumnElement[bool]:
    """What stands after a colon makes messages of one kind different ones."""
    if kind.endswith(":"):
        return sa.and_(messages.c.kind >= kind, messages.c.kind < f"{kind[:-1]};")
    return messages.c.kind == kind
