"""Lists as files to download, read and sent a part at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse

from kelaspay.spreadsheet import lines
from kelaspay.web.console.page import HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kelaspay.store.database import Database, Db


def sheet(
    name: str, columns: Sequence[str], database: Database, rows: Callable[[Db], Iterable[Any]]
) -> StreamingResponse:
    """The rows' columns as a file to download; `rows` is asked while it is sent."""

    def sent() -> Iterator[str]:
        with database.read() as db:
            yield from lines(columns, rows(db))

    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(sent(), media_type="text/csv; charset=utf-8", headers=HEADERS | named)
