"""What is taken out of the database when it is no longer needed. Rows that tell of money stay; what is personal in them
goes. What has had its time is looked for without a lock and taken out by its key, a batch at a time: looking may walk a
million rows, and whoever must write meanwhile does not wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.payment import ERASED, Status
from kelaspay.store.buyer_tables import buyer_codes
from kelaspay.store.messages import State
from kelaspay.store.operator_tables import attempts, audit, calls, half_sessions, invitations, sessions
from kelaspay.store.people import NOBODY_NAME
from kelaspay.store.program_tables import answers
from kelaspay.store.tables import (
    customers,
    inbox,
    messages,
    oauth_states,
    payments,
    refusals,
    refusals_of_schools,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kelaspay.store.database import Db

BATCH = 500
"""How many rows one commit takes out."""
FOUND = 20_000
"""How many keys one look brings."""
NOTHING = b""


@dataclass(frozen=True, slots=True)
class Old:
    """Rows of one kind that have had their time, and what is left of them."""

    key: sa.Column[Any]
    where: sa.ColumnElement[bool]
    values: dict[str, Any]

    def find(self, db: Db) -> list[Any]:
        """The keys of some of them; fewer than `FOUND` when these are all."""
        return list(db.execute(sa.select(self.key).where(self.where).limit(FOUND)).scalars())

    def blank(self, db: Db, keys: Sequence[Any]) -> int:
        """Take out what these still hold; what changed since it was found, and is to be kept now, stays."""
        these = sa.update(self.key.table).where(self.key.in_(keys), self.where)
        return db.execute(these.values(**self.values)).rowcount


def bodies(before: datetime) -> Old:
    """Raw events' bodies, once they have been looked at; what is known of them by name stays."""
    old = sa.and_(inbox.c.received_at < before, inbox.c.started_at.is_not(None), inbox.c.body != NOTHING)
    return Old(inbox.c.id, old, {"body": NOTHING})


def texts(before: datetime) -> Old:
    """What letters said and to whom they went; that they were sent, and when, stays."""
    done = sa.and_(messages.c.raised_at < before, messages.c.state != State.WAITING, messages.c.due_at < before)
    said = sa.or_(messages.c.text.is_not(None), messages.c.recipient.is_not(None), messages.c.blank.is_not(None))
    unsaid = dict.fromkeys(("blank", "recipient", "subject", "text", "html"))
    return Old(messages.c.id, sa.and_(done, said), unsaid)


def customers_of_lapsed(before: datetime) -> Old:
    """Who nearly bought something: name, address and phone number of orders that were never paid."""
    lapsed = sa.select(payments.c.merchant_order_id).where(
        payments.c.status.in_([Status.EXPIRED, Status.FAILED]), payments.c.expires_at < before
    )
    those = sa.and_(customers.c.merchant_order_id.in_(lapsed), customers.c.name != NOBODY_NAME)
    nobody = {"name": NOBODY_NAME, "phone": "", "email": customers.c.merchant_order_id + f"@{ERASED}"}
    return Old(customers.c.merchant_order_id, those, nobody)


def addresses(before: datetime) -> Old:
    """From which network address an operator did something."""
    return Old(audit.c.id, sa.and_(audit.c.at < before, audit.c.address != ""), {"address": ""})


def drop_calls(db: Db, before: datetime) -> int:
    """What was asked of Duitku and Thinkific, and answered. Ids go with time: the first are the oldest."""
    first = sa.select(calls.c.id, calls.c.at).order_by(calls.c.id).limit(BATCH).subquery()
    return db.execute(sa.delete(calls).where(calls.c.id.in_(sa.select(first.c.id).where(first.c.at < before)))).rowcount


def drop_ended(db: Db, now: datetime, before: datetime) -> int:
    """Sessions, links, codes and attempts that are good for nothing any more; `before` is when the shortest of their
    windows has certainly passed.
    """
    ended = (
        sa.delete(invitations).where(invitations.c.expires_at < now),
        sa.delete(oauth_states).where(oauth_states.c.expires_at < now),
        sa.delete(buyer_codes).where(buyer_codes.c.expires_at < before, buyer_codes.c.first_at < before),
        sa.delete(attempts).where(attempts.c.at < before),
        sa.delete(sessions).where(sessions.c.seen_at < before),
        sa.delete(half_sessions).where(half_sessions.c.made_at < before),
        sa.delete(answers).where(answers.c.made_at < before),
    )
    return sum(db.execute(statement).rowcount for statement in ended)


def drop_counts(db: Db, before: datetime) -> int:
    tables = (refusals, refusals_of_schools)
    return sum(db.execute(sa.delete(table).where(table.c.hour < before)).rowcount for table in tables)
