"""The answers that a repeated request gets again: one row for each `Idempotency-Key` of an asker, there before anything
is done, with a lease for as long as somebody is doing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.database import database_clock
from kelaspay.store.program_tables import answers
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


def claim(
    db: Db, asker: str, key: str, *, school: str, digest: str, lease: float, now: datetime
) -> tuple[bool, sa.Row[Any]]:
    """The row of this key, and whether it is held for `lease` seconds by whoever asked: a new one is, and one whose
    holder stopped without an answer.
    """
    values = {"asker": asker, "key": key, "school": school, "digest": digest, "made_at": now}
    while True:
        held = _hold(db, values, lease)
        row = db.execute(sa.select(answers).where(_named(asker, key))).one_or_none()
        if row is not None:  # on PostgreSQL whoever had it may have let go of it since it was found taken
            return held, row


def _hold(db: Db, values: dict[str, Any], lease: float) -> bool:
    added = upsert(db, answers).values(**values, lease_until=database_clock() + lease).on_conflict_do_nothing()
    if db.execute(added.returning(answers.c.key)).first() is not None:
        return True
    over = sa.and_(answers.c.status.is_(None), answers.c.lease_until < database_clock())
    same = sa.and_(_named(values["asker"], values["key"]), answers.c.digest == values["digest"])
    taken = sa.update(answers).where(same, over)
    return db.execute(taken.values(lease_until=database_clock() + lease)).rowcount == 1


def set_subject(db: Db, asker: str, key: str, lease_until: float, subject: str) -> bool:
    """What this request made, for whoever takes it up; False when somebody has taken it up already."""
    return _write(db, asker, key, lease_until, subject=subject)


def set_answer(db: Db, asker: str, key: str, lease_until: float, status: int, body: str) -> bool:
    """Keep what was answered; False when somebody else has taken the request up."""
    return _write(db, asker, key, lease_until, status=status, body=body)


def let_go(db: Db, asker: str, key: str, lease_until: float) -> None:
    """Nothing came of it: the key is free again, but for a request that has made something, which may be taken up."""
    mine = sa.and_(_named(asker, key), answers.c.lease_until == lease_until, answers.c.status.is_(None))
    db.execute(sa.delete(answers).where(mine, answers.c.subject.is_(None)))
    db.execute(sa.update(answers).where(mine).values(lease_until=0.0))


def forget_answers(db: Db, made_before: datetime) -> None:
    """Drop the keys from before then, but for those that somebody is still at."""
    over = sa.or_(answers.c.status.is_not(None), answers.c.lease_until < database_clock())
    db.execute(sa.delete(answers).where(answers.c.made_at < made_before, over))


def _write(db: Db, asker: str, key: str, lease_until: float, **values: Any) -> bool:
    mine = sa.and_(_named(asker, key), answers.c.lease_until == lease_until, answers.c.status.is_(None))
    return db.execute(sa.update(answers).where(mine).values(**values)).rowcount == 1


def _named(asker: str, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(answers.c.asker == asker, answers.c.key == key)
