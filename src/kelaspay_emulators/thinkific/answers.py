"""The shapes of Thinkific's answers: JSON, empty bodies, the error catalogue (thinkific.md 2.2) and pages of a list."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.datastructures import MultiDict

    from kelaspay_emulators.thinkific.records import JSON

Kept = TypeVar("Kept")

DEFAULT_LIMIT = 25
HIGHEST_LIMIT = 250

PLAN = "Access to Apps is not available on your plan. Upgrade to gain access"
NO_PERMISSION = "App does not have permission to perform this action. Please check the access token permissions"
SCRIPT_SCOPE = "Access token has insufficient scope."


class RefusedError(Exception):
    """Ends a request with the answer it carries."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def answer(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body, separators=(",", ":")), status, content_type="application/json; charset=utf-8")


def empty(status: int = 204) -> Response:
    response = Response(b"", status)
    del response.headers["Content-Type"]
    return response


def html(body: str, status: int = 200) -> Response:
    return Response(body, status, content_type="text/html; charset=utf-8")


def error(status: int, text: str) -> Response:
    """`{"error": text}`."""
    return answer({"error": text}, status)


def errors(found: object) -> Response:
    """422 with `errors` as an object of arrays, or as an array, as the operation has it."""
    return answer({"errors": found}, 422)


def authentication_error() -> Response:
    """The same 32 bytes for every bad credential (thinkific.md 1.2)."""
    return error(401, "Authentication Error")


def not_found() -> Response:
    return error(404, "Record not found.")


def no_such_route() -> Response:
    return error(404, "Not Found")


def unreadable() -> Response:
    return error(400, "Request body could not be parsed.")


def instant(value: datetime | None) -> str | None:
    """`2024-02-22T20:32:52.726Z`."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(value: object) -> datetime | None:
    """ISO 8601, UTC where no offset is said; ValueError for anything else."""
    if value is None or value == "":
        return None
    read = datetime.fromisoformat(str(value))
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def whole(value: object) -> int | None:
    """An id, which forms carry as text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else None


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    limit: int

    @classmethod
    def asked(cls, args: MultiDict[str, str]) -> Page:
        """`page` from 1; `limit` 25 by default and silently 250 at most (thinkific.md 2.1)."""
        limit = whole(args.get("limit", "")) or DEFAULT_LIMIT
        return cls(number=max(1, whole(args.get("page", "")) or 1), limit=min(limit, HIGHEST_LIMIT))

    def of(self, kept: Sequence[Kept], shown: Callable[[Kept], JSON]) -> Response:
        start = (self.number - 1) * self.limit
        cut = kept[start : start + self.limit]
        return answer({"items": [shown(each) for each in cut], "meta": {"pagination": self._meta(len(kept), len(cut))}})

    def _meta(self, total: int, here: int) -> JSON:
        pages = -(-total // self.limit)
        first = (self.number - 1) * self.limit + 1 if here else 0
        return {
            "current_page": self.number,
            "next_page": self.number + 1 if self.number < pages else None,
            "prev_page": self.number - 1 if self.number > 1 else None,
            "total_pages": pages,
            "total_items": total,
            "entries_info": f"{first}-{first + here - 1 if here else 0} of {total}",
        }
