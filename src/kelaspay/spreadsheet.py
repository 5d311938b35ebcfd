"""Lists as CSV, a line at a time, and what stands in their columns; spreadsheets know the file by its BOM as UTF-8."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kelaspay.formats import WIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r")
PAYMENTS = {
    "order": ("merchant_order_id", "created_at", "offer", "product_details", "status", "access", "attention"),
    "buyer": ("name", "email", "phone"),
    "amounts": ("payment_amount", "amount_received", "payment_method", "reference", "va_number", "paid_at"),
}
"""The columns of payments, in groups to choose from."""
ENROLLMENTS = (
    "merchant_order_id",
    "name",
    "email",
    "offer",
    "product_details",
    "course_id",
    "bundle_id",
    "user_id",
    "enrollment_id",
    "state",
    "percentage_completed",
    "activated_at",
    "expiry_date",
    "completed_at",
    "revoked_at",
)


def lines(columns: Sequence[str], rows: Iterable[Any]) -> Iterator[str]:
    """The heading and the rows' columns, each line with its end."""
    yield "\ufeff" + _line(columns)
    for row in rows:
        yield _line([_cell(getattr(row, column)) for column in columns])


def _line(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _cell(value: object) -> str:
    """As a spreadsheet shows it; text that it would take for a formula is kept from being one."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(WIB):%Y-%m-%d %H:%M:%S}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
