"""Thinkific's webhooks (thinkific.md 4): verify over the raw body, keep, and update our picture of what they tell.

They are hints, never orders: nobody is enrolled or refunded by one. Duplicates are known by the envelope's id.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.faults import BadSignature, CallbackTooLarge, MalformedCallback, ThinkificRefused
from kelaspay.store import enrollments, inbox, schools
from kelaspay.store.inbox import Event
from kelaspay.store.schools import Connection
from kelaspay.thinkific.values import parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from kelaspay.school import School
    from kelaspay.store.database import Db

log = structlog.get_logger()

SOURCE = "thinkific"
LARGEST_BODY = 64 * 1024
LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 255
SIGNATURE = "x-thinkific-hmac-sha256"
PROGRESS = frozenset({"enrollment.created", "enrollment.progress", "enrollment.completed"})


TOPICS = (
    "enrollment.created",
    "enrollment.progress",
    "enrollment.completed",
    "user.signin",
    "user.updated",
    "order.created",
)
"""What we want every school to tell us of."""
UNINSTALLED = "app.uninstalled"
"""What only an app can be told of, and is told only when it asks like for the others (thinkific.md 1.9, 4.2)."""


def missing_topics(school: School) -> list[str]:
    """The topics of which Thinkific does not tell us yet."""
    there = {str(each.get("topic")) for each in school.thinkific.get_webhooks() if _ours(each, school)}
    wanted = [*TOPICS, UNINSTALLED] if school.thinkific.by_app else TOPICS
    return [topic for topic in wanted if topic not in there]


def register(school: School) -> list[str]:
    """Have Thinkific tell of every topic that is missing; returned are those. Safe to repeat: it looks first."""
    added = missing_topics(school)
    for topic in added:
        try:
            school.thinkific.create_webhook(topic, school.webhook_url)
        except ThinkificRefused as refused:
            if school.webhook_url.startswith("https://"):
                raise
            why = "Thinkific calls https addresses of the internet alone; mend APP_BASE_URL."
            raise ThinkificRefused(f"{refused.detail} {why}") from refused
    return added


def _ours(webhook: dict[str, Any], school: School) -> bool:
    return webhook.get("target_url") == school.webhook_url and webhook.get("status") == "active"


def receive(body: bytes, signature: str, *, keys: Sequence[SecretStr], school: str, now: datetime) -> Event:
    """The event to keep. The signature is lower-case hex over the raw body, keyed with the API key or, for an app's
    webhooks, with its client secret.

    Raises `CallbackTooLarge`, `BadSignature` or `MalformedCallback`; nothing is kept of those.
    """
    if len(body) > LARGEST_BODY:
        raise CallbackTooLarge
    given = signature.strip().lower().encode()
    if not any(hmac.compare_digest(_sign(body, key), given) for key in keys):
        raise BadSignature
    try:
        envelope = json.loads(body)
        event_id, topic = str(envelope["id"]), f"{envelope['resource']}.{envelope['action']}"
        digest = hashlib.sha256(event_id.encode()).hexdigest()
        if not isinstance(envelope["payload"], dict) or not topic.isprintable():
            raise MalformedCallback
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedCallback from error
    return Event(
        source=SOURCE,
        digest=digest,
        merchant_order_id=None,
        reference=None,
        result_code=topic[:100],
        receipt=None,
        amount=None,
        content_type="application/json",
        body=body,
        received_at=now,
        school=school,
    )


def apply(db: Db, event_id: int, now: datetime) -> str:
    """Update our picture by a kept event; returned is what came of it, in a word. Safe to repeat."""
    row = inbox.find_event(db, event_id)
    if row is None or not row.body:
        return "forgotten"  # its time was over, or somebody in it was erased
    envelope: dict[str, Any] = json.loads(row.body)
    topic, payload = f"{envelope.get('resource')}.{envelope.get('action')}", envelope.get("payload", {})
    try:
        school = _school(db, row.school, envelope)
        if topic in PROGRESS:
            return _progress(db, school, payload, now)
        if topic in {"user.signin", "user.updated"}:
            tell = _signed_in if topic == "user.signin" else _changed_email
            return tell(db, school, payload, now)
        if topic == UNINSTALLED:
            return _uninstalled(db, row.school, envelope)
    except (KeyError, TypeError, ValueError, OverflowError):
        log.warning("webhook_unreadable", event_id=event_id, topic=topic)
        return "unreadable"
    return "kept"


def _school(db: Db, came_in_at: str, envelope: dict[str, Any]) -> str:
    """The key of the school that it tells of: an app's webhooks of all schools come in at one address."""
    gid = envelope.get("tenant_global_id")
    told = schools.own_by_gid(db, _text(gid)) if gid and not came_in_at else None
    return told or came_in_at


