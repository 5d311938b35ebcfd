"""Keep nothing personal for longer than it is needed. What is kept, where and how long stands in docs/privacy.md, which
a test compares with the schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from kelaspay.store import retention

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database, Db

log = structlog.get_logger()

ENDED = timedelta(days=2)
"""Longer than any session, code or window of attempts is good for."""


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days the seller keeps what."""

    events: int
    messages: int
    lapsed: int
    audit: int


def tidy(*, database: Database, keep: Keep, now: Callable[[], datetime]) -> dict[str, int]:
    """Take out what has had its time; returned is how many rows of each kind. Safe to repeat and to interrupt: each
    batch is a commit of its own.
    """
    at = now()

    def ago(days: int) -> datetime:
        return at - timedelta(days=days)

    kinds: dict[str, Callable[[Db], int]] = {
        "events": lambda db: retention.drop_bodies(db, ago(keep.events)),
        "calls": lambda db: retention.drop_calls(db, ago(keep.events)),
        "messages": lambda db: retention.drop_texts(db, ago(keep.messages)),
        "lapsed": lambda db: retention.drop_customers_of_lapsed(db, ago(keep.lapsed)),
        "audit": lambda db: retention.drop_addresses(db, ago(keep.audit)),
        "ended": lambda db: retention.drop_ended(db, at, at - ENDED),
        "refusals": lambda db: retention.drop_counts(db, ago(keep.audit)),
    }
    done = {kind: _all(database, drop) for kind, drop in kinds.items()}
    if any(done.values()):
        log.info("tidied", **done)
    return done


def _all(database: Database, drop: Callable[[Db], int]) -> int:
    total = 0
    while True:
        with database.begin() as db:
            dropped = drop(db)
        total += dropped
        if dropped < retention.BATCH:
            return total
