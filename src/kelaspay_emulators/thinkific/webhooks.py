"""Webhooks v2: their management, the events that fire, and deliveries signed over the raw body (thinkific.md 4)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kelaspay_emulators.thinkific.answers import RefusedError, answer, empty, errors, instant, not_found
from kelaspay_emulators.thinkific.asked import Route
from kelaspay_emulators.thinkific.records import Delivery, Event, Webhook

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON, App
    from kelaspay_emulators.thinkific.school import School
    from kelaspay_emulators.thinkific.switches import Switches

Post = Callable[[str, bytes, Mapping[str, str]], int]

TOPICS = frozenset({
    "lead.created",
    "order.created",
    "order_transaction.succeeded",
    "order_transaction.failed",
    "order_transaction.refunded",
    "subscription.cancelled",
    "subscription.past_due",
    "subscription.unpaid",
    "user.signup",
    "user.signin",
    "user.updated",
    "user.deleted",
    "enrollment.created",
    "enrollment.trial",
    "enrollment.progress",
    "enrollment.completed",
    "lesson.completed",
    "quiz.attempted",
    "course.created",
    "course.updated",
    "course.deleted",
    "product.created",
    "product.updated",
    "product.deleted",
    "plan.updated",
    "app.uninstalled",
})  # fmt: skip
ATTEMPTS = 14
_FIRST_WAIT = 7
"""Seconds; doubling from here, fourteen attempts take about sixteen hours (thinkific.md 4.5)."""
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_EVENTS_KEPT = 100_000


def fire(school: School, topic: str, payload: JSON, *, only: App | None = None) -> Event:
    """Keep the event and queue it for each webhook of its topic, or only for those of one app."""
    resource, action = topic.split(".")
    event = Event(school.next_long_id(), resource, action, school.now(), payload)
    school.events[event.id] = event
    if len(school.events) > _EVENTS_KEPT:
        del school.events[next(iter(school.events))]
    for webhook in school.webhooks.values():
        if webhook.topic == topic and (only is None or webhook.app is only):
            school.deliveries.append(Delivery(webhook, event, due_at=event.created_at))
    return event


def envelope(school: School, event: Event) -> bytes:
    """The raw body: no topic in it, only resource and action (thinkific.md 4.3)."""
    body = {
        "id": event.id,
        "resource": event.resource,
        "action": event.action,
        "tenant_id": school.tenant_id,
        "tenant_global_id": school.gid,
        "created_at": instant(event.created_at),
        "timestamp": int(event.created_at.timestamp()),
        "payload": event.payload,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def signature(school: School, webhook: Webhook, body: bytes) -> str:
    """Lower-case hex, keyed with the site's API key, or with the client secret of the app that made the webhook."""
    key = webhook.app.client_secret if webhook.app else school.api_key
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def take_due(school: School) -> list[Delivery]:
    """Remove what is due from the queue, so that two deliverers never hold the same delivery."""
    now = school.now()
    due = [each for each in school.deliveries if each.due_at <= now]
    if due:
        school.deliveries = deque(each for each in school.deliveries if each.due_at > now)
    return due


def attempt(school: School, delivery: Delivery, post: Post) -> int:
    """Send it once; what the target answered, 0 for no answer."""
    body = envelope(school, delivery.event)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Thinkific-Webhooks",
        "X-Thinkific-Hmac-Sha256": signature(school, delivery.webhook, body),
    }
    try:
        return post(delivery.webhook.target_url, body, headers)
    except Exception:  # noqa: BLE001 - whatever goes wrong at the target is no answer, and is tried again
        return 0


def settle(school: School, delivery: Delivery, status: int, switches: Switches) -> bool:
    """Whether it was accepted; what was not is queued again until the attempts are used up."""
    delivery.attempts += 1
    delivery.statuses.append(status)
    if 200 <= status < 300:  # noqa: PLR2004 - any 2xx is success
        if switches.duplicate_deliveries and not delivery.repeated:
            school.deliveries.append(Delivery(delivery.webhook, delivery.event, school.now(), repeated=True))
        return True
    if delivery.attempts < ATTEMPTS:
        delivery.due_at = school.now() + timedelta(seconds=_FIRST_WAIT * 2 ** (delivery.attempts - 1))
        school.deliveries.append(delivery)
    return False


