"""Deliver a notice to an endpoint, signed by the Standard Webhooks specification: at least once, under one id.

    claimed ─► signed ─► sent ─┬─ 2xx ─► delivered
                               ├─ 410 ─► failed, the endpoint is disabled
                               └─ else ─► waits for its next attempt, or after the last one failed

A process that dies between the answer and our commit sends that one again once its lease has ended; the receiver knows
it by its `webhook-id`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import structlog
from standardwebhooks import Webhook

from kelaspay.endpoints import old_place, place
from kelaspay.faults import Fault
from kelaspay.notice import NoticeType
from kelaspay.store import deliveries, endpoints
from kelaspay.store.deliveries import State
from kelaspay.store.endpoints import Disabled
from kelaspay.tracing import ORDER, STATUS, UNTRACED, Kind, same_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.dial import Answer, Dialer
    from kelaspay.store.database import Database
    from kelaspay.tracing import Tracing
    from kelaspay.vault import Vault

log = structlog.get_logger()

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After each failed attempt, as the specification suggests: ten attempts in a little over three days."""
JITTER = 0.1
LONGEST_WAIT = timedelta(hours=24)
"""The most that `Retry-After` may ask for."""
LEASE_SECONDS = 60.0
"""Longer than an attempt may take."""
FAILING_LIMIT = timedelta(days=5)
"""An endpoint that took nothing for so long is disabled."""
KEEP = timedelta(days=90)
SUCCESS = range(200, 300)
GONE = 410


@dataclass(frozen=True, slots=True)
class Outbox:
    """What deliveries are made with. `told` hears how each attempt ended, for whoever counts."""

    database: Database
    vault: Vault
    dialer: Dialer
    now: Callable[[], datetime]
    told: Callable[[str], None] = lambda _result: None
    tracing: Tracing = UNTRACED


def deliver(row: Any, outbox: Outbox) -> bool:
    """Make the next attempt of a delivery that was due; False when another process is at it."""
    now = outbox.now()
    with outbox.database.begin() as db:
        if not deliveries.claim(db, row, LEASE_SECONDS, now):
            return False
    try:
        answer = _posted(row, outbox, now)
    except Fault as fault:
        _not_taken(row, outbox, str(fault), None)
        return True
    if answer.status in SUCCESS:
        _taken(row, outbox, answer)
    elif answer.status == GONE:
        _gone(row, outbox)
    else:
        _not_taken(row, outbox, f"It answered {answer.status}.", answer)
    return True


def _posted(row: Any, outbox: Outbox, now: datetime) -> Answer:
    known = {"kelaspay.endpoint": row.endpoint_id, "kelaspay.attempt": row.attempts + 1}
    known |= {ORDER: row.merchant_order_id} if row.merchant_order_id else {}
    parent = same_work(row.traceparent, row.raised_at, now)
    with outbox.tracing.span(f"webhook {row.type}", known, parent=parent, kind=Kind.PRODUCER) as span:
        answer = outbox.dialer.post(row.url, _headers(row, outbox, now), row.body.encode())
        span.tell({STATUS: answer.status})
        if answer.status not in SUCCESS:
            span.failed("not_taken")
        return answer


def sign(row: Any, vault: Vault, now: datetime) -> str:
    """The signature, and for a while after a rotation a second one by the secret before it."""
    sealed = [(row.secret, place(row.endpoint_id))]
    if row.old_secret is not None and row.old_secret_until is not None and now < row.old_secret_until:
        sealed.append((row.old_secret, old_place(row.endpoint_id)))
    opened = [vault.open(secret, where) for secret, where in sealed]
    return " ".join(Webhook(secret).sign(row.notice_id, now, row.body) for secret in opened)


def _headers(row: Any, outbox: Outbox, now: datetime) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "Kelaspay-Webhooks/1",
        "webhook-id": row.notice_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": sign(row, outbox.vault, now),
    }


def _taken(row: Any, outbox: Outbox, answer: Answer) -> None:
    with outbox.database.begin() as db:
        deliveries.write_down(db, row, state=State.DELIVERED, answer=answer.status, fault=None)
        endpoints.reached(db, row.endpoint_id)
    outbox.told("delivered")
    log.info("notice_delivered", notice_id=row.notice_id, type=row.type, endpoint_id=row.endpoint_id)


def _gone(row: Any, outbox: Outbox) -> None:
    with outbox.database.begin() as db:
        deliveries.write_down(db, row, state=State.FAILED, answer=GONE, fault="It answered 410: it is gone.")
        endpoints.disable(db, row.endpoint_id, Disabled.GONE, outbox.now())
    outbox.told("gone")
    log.error("endpoint_disabled", endpoint_id=row.endpoint_id, reason=str(Disabled.GONE))


def _not_taken(row: Any, outbox: Outbox, why: str, answer: Answer | None) -> None:
    now, attempts = outbox.now(), row.attempts + 1
    wait = _wait(attempts, answer, now) if row.type != NoticeType.PING else None
    next_try = {"state": State.FAILED} if wait is None else {"due_at": now + wait}
    disabled = False
    with outbox.database.begin() as db:
        deliveries.write_down(db, row, answer=answer.status if answer else None, fault=why, **next_try)
        if row.type != NoticeType.PING:
            disabled = endpoints.not_reached(db, row.endpoint_id, now, now - FAILING_LIMIT)
    outbox.told("not_taken")
    log.warning("notice_not_taken", notice_id=row.notice_id, endpoint_id=row.endpoint_id, attempts=attempts)
    if disabled:
        log.error("endpoint_disabled", endpoint_id=row.endpoint_id, reason=str(Disabled.FAILING))


def _wait(attempts: int, answer: Answer | None, now: datetime) -> timedelta | None:
    """How long until the next attempt, never sooner than the other side asked for; None when that was the last."""
    if attempts > len(WAITS):
        return None
    spread = random.uniform(1.0, 1.0 + JITTER)  # noqa: S311 - spreads attempts, guards nothing
    asked = retry_after(answer.retry_after, now) if answer else timedelta()
    return max(WAITS[attempts - 1] * spread, min(asked, LONGEST_WAIT))


def retry_after(text: str, now: datetime) -> timedelta:
    """What `Retry-After` asks for, in seconds or as a date; nothing where it cannot be read."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), int(LONGEST_WAIT.total_seconds())))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return timedelta()
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
