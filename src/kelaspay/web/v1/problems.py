"""What can go wrong with a route, told from the faults themselves: for the description that every client reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from kelaspay.api_faults import (
    BodyTooLarge,
    BodyTooSlow,
    KeyMissing,
    KeyRefused,
    NotJson,
    ScopeMissing,
    TooManyRequests,
)
from kelaspay.faults import DatabaseUnavailable, IdempotencyKeyReused, InvalidInput, StillInProgress

if TYPE_CHECKING:
    from kelaspay.faults import Fault

Responses = dict[int | str, dict[str, Any]]

PROBLEM = "application/problem+json"
NOT_FOUND, DEFECT = 404, 500


class WrongField(BaseModel):
    field: str
    detail: str


class Problem(BaseModel):
    """Problem details, RFC 9457. `code` is stable; `title` and `detail` are for people."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str = Field(description="What happened, in one word that does not change.")
    detail: str | None = None
    request_id: str = Field(description="As in the header X-Request-Id; name it when you ask us.")
    errors: list[WrongField] | None = Field(default=None, description="With `invalid_input`: each field that is wrong.")


def problems(*faults: type[Fault], body: bool = False, key: bool = True, path: bool = True) -> Responses:
    """The descriptions of these faults' responses and of those that every such route has: with a `body`, behind a
    `key`, under a `path` that may name nothing.
    """
    every: list[type[Fault]] = [*faults, DatabaseUnavailable]
    if key:
        every += [KeyMissing, KeyRefused, ScopeMissing, TooManyRequests, InvalidInput]
    if body:
        every += [BodyTooLarge, BodyTooSlow, NotJson, InvalidInput]
    told: Responses = {}
    for fault in sorted(set(every), key=lambda each: (each.status, each.code())):
        _tell(told, fault.status, fault.code(), fault.message())
    if path:
        _tell(told, NOT_FOUND, "not_found", "Not Found")
    _tell(told, DEFECT, "defect", "Something went wrong on our side.")
    return dict(sorted(told.items(), key=lambda each: str(each[0])))


def _tell(told: Responses, status: int, code: str, message: str) -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    kept = told.setdefault(status, {"description": "", "content": {PROBLEM: {"schema": schema, "examples": {}}}})
    example = {
        "type": "about:blank",
        "title": message,
        "status": status,
        "code": code,
        "request_id": "5f2c9a7be1d04c68",
    }
    if code == InvalidInput.code():
        example |= {"errors": [{"field": "limit", "detail": "Input should be less than or equal to 200"}]}
    kept["content"][PROBLEM]["examples"][code] = {"value": example}
    kept["description"] = "\n\n".join(part for part in (kept["description"], f"`{code}`: {message}") if part)


ONCE = (IdempotencyKeyReused, StillInProgress)
"""What a route that takes an `Idempotency-Key` may answer besides."""
