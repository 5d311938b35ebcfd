"""Who may use the console. A password is kept as its hash alone; an operator who was removed stays for the audit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.store.audit import EVERYWHERE
from kelaspay.store.console import only
from kelaspay.store.operator_tables import operators
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


class Role(StrEnum):
    OWNER = "owner"
    """May do everything, operators, keys and personal data included."""
    STAFF = "staff"
    """May do everything with payments and the catalogue."""


@dataclass(frozen=True, slots=True)
class Operator:
    id: int
    email: str
    name: str
    role: Role
    password_hash: str | None
    made_at: datetime
    school: str = EVERYWHERE
    """The school whose things they see; `EVERYWHERE` for all."""
    second_factor_at: datetime | None = None
    """Since when a code is asked besides the password; None for never."""

    @property
    def actor(self) -> str:
        """How a payment's story names them."""
        return f"operator {self.name}"


OPERATOR_COLUMNS = [operators.c[field.name] for field in fields(Operator)]


def add_operator(db: Db, *, email: str, name: str, role: Role, school: str, now: datetime) -> Operator:
    """A new operator, or one who was removed and comes back, without a password; one who is there stays as they are."""
    values = {"email": email, "name": name, "role": role, "school": school, "made_at": now}
    db.execute(upsert(db, operators).values(**values).on_conflict_do_nothing(index_elements=[operators.c.email]))
    back = {"name": name, "role": role, "school": school, "password_hash": None, "removed_at": None}
    removed = sa.and_(operators.c.email == email, operators.c.removed_at.is_not(None))
    db.execute(sa.update(operators).where(removed).values(**back))
    return _operator(db.execute(sa.select(*OPERATOR_COLUMNS).where(operators.c.email == email)).one())


def find_operator(db: Db, operator_id: int) -> Operator | None:
    return _found(db, operators.c.id == operator_id)


def find_by_email(db: Db, email: str) -> Operator | None:
    return _found(db, operators.c.email == email)


def list_operators(db: Db, school: str | None = None) -> list[Operator]:
    rows = db.execute(
        sa.select(*OPERATOR_COLUMNS)
        .where(operators.c.removed_at.is_(None), only(operators.c.school, school))
        .order_by(operators.c.made_at)
    )
    return [_operator(row) for row in rows]


def set_password(db: Db, operator_id: int, password_hash: str) -> None:
    db.execute(sa.update(operators).where(operators.c.id == operator_id).values(password_hash=password_hash))


def remove_operator(db: Db, operator_id: int, now: datetime) -> bool:
    """Take away the right to sign in; False when it is the last owner of all schools, or nobody."""
    others = sa.select(operators.c.id).where(
        operators.c.removed_at.is_(None),
        operators.c.role == Role.OWNER,
        operators.c.school == EVERYWHERE,
        operators.c.id != operator_id,
    )
    if db.execute(others.with_for_update()).first() is None:
        return False
    removed = (
        sa.update(operators)
        .where(operators.c.id == operator_id, operators.c.removed_at.is_(None))
        .values(removed_at=now, password_hash=None)
    )
    return db.execute(removed).rowcount == 1


def _found(db: Db, condition: sa.ColumnElement[bool]) -> Operator | None:
    query = sa.select(*OPERATOR_COLUMNS).where(condition, operators.c.removed_at.is_(None))
    row = db.execute(query).one_or_none()
    return None if row is None else _operator(row)


def _operator(row: sa.Row[Any]) -> Operator:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return Operator(**values | {"role": Role(values["role"])})
