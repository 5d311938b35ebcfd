"""Until when Duitku has blocked a merchant for asking too often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.operator_tables import duitku_blocks
from kelaspay.store.upsert import upsert

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.store.database import Db


def blocked_until(db: Db, merchant_code: str) -> datetime | None:
    its = sa.select(duitku_blocks.c.until).where(duitku_blocks.c.merchant_code == merchant_code)
    return db.execute(its).scalar()


def put_block(db: Db, merchant_code: str, until: datetime) -> None:
    """A later word counts for more than an earlier one."""
    insert = upsert(db, duitku_blocks)
    statement = insert.values(merchant_code=merchant_code, until=until)
    db.execute(
        statement.on_conflict_do_update(
            index_elements=[duitku_blocks.c.merchant_code], set_={"until": statement.excluded.until}
        )
    )
