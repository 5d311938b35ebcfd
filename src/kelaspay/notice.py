"""What integrators are told: the types of notices and their one form. Thin: ids, states and amounts, never a name, an
address or a phone number; whoever needs more asks the API.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

VERSION = "1"
"""Of the body's form: names are added under the same number, and nothing is renamed or taken away."""


class NoticeType(StrEnum):
    ORDER_CREATED = "order.created"
    ORDER_PAID = "order.paid"
    ORDER_EXPIRED = "order.expired"
    ORDER_REFUNDED = "order.refunded"
    PAYMENT_DUPLICATE = "payment.duplicate"
    ENROLLMENT_CREATED = "enrollment.created"
    ENROLLMENT_FAILED = "enrollment.failed"
    ENROLLMENT_REVOKED = "enrollment.revoked"
    PING = "ping"


TOLD = {
    NoticeType.ORDER_CREATED: "An order was made; nothing is paid yet.",
    NoticeType.ORDER_PAID: "Duitku, or an operator, says that the order is paid. Access follows.",
    NoticeType.ORDER_EXPIRED: "The order ended unpaid: its time ran out (`expired`) or Duitku canceled it (`failed`). "
    "A transfer can land late: `order.paid` may still follow.",
    NoticeType.ORDER_REFUNDED: "The order was marked refunded; its access is being ended.",
    NoticeType.PAYMENT_DUPLICATE: "Duitku reports more than one successful payment of the order, or one after the "
    "order was marked paid by hand or refunded: one may have to go back.",
    NoticeType.ENROLLMENT_CREATED: "The buyer is in the course.",
    NoticeType.ENROLLMENT_FAILED: "The order is paid and its access could not be given: a person must look; "
    "`attention` says why.",
    NoticeType.ENROLLMENT_REVOKED: "The access that the order gave has ended.",
    NoticeType.PING: "A test that somebody asked for; `data` is empty.",
}
"""When each is sent."""

FIELDS = {
    "merchant_order_id": "The order.",
    "school": "The school's Thinkific subdomain; empty for the school of the server's settings.",
    "offer": "The offer's slug.",
    "status": "The order's state when this was written: `pending`, `paid`, `completed`, `expired`, `failed`, `review` "
    "or `refunded`.",
    "amount": "What is asked, in whole rupiah.",
    "amount_received": "What Duitku says came in, in whole rupiah; null before that.",
    "currency": "Always `IDR`.",
    "payment_method": "Duitku's two letters for how it is paid; null until that is chosen.",
    "reference": "Duitku's reference of the newest invoice; null before there is one.",
    "attention": "Why a person should look at the order; null when nobody needs to.",
    "enrollment": "The access; null before the order is paid.",
}
"""What stands in `data`."""

ENROLLMENT_FIELDS = {
    "state": "`pending`, `enrolled`, `blocked` or `revoked`.",
    "user_id": "Thinkific's id of the learner; null until it is known.",
    "course_id": "Thinkific's id of the course; null for a bundle.",
    "bundle_id": "Thinkific's id of the bundle; null for a course.",
    "enrollment_id": "Thinkific's id of the enrollment; null until it is known, and for a bundle.",
    "expiry_date": "When the access ends; null when it does not.",
}
"""What stands in `data.enrollment`."""


def body(kind: NoticeType, at: datetime, data: Mapping[str, Any]) -> str:
    """The text that is kept, signed and sent, the same at each attempt."""
    told = {"type": kind, "version": VERSION, "timestamp": written(at), "data": data}
    return json.dumps(told, separators=(",", ":"))


def written(at: datetime | None) -> str | None:
    """A time in UTC as ISO 8601 has it."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
