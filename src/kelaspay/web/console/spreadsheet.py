"""Lists as files to download, read and sent a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse

from kelaspay.spreadsheet import lines
from kelaspay.web.console.page import HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def sheet(name: str, columns: Sequence[str], rows: Iterable[Any]) -> StreamingResponse:
    """The rows' columns as a file to download; `rows` are asked for while it is sent."""
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(columns, rows), media_type="text/csv; charset=utf-8", headers=HEADERS | named)
