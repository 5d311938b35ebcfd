"""Signed-in browsers, one-time links and the count of attempts. Of every secret only a digest is kept: who reads the
database cannot sign in with what stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.operator_tables import attempts, half_sessions, invitations, sessions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kelaspay.store.database import Db


def add_session(db: Db, digest: str, operator_id: int, now: datetime) -> None:
    db.execute(sa.insert(sessions).values(digest=digest, operator_id=operator_id, made_at=now, seen_at=now))


def find_session(db: Db, digest: str, *, made_after: datetime, seen_after: datetime) -> tuple[int, datetime] | None:
    """Whose session it is and when it was last seen; None when there is none or it has ended."""
    row = db.execute(
        sa.select(sessions.c.operator_id, sessions.c.seen_at).where(
            sessions.c.digest == digest, sessions.c.made_at > made_after, sessions.c.seen_at > seen_after
        )
    ).one_or_none()
    return None if row is None else (row.operator_id, row.seen_at)


def touch_session(db: Db, digest: str, now: datetime) -> None:
    db.execute(sa.update(sessions).where(sessions.c.digest == digest).values(seen_at=now))


def end_session(db: Db, digest: str) -> None:
    db.execute(sa.delete(sessions).where(sessions.c.digest == digest))


def end_sessions_of(db: Db, operator_id: int) -> None:
    """Those included that wait for a code."""
    for table in (sessions, half_sessions):
        db.execute(sa.delete(table).where(table.c.operator_id == operator_id))


def end_old_sessions(db: Db, before: datetime) -> None:
    db.execute(sa.delete(sessions).where(sessions.c.seen_at < before))


def add_invitation(db: Db, digest: str, operator_id: int, expires_at: datetime) -> None:
    """A one-time link; it takes the place of earlier ones for the same operator."""
    db.execute(sa.delete(invitations).where(invitations.c.operator_id == operator_id))
    db.execute(sa.insert(invitations).values(digest=digest, operator_id=operator_id, expires_at=expires_at))


def find_invitation(db: Db, digest: str, now: datetime) -> int | None:
    """Whom the link is for, while it holds."""
    query = sa.select(invitations.c.operator_id).where(invitations.c.digest == digest, invitations.c.expires_at > now)
    return db.execute(query).scalar_one_or_none()


def use_invitation(db: Db, digest: str) -> bool:
    """True for one caller only."""
    return db.execute(sa.delete(invitations).where(invitations.c.digest == digest)).rowcount == 1


def end_invitations_of(db: Db, operator_id: int) -> None:
    db.execute(sa.delete(invitations).where(invitations.c.operator_id == operator_id))


def count_attempt(db: Db, keys: Iterable[str], now: datetime, since: datetime) -> dict[str, int]:
    """Note an attempt under each key; returned is how many there were since then, this one included."""
    keys = sorted(keys)
    db.execute(sa.delete(attempts).where(attempts.c.at < since))
    db.execute(sa.insert(attempts), [{"key": key, "at": now} for key in keys])
    counted = db.execute(
        sa.select(attempts.c.key, sa.func.count()).where(attempts.c.key.in_(keys)).group_by(attempts.c.key)
    )
    return {row[0]: int(row[1]) for row in counted}


def forget_attempts(db: Db, key: str) -> None:
    db.execute(sa.delete(attempts).where(attempts.c.key == key))
