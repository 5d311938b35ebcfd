"""What was sold on days that are over, summed once in a while instead of at every look at the console's home."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cachetools import TTLCache

from kelaspay.store import console

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.console import Day
    from kelaspay.store.database import Db

SCHOOLS = 1000
FRESH_SECONDS = 300.0


class ClosedDays:
    """Sums of closed days, each school's by itself. Money found late may still fall on such a day, so they are summed
    anew after five minutes. The sums of a month cost what a month's sales are, of which today's are a thirtieth.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._lock = threading.Lock()
        self._kept: TTLCache[tuple[str | None, datetime], list[Day]] = TTLCache(
            SCHOOLS, FRESH_SECONDS, timer=lambda: now().timestamp()
        )

    def read(self, db: Db, school: str | None, marks: list[datetime]) -> list[Day]:
        """What was paid and made between each mark and the next, the last of which is today's beginning."""
        key = (school, marks[-1])
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            kept = console.sales(db, school, marks)
            with self._lock:
                self._kept[key] = kept
        return kept
