"""Doing once what a request with an `Idempotency-Key` asks for, however often it is sent and wherever we stop.

The key's row is committed before anything is done. What the request makes is noted in the commit that makes it, so that
a repeat after a crash takes it up instead of making another; a success is kept and given again for 24 hours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.duitku import SLOWEST
from kelaspay.faults import IdempotencyKeyReused, StillInProgress, Superseded
from kelaspay.store import answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.store.database import Database, Db

KEEP = timedelta(hours=24)
LEASE = 2 * SLOWEST + 20.0
"""Seconds after which a request that gave no answer is taken to have died: what is taken up calls Duitku twice."""
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, as it was sent."""

    status: int
    body: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it can be told from others: who asks, under which key, and a digest of what."""

    asker: str
    key: str
    digest: str
    school: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to do what was asked for. Without a key nothing is noted, and a repeat is a new request."""

    asked: Asked | None = None
    lease_until: float = 0.0
    subject: str | None = None
    """What an attempt that broke off had made; go on with it."""

    def made(self, db: Db, subject: str) -> None:
        """Note what is made in this transaction. Raises `Superseded` when another attempt is at it by now."""
        asked = self.asked
        if asked and not answers.set_subject(db, asked.asker, asked.key, self.lease_until, subject):
            raise Superseded

    def answered(self, db: Db, status: int, body: str) -> Answer:
        """The answer, kept in this transaction. Raises `Superseded` when another attempt is at it by now."""
        asked = self.asked
        if asked and not answers.set_answer(db, asked.asker, asked.key, self.lease_until, status, body):
            raise Superseded
        return Answer(status, body)


def once(
    asked: Asked | None, act: Callable[[Turn], Answer], *, database: Database, now: Callable[[], datetime]
) -> Answer:
    """What `act` answers, or answered before. A fault of its is not kept: the same key may try again.

    Raises `IdempotencyKeyReused` when the key came with something else, `StillInProgress` while the first is at it.
    """
    if asked is None:
        return act(Turn())
    with database.begin() as db:
        answers.forget_answers(db, now() - KEEP)
        held, row = answers.claim(
            db, asked.asker, asked.key, school=asked.school, digest=asked.digest, lease=LEASE, now=now()
        )
    if row.digest != asked.digest:
        raise IdempotencyKeyReused
    if row.status is not None:
        return Answer(row.status, row.body, repeated=True)
    if not held:
        raise StillInProgress
    try:
        return act(Turn(asked, row.lease_until, row.subject))
    except Exception:
        with database.begin() as db:
            answers.let_go(db, asked.asker, asked.key, row.lease_until)
        raise


def digest_of(*parts: str) -> str:
    """Tells whether two requests ask for the same."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
