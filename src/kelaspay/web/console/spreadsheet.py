"""Lists as CSV, read and sent a part at a time; spreadsheets know it by its BOM as UTF-8."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse

from kelaspay.web.console.page import HEADERS, WIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kelaspay.store.database import Database, Db

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(
    name: str, columns: Sequence[str], database: Database, rows: Callable[[Db], Iterable[Any]]
) -> StreamingResponse:
    """The rows' columns as a file to download; `rows` is asked while it is sent."""

    def lines() -> Iterator[str]:
        yield "\ufeff" + _line(columns)
        with database.read() as db:
            for row in rows(db):
                yield _line([_cell(getattr(row, column)) for column in columns])

    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=HEADERS | named)


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