def _progress(db: Db, school: str, payload: dict[str, Any], now: datetime) -> str:
    """How far a learner is, and since and until when at Thinkific; only told, and only for enrollments of ours."""
    told = enrollments.set_progress(
        db,
        school,
        user_id=_id(payload["user"]["id"]),
        course_id=_id(payload["course"]["id"]),
        percentage=_text(payload.get("percentage_completed") or "0"),
        completed_at=parse_time(payload.get("completed_at")),
    )
    if told and "expiry_date" in payload:  # one that is silent about the end does not tell of a course without one
        enrollments.set_told(
            db,
            school,
            user_id=_id(payload["user"]["id"]),
            course_id=_id(payload["course"]["id"]),
            activated_at=parse_time(payload.get("activated_at")),
            expiry_date=parse_time(payload.get("expiry_date")),
            at=parse_time(payload.get("updated_at")) or now,
        )
    return "progress" if told else "not_ours"


def _signed_in(db: Db, school: str, payload: dict[str, Any], now: datetime) -> str:
    """From then on the address is the learner's own to change."""
    return "signed_in" if enrollments.set_signed_in(db, school, _id(payload["id"]), now) else "not_ours"


def _changed_email(db: Db, school: str, payload: dict[str, Any], now: datetime) -> str:
    """A learner has another address at Thinkific, or had it: these come in any order, late, again, and with no time of
    the change to rely on. So the next purchase with either address asks Thinkific whose it is.
    """
    user_id, email = _id(payload["id"]), _text(payload["email"]).strip().lower()
    return "email_changed" if enrollments.doubt_user(db, school, user_id, email, now) else "not_ours"


def _uninstalled(db: Db, came_in_at: str, envelope: dict[str, Any]) -> str:
    """The app was taken off a school: its tokens are dead (thinkific.md 1.9). At a school's own address that can be no
    other's, for who has its key may sign anything there.
    """
    gid, payload = envelope.get("tenant_global_id"), envelope.get("payload", {})
    by_gid = schools.find_by_gid(db, _text(gid)) if gid else None
    school = by_gid if gid else schools.find_school(db, _text(payload.get("subdomain", "")))
    if school is None or came_in_at not in {"", school.subdomain}:
        return "not_ours"
    schools.disconnect(db, school.subdomain, school.generation, Connection.RECONNECT)
    log.warning("school_must_reconnect", subdomain=school.subdomain)
    return "school_disconnected"


def _id(value: object) -> int:
    """An id that a database can keep. Raises `ValueError`, `TypeError` or `OverflowError` for anything else: an event
    that fails its commit would hold up all that wait behind it, other schools' too.
    """
    number = int(value) if isinstance(value, int | str) else 0
    if not 0 < number <= LARGEST_ID:
        raise ValueError("is no id")
    return number


def _text(value: object) -> str:
    """Text that a database can keep. Raises `ValueError` for anything else."""
    text = str(value)
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise ValueError("is no plain text")
    return text


def _sign(body: bytes, key: SecretStr) -> bytes:
    return hmac.new(key.get_secret_value().encode(), body, hashlib.sha256).hexdigest().encode()
