"""What was typed as an option, as the flows take it; what cannot be taken is wrong use of that option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kelaspay.formats import wib_read

if TYPE_CHECKING:
    from datetime import datetime

LARGEST_ID = 2**63 - 1


def number(value: int | None) -> int | None:
    """An id as a database can look for it."""
    if value is not None and abs(value) > LARGEST_ID:
        raise typer.BadParameter("is larger than any")
    return value


def time(text: str | None, option: str) -> datetime | None:
    """A time like 2026-12-01 or 2026-12-01T08:00, WIB; None for nothing."""
    if not text:
        return None
    try:
        return wib_read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
