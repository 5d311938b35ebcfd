"""What operators set otherwise than by default, as numbers by name: a school's quiet hours, and for how many days the
whole service keeps what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.operator_tables import preferences
from kelaspay.store.tables import payments
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kelaspay.store.database import Db

QUIET_FROM, QUIET_UNTIL = "quiet_from", "quiet_until"
EVENING, MORNING = 20, 8
"""Between these hours, WIB, reminders wait for the morning where a school says nothing else."""

Hours = tuple[int, int]
"""From which hour of the day until which it is quiet; the same twice for never."""


def read_preferences(db: Db, school: str) -> dict[str, int]:
    rows = db.execute(sa.select(preferences.c.name, preferences.c.value).where(preferences.c.school == school))
    return {row.name: row.value for row in rows}


def put_preferences(db: Db, school: str, values: Mapping[str, int], now: datetime) -> None:
    """Set these and leave the others; the same again changes nothing but the time."""
    insert = upsert(db, preferences)
    rows = [{"school": school, "name": name, "value": value, "changed_at": now} for name, value in values.items()]
    statement = insert.values(rows)
    new = {"value": statement.excluded.value, "changed_at": statement.excluded.changed_at}
    db.execute(statement.on_conflict_do_update(index_elements=list(preferences.primary_key.columns), set_=new))


def quiet_hours(db: Db, school: str) -> Hours:
    return _hours(read_preferences(db, school))


def quiet_hours_of(db: Db, merchant_order_id: str) -> Hours:
    """Those of the school that sold it."""
    its = sa.select(payments.c.school).where(payments.c.merchant_order_id == merchant_order_id).scalar_subquery()
    rows = db.execute(sa.select(preferences.c.name, preferences.c.value).where(preferences.c.school == its))
    return _hours({row.name: row.value for row in rows})


def _hours(told: Mapping[str, int]) -> Hours:
    return told.get(QUIET_FROM, EVENING), told.get(QUIET_UNTIL, MORNING)