def shown(webhook: Webhook) -> JSON:
    return {
        "id": webhook.id,
        "status": "active",
        "topic": webhook.topic,
        "target_url": webhook.target_url,
        "created_at": webhook.created_at.isoformat(timespec="microseconds"),
        "updated_at": webhook.updated_at.isoformat(timespec="microseconds"),
        "created_by": webhook.app.client_id if webhook.app else "api_key",
        "updated_by": webhook.app.client_id if webhook.app else "api_key",
    }


def list_webhooks(asked: Asked) -> Response:
    """Paged by cursor: `next` is the id that the page begins with."""
    hooks, limit = list(asked.school.webhooks.values()), asked.page.limit
    start = next((at for at, each in enumerate(hooks) if each.id == asked.request.args.get("next")), 0)
    rest = hooks[start + limit :]
    page = {
        "has_next": bool(rest),
        "next_page": rest[0].id if rest else "",
        "page_items": len(hooks[start : start + limit]),
        "total_items": len(hooks),
        "total_pages": -(-len(hooks) // limit),
    }
    return answer({"items": [shown(each) for each in hooks[start : start + limit]], "meta": {"page": page}})


def create_webhook(asked: Asked) -> Response:
    _refuse_wrong(asked, {"topic", "target_url"})
    topic, target_url = str(asked.body["topic"]), str(asked.body["target_url"])
    webhook = Webhook(asked.school.next_long_id(), topic, target_url, asked.now, asked.now, asked.key.app)
    asked.school.webhooks[webhook.id] = webhook
    return answer(shown(webhook), 201)


def _refuse_wrong(asked: Asked, names: set[str]) -> None:
    """422 with an object of strings (thinkific.md 2.2)."""
    wrong: dict[str, str] = {}
    if "topic" in names and asked.body.get("topic") not in TOPICS:
        wrong["topic"] = "invalid format"
    if "target_url" in names and not _target_fits(str(asked.body.get("target_url", "")), asked.switches):
        wrong["url"] = "is not valid"
    if wrong:
        raise RefusedError(errors(wrong))


def _target_fits(url: str, switches: Switches) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if switches.local_targets:
        return parts.scheme in {"http", "https"} and bool(host)
    return parts.scheme == "https" and bool(host) and host not in _LOCAL_HOSTS and not host.endswith("thinkific.com")


def _webhook(asked: Asked) -> Webhook:
    webhook = asked.school.webhooks.get(asked.ids["id"])
    if webhook is None:
        raise RefusedError(not_found())
    return webhook


def get_webhook(asked: Asked) -> Response:
    return answer(shown(_webhook(asked)))


def update_webhook(asked: Asked) -> Response:
    webhook = _webhook(asked)
    _refuse_wrong(asked, {"topic", "target_url"} & asked.body.keys())
    webhook.topic = str(asked.body.get("topic", webhook.topic))
    webhook.target_url = str(asked.body.get("target_url", webhook.target_url))
    webhook.updated_at = asked.now
    return answer(shown(webhook))


def delete_webhook(asked: Asked) -> Response:
    del asked.school.webhooks[_webhook(asked).id]
    return empty()


def get_event(asked: Asked) -> Response:
    event = asked.school.events.get(asked.ids["id"])
    if event is None:
        return not_found()
    body = {"id": event.id, "resource": event.resource, "action": event.action, "payload": event.payload}
    return answer({**body, "created_at": instant(event.created_at)})


ROUTES = [
    Route("GET", "/webhooks", list_webhooks),
    Route("POST", "/webhooks", create_webhook),
    Route("GET", "/webhooks/<id>", get_webhook),
    Route("PUT", "/webhooks/<id>", update_webhook),
    Route("DELETE", "/webhooks/<id>", delete_webhook),
    Route("GET", "/events/<id>", get_event),
]
