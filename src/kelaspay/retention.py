"""Keep nothing personal for longer than it is needed. What is kept, where and how long stands in docs/privacy.md, which
a test compares with the schema.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from kelaspay.store import preferences, retention
from kelaspay.store.audit import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.settings import Settings
    from kelaspay.store.database import Database, Db
    from kelaspay.store.retention import Old

log = structlog.get_logger()

REST = 0.02
"""Seconds between two batches, for those who wait to write: this has all the time there is."""
ENDED = timedelta(days=2)
"""Longer than any session, code or window of attempts is good for."""


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days the seller keeps what."""

    events: int
    messages: int
    lapsed: int
    audit: int

    @classmethod
    def of(cls, settings: Settings) -> Keep:
        """As the environment says."""
        return cls(
            events=settings.keep_events_days,
            messages=settings.keep_messages_days,
            lapsed=settings.keep_lapsed_days,
            audit=settings.keep_audit_days,
        )


BOUNDS = {"events": (30, 1825), "messages": (30, 1825), "lapsed": (7, 365), "audit": (365, 3650)}
"""For how many days operators may have what kept, at the least and at the most: long enough to clear up a payment, and
no longer than personal data serve their purpose (UU 27/2022); who did what for as long as books are kept.
"""


def kept(db: Db, otherwise: Keep) -> Keep:
    """For how long what is kept, as operators set it, `otherwise` where they did not."""
    told = preferences.read_preferences(db, EVERYWHERE)
    return Keep(**{name: told.get(f"keep_{name}", getattr(otherwise, name)) for name in BOUNDS})


def tidy(*, database: Database, keep: Keep, now: Callable[[], datetime]) -> dict[str, int]:
    """Take out what has had its time, by `keep` where operators set nothing else; returned is how many rows of each
    kind. Safe to repeat and to interrupt: each batch is a commit of its own.
    """
    at = now()
    with database.read() as db:
        keep = kept(db, keep)

    def ago(days: int) -> datetime:
        return at - timedelta(days=days)

    done = {
        "events": _blank(database, retention.bodies(ago(keep.events))),
        "calls": _all(database, lambda db: retention.drop_calls(db, ago(keep.events))),
        "messages": _blank(database, retention.texts(ago(keep.messages))),
        "lapsed": _blank(database, retention.customers_of_lapsed(ago(keep.lapsed))),
        "audit": _blank(database, retention.addresses(ago(keep.audit))),
        "ended": _all(database, lambda db: retention.drop_ended(db, at, at - ENDED)),
        "refusals": _all(database, lambda db: retention.drop_counts(db, ago(keep.audit))),
    }
    if any(done.values()):
        log.info("tidied", **done)
    return done


def _blank(database: Database, old: Old) -> int:
    total = 0
    while True:
        with database.read() as db:
            keys = old.find(db)
        for at in range(0, len(keys), retention.BATCH):
            with database.begin() as db:
                total += old.blank(db, keys[at : at + retention.BATCH])
            time.sleep(REST)
        if len(keys) < retention.FOUND:
            return total


def _all(database: Database, drop: Callable[[Db], int]) -> int:
    total = 0
    while True:
        with database.begin() as db:
            dropped = drop(db)
        total += dropped
        if dropped < retention.BATCH:
            return total
        time.sleep(REST)
