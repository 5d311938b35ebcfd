"""Until when Duitku answers no question about a merchant's payments: whoever asks meanwhile may stay blocked
(duitku.md 3.4). Kept in the database, for all processes and for the one that is started again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.faults import DatabaseUnavailable
from kelaspay.store import blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database


@dataclass(frozen=True, slots=True)
class Block:
    merchant_code: str
    database: Database
    now: Callable[[], datetime]

    def left(self) -> float:
        """Seconds until it ends; 0 where there is none or no database yet, as where `doctor` asks."""
        try:
            with self.database.read() as db:
                until = blocks.blocked_until(db, self.merchant_code)
        except DatabaseUnavailable:
            return 0.0
        return 0.0 if until is None else max(0.0, (until - self.now()).total_seconds())

    def begin(self, seconds: float) -> None:
        with self.database.begin() as db:
            blocks.put_block(db, self.merchant_code, self.now() + timedelta(seconds=seconds))
