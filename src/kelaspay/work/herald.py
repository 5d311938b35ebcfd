"""Delivers notices to integrators, in every working process: a few at once, so that one slow endpoint holds up nobody
else's. Rows are claimed, so two processes never make the same attempt.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.deliver import KEEP, deliver
from kelaspay.faults import DatabaseUnavailable
from kelaspay.store import deliveries
from kelaspay.work.worker import Loop

if TYPE_CHECKING:
    from kelaspay.deliver import Outbox

log = structlog.get_logger()

LOOK_SECONDS = 1.0
AT_ONCE = 8
AT_ONCE_EACH = 2
"""Of one endpoint's, so that a slow one never takes all places."""
FORGET_SECONDS = 3600.0
FORGET_BATCH = 500


class Herald:
    """Looks for what is due until told to stop."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._under_way: dict[int, str] = {}
        """Deliveries that this process makes now, each with its endpoint."""
        self._lock = threading.Lock()
        self._forgot_at = time.monotonic()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="deliver")
        loop = Loop("notices", LOOK_SECONDS, self._look)
        self._thread = threading.Thread(target=loop.run, args=(self._stopped, self._woken), name="notices", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is under way ends by itself, within its patience."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self._pool.shutdown(cancel_futures=True)

    def _look(self) -> None:
        with self._lock:
            busy = Counter(self._under_way.values())
            mine = set(self._under_way)
        full = [endpoint_id for endpoint_id, count in busy.items() if count >= AT_ONCE_EACH]
        if len(mine) < AT_ONCE:
            with self._outbox.database.read() as db:
                waiting = deliveries.due(db, self._outbox.now(), 2 * AT_ONCE, skipping=full)
            for row in waiting:
                self._take(row, busy)
        if time.monotonic() - self._forgot_at > FORGET_SECONDS:
            self._forget()

    def _take(self, row: Any, busy: Counter[str]) -> None:
        with self._lock:
            free = len(self._under_way) < AT_ONCE and busy[row.endpoint_id] < AT_ONCE_EACH
            if not free or row.id in self._under_way or self._stopped.is_set():
                return
            self._under_way[row.id] = row.endpoint_id
        busy[row.endpoint_id] += 1
        self._pool.submit(self._deliver, row)

    def _deliver(self, row: Any) -> None:
        try:
            deliver(row, self._outbox)
        except DatabaseUnavailable:
            log.warning("notice_waits", notice_id=row.notice_id)
        except Exception:
            log.exception("defect", notice_id=row.notice_id)
        finally:
            with self._lock:
                self._under_way.pop(row.id, None)
            self._woken.set()

    def _forget(self) -> None:
        """Old notices go, in small commits."""
        self._forgot_at = time.monotonic()
        count = FORGET_BATCH
        while count == FORGET_BATCH and not self._stopped.is_set():
            with self._outbox.database.begin() as db:
                count = deliveries.forget(db, self._outbox.now() - KEEP, FORGET_BATCH)
