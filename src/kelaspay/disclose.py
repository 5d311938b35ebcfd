"""Everything that is kept about a person, as they may ask for it (UU 27/2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kelaspay.faults import CustomerUnknown
from kelaspay.messages import SIGN_IN
from kelaspay.store import accesses, dossier, messages, payments, people

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.store.database import Database, Db

OF_ORDER = (
    "merchant_order_id",
    "created_at",
    "offer",
    "product_details",
    "payment_amount",
    "amount_received",
    "payment_method",
    "status",
    "reference",
    "va_number",
    "paid_at",
    "completed_at",
    "name",
    "email",
    "phone",
    "access",
    "user_id",
    "expiry_date",
)
OF_LEARNING = ("percentage_completed", "completed_at", "activated_at", "expiry_date")
OF_MESSAGE = ("kind", "sent_at", "recipient", "subject", "text")


def disclose(
    email: str, *, school: str | None, database: Database, seen: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """The orders of this address at this school, or with None at all; `seen` hears of each.

    Raises `CustomerUnknown`.
    """
    orders = []
    with database.read() as db:
        for row in people.orders_of(db, school, email):
            orders.append({name: getattr(row, name) for name in OF_ORDER} | _told_of(db, row.merchant_order_id))
            seen()
    if not orders:
        raise CustomerUnknown
    return {"orders": orders}


def _told_of(db: Db, order_id: str) -> dict[str, Any]:
    """What else is kept about an order and its buyer: its history, what they were sent, what operators noted."""
    found = accesses.find_access(db, order_id)
    return {
        "learning": {name: getattr(found, name) for name in OF_LEARNING} if found else None,
        "story": [{"at": line.at, "what": line.what, "text": line.text} for line in payments.read_story(db, order_id)],
        "messages": [
            {name: getattr(row, name) for name in OF_MESSAGE}
            for row in messages.list_messages(db, order_id)
            if not row.kind.startswith(SIGN_IN)  # a code is for the buyer's own eyes
        ],
        "notes": [{"at": row.at, "text": row.text} for row in dossier.notes_of(db, order_id)],
    }
