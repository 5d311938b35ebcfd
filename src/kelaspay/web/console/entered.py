"""What people type into the console's forms: whole numbers, rupiah and times in WIB, as Indonesians write them; and
the numbers in its own addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.formats import WIB, whole_read, wib_read

if TYPE_CHECKING:
    from datetime import datetime

MOST_DIGITS = 10
LONGEST_ID = 18
"""Digits that every database takes for an id."""


def number(wrong: dict[str, str], name: str, text: str) -> int | None:
    """A whole number as people write it: "250.000" and "Rp 250.000" too; None for an empty field."""
    if not text.strip():
        return None
    read = whole_read(text)
    if not read or read >= 10**MOST_DIGITS:
        wrong[name] = "is not a whole number above 0"
        return None
    return read


def id_in(text: str) -> int | None:
    """The id that an address names; None for what is none, and for one that nothing can have."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else None


def time(wrong: dict[str, str], name: str, text: str) -> datetime | None:
    """A time in WIB, as a browser's own field for it sends it; None for an empty field."""
    if not text.strip():
        return None
    try:
        return wib_read(text)
    except ValueError as error:
        wrong[name] = str(error)
        return None


def time_shown(at: datetime | None) -> str:
    """As a browser's own field for a time takes it."""
    return f"{at.astimezone(WIB):%Y-%m-%dT%H:%M}" if at else ""
