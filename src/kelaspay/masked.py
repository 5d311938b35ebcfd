"""What of a call to Duitku or Thinkific may be kept and shown. Names of fields stay; of their values only those that
can be neither secret nor personal, and what is said in words without what looks like an address, a number or a key.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "•••"
LONGEST = 2000
MOST_ITEMS = 5
SOLD = {
    "paymentAmount",
    "merchantOrderId",
    "productDetails",
    "itemDetails",
    "name",
    "price",
    "quantity",
    "amount",
    "fee",
}
PAID = {"expiryPeriod", "paymentMethod", "merchantCode", "reference", "vaNumber", "statusCode", "resultCode"}
IDS = {"id", "user_id", "course_id", "bundle_id", "product_id", "query[user_id]", "query[course_id]"}
TIMES = {"activated_at", "expiry_date", "created_at", "updated_at", "started_at", "completed_at"}
STATES = {"percentage_completed", "payment_provider", "order_type", "currency", "action"}
PAGES = {"page", "limit", "total_items", "total_pages", "current_page", "next_page", "prev_page"}
SHOWN = frozenset(SOLD | PAID | IDS | TIMES | STATES | PAGES)
"""Fields whose values are told: what was sold, what it cost, ids, times and states (duitku.md 3, 4; thinkific.md 2)."""
PEOPLE = frozenset({"customerDetail", "user"})
"""What is inside is a person's, whatever it is called, but for its id."""
IN_WORDS = frozenset({"statusMessage", "responseMessage", "Message", "message", "error", "errors"})
"""Fields that say in words what was wrong."""
NOT_TOLD = re.compile(
    r"[^\s,;]+@[^\s,;]+"  # an address
    r"|(?<![\w-])\+?\d[\d .()-]{7,}\d"  # a phone number
    r"|(?!KP\d{6}-)(?=[\w+/=.-]*\d)(?<![\w-])[\w+/=.-]{20,}"  # a key, a token or a signature; never an order's id
)


def body(content: bytes, content_type: str) -> str | None:
    """A body as it may be kept; of one that is no JSON only what it is. None where there is nothing."""
    if not content:
        return None
    try:
        parsed = json.loads(content)
    except ValueError:
        return f"({content_type.partition(';')[0] or '?'}, {len(content)} bytes)"
    return _fit(json.dumps(_told(parsed, ""), ensure_ascii=False))


def address(path: str, query: Iterable[tuple[str, str]]) -> str:
    """A path with its query."""
    asked = "&".join(f"{name}={value if name in SHOWN else HIDDEN}" for name, value in query)
    return _fit(f"{path}?{asked}" if asked else path)


def _told(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if name in PEOPLE:
            return {key: each if key == "id" else HIDDEN for key, each in value.items()}
        return {key: _told(each, name if name in IN_WORDS else key) for key, each in value.items()}
    if isinstance(value, list):
        rest = len(value) - MOST_ITEMS
        return [_told(each, name) for each in value[:MOST_ITEMS]] + ([f"… {rest}"] if rest > 0 else [])
    if isinstance(value, str) and (name in IN_WORDS or not name):
        return NOT_TOLD.sub(HIDDEN, value)
    return value if value is None or isinstance(value, bool) or name in SHOWN else HIDDEN


def _fit(text: str) -> str:
    """As a database can keep it, and not too much of it."""
    plain = text.replace("\0", "").encode("utf-8", "replace").decode()
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"
