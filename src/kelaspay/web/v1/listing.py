"""Pages of a list and the cursors between them. A cursor names the place where a page ended, not a number of rows; what
it looks like is nobody's business, and any that has its form names some place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from kelaspay.store.paging import Place

Item = TypeVar("Item")

FORM = "^([0-9a-f]{2}){8,128}$"
NUMBER_BYTES = 8
LARGEST_NUMBER = 2**63 - 1
MOST = 200


class Page(BaseModel, Generic[Item]):
    data: list[Item]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null after the last.")


def _place(
    cursor: Annotated[
        str | None, Query(pattern=FORM, description="`next_cursor` of the page before; without it the first page.")
    ] = None,
) -> Place | None:
    if cursor is None:
        return None
    raw = bytes.fromhex(cursor)
    number = min(int.from_bytes(raw[:NUMBER_BYTES]), LARGEST_NUMBER)
    return Place(number, raw[NUMBER_BYTES:].decode("utf-8", "replace").replace("\0", ""))


After = Annotated[Place | None, Depends(_place)]
Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many rows a page.")]


def page_of(
    rows: Sequence[Any], limit: int, show: Callable[[Any], Item], place: Callable[[Any], Place]
) -> dict[str, Any]:
    """The page of these rows, of which there is one more than `limit` where another page follows."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {"data": [show(row) for row in shown], "next_cursor": _cursor(place(shown[-1])) if more else None}


def _cursor(place: Place) -> str:
    return (place.number.to_bytes(NUMBER_BYTES) + place.name.encode()).hex()
