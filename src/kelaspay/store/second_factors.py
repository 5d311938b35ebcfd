"""What an operator signs in with besides the password: the sealed key of their app, the last code of it that was used,
and recovery codes, of which only digests are kept. Each statement that uses something up is true for one caller only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.audit import EVERYWHERE
from kelaspay.store.operator_tables import half_sessions, operators, recovery_codes
from kelaspay.store.preferences import read_preferences

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kelaspay.store.database import Db

DEMANDED = "second_factor"
"""The preference by which a school, or the whole service, demands one of everybody."""


def is_demanded(db: Db, school: str) -> bool:
    """Of a school's operators, by the school or by the service; by the service alone of who sees all schools."""
    return any(read_preferences(db, each).get(DEMANDED) for each in {EVERYWHERE, school})


def put_secret(db: Db, operator_id: int, sealed: bytes) -> None:
    """A key that is not in use yet; it never takes the place of one that is."""
    off = sa.and_(operators.c.id == operator_id, operators.c.second_factor_at.is_(None))
    db.execute(sa.update(operators).where(off).values(totp_secret=sealed, totp_step=None))


def secret_of(db: Db, operator_id: int) -> bytes | None:
    kept: bytes | None = db.execute(
        sa.select(operators.c.totp_secret).where(operators.c.id == operator_id)
    ).scalar_one_or_none()
    return kept


def turn_on(db: Db, operator_id: int, now: datetime) -> bool:
    off = sa.and_(
        operators.c.id == operator_id, operators.c.second_factor_at.is_(None), operators.c.totp_secret.is_not(None)
    )
    return db.execute(sa.update(operators).where(off).values(second_factor_at=now)).rowcount == 1


def turn_off(db: Db, operator_id: int) -> bool:
    """Forget the key and the recovery codes; False when there was none in use."""
    was_on = operators.c.id == operator_id, operators.c.second_factor_at.is_not(None)
    found = db.execute(sa.select(operators.c.id).where(*was_on)).first() is not None
    nothing = dict.fromkeys(("totp_secret", "totp_step", "second_factor_at"))
    db.execute(sa.update(operators).where(operators.c.id == operator_id).values(**nothing))
    db.execute(sa.delete(recovery_codes).where(recovery_codes.c.operator_id == operator_id))
    return found


def use_step(db: Db, operator_id: int, step: int) -> bool:
    """Note that the code of this half minute was used; False when it, or a later one, was used before."""
    newer = sa.or_(operators.c.totp_step.is_(None), operators.c.totp_step < step)
    used = sa.update(operators).where(operators.c.id == operator_id, newer).values(totp_step=step)
    return db.execute(used).rowcount == 1


def put_recovery_codes(db: Db, operator_id: int, digests: Iterable[str]) -> None:
    """In place of those of before."""
    db.execute(sa.delete(recovery_codes).where(recovery_codes.c.operator_id == operator_id))
    db.execute(sa.insert(recovery_codes), [{"operator_id": operator_id, "digest": each} for each in digests])


def use_recovery_code(db: Db, operator_id: int, digest: str) -> bool:
    its = sa.and_(recovery_codes.c.operator_id == operator_id, recovery_codes.c.digest == digest)
    return db.execute(sa.delete(recovery_codes).where(its)).rowcount == 1


def count_recovery_codes(db: Db, operator_id: int) -> int:
    query = sa.select(sa.func.count()).where(recovery_codes.c.operator_id == operator_id)
    return int(db.execute(query).scalar_one())


def add_half_session(db: Db, digest: str, operator_id: int, now: datetime) -> None:
    """The password was right, and the code is still to come."""
    db.execute(sa.insert(half_sessions).values(digest=digest, operator_id=operator_id, made_at=now))


def find_half_session(db: Db, digest: str, made_after: datetime) -> int | None:
    """Whose it is, while it holds."""
    query = sa.select(half_sessions.c.operator_id).where(
        half_sessions.c.digest == digest, half_sessions.c.made_at > made_after
    )
    return db.execute(query).scalar_one_or_none()


def use_half_session(db: Db, digest: str) -> bool:
    return db.execute(sa.delete(half_sessions).where(half_sessions.c.digest == digest)).rowcount == 1
