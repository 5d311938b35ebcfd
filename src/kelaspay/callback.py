"""Take in Duitku's callbacks: verify, keep, answer; then hand what was kept to the work.

`receive` runs while Duitku waits and touches nothing but the inbox. `hand_over` runs behind it: an event and the job it
starts are one commit, so a process that dies in between leaves an event that another finds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from kelaspay import webhook
from kelaspay.confirm import note_after_refund, note_second_payment, note_told_after
from kelaspay.faults import CallbackTooLarge, DatabaseDamaged, DatabaseUnavailable
from kelaspay.payment import UNPAID, Status
from kelaspay.store import inbox, payments
from kelaspay.store.database import GONE
from kelaspay.store.inbox import Event
from kelaspay.tracing import ORDER, UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    import sqlalchemy as sa

    from kelaspay.confirm import Start
    from kelaspay.payment import Payment
    from kelaspay.school import School
    from kelaspay.store.database import Database, Db
    from kelaspay.tracing import Tracing

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
BATCH = 20
"""Events handed over in one transaction: whoever keeps a callback waits for it on SQLite."""
SUCCESS = "00"
NEWS_SECONDS = 120.0
"""How long a success that was not told before waits at most for its ask, however often we asked: earlier callbacks told
of tries that failed. What is told again waits its turn.
"""


def receive(body: bytes, content_type: str, *, school: School, now: datetime) -> Event:
    """The event to keep, verified over the strings as received with this school's key.

    Raises `CallbackTooLarge`, `MalformedCallback`, `WrongMerchant` or `BadSignature`; nothing is kept of those.
    """
    if len(body) > LARGEST_BODY:
        raise CallbackTooLarge
    callback = school.duitku.read_callback(body, content_type)
    return Event(
        source="duitku",
        digest=hashlib.sha256(body).hexdigest(),
        merchant_order_id=callback.merchant_order_id,
        reference=callback.reference,
        result_code=callback.result_code,
        receipt=callback.publisher_order_id or callback.reference,
        amount=callback.amount,
        content_type=content_type,
        body=body,
        received_at=now,
        school=school.key,
    )


def hand_over(
    *,
    database: Database,
    start: Start,
    now: Callable[[], datetime],
    spacing: Callable[[int], float],
    tracing: Tracing = UNTRACED,
    limit: int = BATCH,
) -> int:
    """Start what the waiting events call for, `limit` of them; returned is how many were handed over.

    `spacing` says how many seconds lie between two asks of a payment that was asked so often already: callbacks can be
    repeated by anybody who has seen one, and asking too often gets us blocked (duitku.md 3.4).
    """
    if not _worth_a_turn(database):
        return 0
    to_work = _ToWork(start, spacing, tracing)
    try:
        return _hand_over(database, to_work, now(), limit)
    except Exception as error:
        if isinstance(error, DatabaseUnavailable) and not isinstance(error, DatabaseDamaged):
            raise
        # whatever is wrong with one, be it the page that it lies on, the others go on
        log.warning("handed_over_one_by_one", error=type(error).__name__)
        handed = 0
        while handed < limit and _hand_over_one(database, to_work, now()):
            handed += 1
        return handed


@dataclass(frozen=True, slots=True)
class _ToWork:
    """What an event is handed to."""

    start: Start
    spacing: Callable[[int], float]
    tracing: Tracing


def _hand_over(database: Database, to_work: _ToWork, at: datetime, limit: int) -> int:
    with database.begin() as db:
        waiting = sorted(inbox.waiting(db, limit), key=_in_turn)
        for event in waiting:
            same = inbox.find_same(db, event)
            inbox.take(db, event, same, _start(db, event, to_work, at, news=same is None), at)
    return len(waiting)


def _hand_over_one(database: Database, to_work: _ToWork, at: datetime) -> bool:
    """The oldest by itself; False where none waits. One that cannot be handed over is set aside as a defect, where an
    operator finds it and may have it looked at again; it would hold up all that came after it, other schools' too.
    """
    with database.begin() as db:
        waiting = inbox.waiting(db, 1)
        for event in waiting:
            same = inbox.find_same(db, event)
            try:
                with db.begin_nested():
                    outcome = _start(db, event, to_work, at, news=same is None)
            except GONE:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                log.error("defect", event_id=event.id, error=type(error).__name__)  # noqa: TRY400 - its text may hold a body
                outcome = "defect"
            inbox.take(db, event, same, outcome, at)
    return bool(waiting)


def _in_turn(event: sa.Row[Any]) -> tuple[bool, str, int]:
    """By order, so that two processes with events of the same orders wait for each other in one direction only; what is
    of no order last, for everybody else takes payments first, too.
    """
    return (event.merchant_order_id is None, event.merchant_order_id or "", event.id)


def _worth_a_turn(database: Database) -> bool:
    """Whether to begin writing: SQLite has one writer, who is not kept from it by somebody who only looks."""
    if database.postgresql:
        return True
    with database.read() as db:
        return inbox.any_waiting(db)


def _known(event: sa.Row[Any]) -> dict[str, str | int]:
    """What a span tells of an event."""
    return {} if event.merchant_order_id is None else {ORDER: event.merchant_order_id}


def _start(db: Db, event: sa.Row[Any], to_work: _ToWork, at: datetime, *, news: bool) -> str:
    """What one event calls for, in a word. It is `news` when none like it came before."""
    with to_work.tracing.span("hand over", _known(event), parent=event.traceparent):
        if event.source == webhook.SOURCE:
            return webhook.apply(db, event.id, at)
        payment = payments.find_for_update(db, event.merchant_order_id)
        if payment is None:
            log.warning("callback_for_unknown_order", merchant_order_id=event.merchant_order_id)
            return "unknown_order"
        if payment.school != event.school:  # its signature proves nothing about another school's payment
            log.warning("callback_of_other_school", merchant_order_id=event.merchant_order_id)
            return "other_school"
        success = event.result_code == SUCCESS
        if payment.status in UNPAID:
            return _begin(db, payment, to_work, at, hurry=success and news)
        outcome = _told_of_money(db, payment, event, to_work, at) if success else None
        return outcome or ("in_review" if payment.status is Status.REVIEW else "already_paid")


def _told_of_money(db: Db, payment: Payment, event: sa.Row[Any], to_work: _ToWork, at: datetime) -> str | None:
    """What a success calls for when the order is not unpaid any more; None where it tells nothing new."""
    order_id = payment.merchant_order_id
    told_before = event.receipt in payments.receipts(db, order_id)
    if note_second_payment(db, order_id, at, receipt=event.receipt):
        return "paid_twice"
    if told_before:
        return None
    if note_told_after(db, payment, event.received_at, at, _ask_at(payment, to_work, at, hurry=True)):
        return None
    return "paid_twice" if note_after_refund(db, payment, event.received_at, at) else None


def _begin(db: Db, payment: Payment, to_work: _ToWork, at: datetime, *, hurry: bool) -> str:
    """Have Duitku asked, as soon as it may be after it was last."""
    started = to_work.start(db, payment.merchant_order_id, _ask_at(payment, to_work, at, hurry=hurry))
    return "started" if started else "joined"


def _ask_at(payment: Payment, to_work: _ToWork, at: datetime, *, hurry: bool) -> datetime:
    if payment.asked_at is None:
        return at
    gap = to_work.spacing(payment.asks)
    return max(at, payment.asked_at + timedelta(seconds=min(gap, NEWS_SECONDS) if hurry else gap))
