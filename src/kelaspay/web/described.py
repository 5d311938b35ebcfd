"""The application as it describes itself: OpenAPI 3.1, complete with what every response has and what may go wrong."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from kelaspay.web import calls_in
from kelaspay.web.errors import REQUEST_ID
from kelaspay.web.v1.once import REPLAYED
from kelaspay.web.v1.problems import DEFECT, NOT_FOUND, Problem, problems

EVERYWHERE = {status: each for status, each in problems(key=False).items() if status in {NOT_FOUND, DEFECT}}
"""What any route may answer."""
TAGS = [
    {"name": "Checkout", "description": "What a buyer's front end calls; no key."},
    {"name": "Key", "description": "The API key that is used."},
    {"name": "Offers", "description": "What a school sells."},
    {"name": "Payments", "description": "Who bought what, and what can be done about it."},
    {"name": "Enrollments", "description": "Who got into which course."},
    {"name": "Events", "description": "What Duitku and Thinkific sent."},
    {"name": "Webhook endpoints", "description": "Where your programs are told, and what became of each delivery."},
    calls_in.TAG,
    {"name": "Operations", "description": "Whether the service works; no key."},
]
DESCRIPTION = """
Everything under `/api/v1` needs a key of one school: `Authorization: Bearer kp_test_…` with Duitku's sandbox,
`kp_live_…` with the real one. Its scopes say what it may do: `read` sees, `write` sells and sets work going again,
`money` says that money came or went. Another school's things do not exist for it. A key may make a number of requests
a minute; beyond that the answer is 429 with `Retry-After`.

Lists come page by page, the newest first: send `next_cursor` as `cursor` for the page after, and nothing that comes in
meanwhile is seen twice or missed.

A `POST` that creates takes an `Idempotency-Key`. Errors are problem details (RFC 9457) with a `code` that does not
change. Every answer has an `X-Request-Id`; send one of 8 to 64 letters, digits, dots, hyphens and underscores, and it
is taken over. Money is whole rupiah; times are UTC.
"""


class Described(FastAPI):
    """Adds to what FastAPI tells of itself."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            _, told = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas |= told["$defs"]
            schemas.pop("HTTPValidationError", None)
            schemas.pop("ValidationError", None)
            for path in schema["paths"].values():
                for operation in path.values():
                    _headers(operation)
            schema["paths"] |= calls_in.PATHS
        return super().openapi()


def _not_ours(response: dict[str, Any]) -> bool:
    """A response of the framework's own form, which no route gives."""
    return "HTTPValidationError" in str(response.get("content"))


def _headers(operation: dict[str, Any]) -> None:
    creates = any(each["name"].lower() == "idempotency-key" for each in operation.get("parameters", ()))
    answers = {str(status): each for status, each in operation["responses"].items() if not _not_ours(each)}
    answers = {str(status): each for status, each in EVERYWHERE.items()} | answers
    operation["responses"] = answers
    for status, response in answers.items():
        named = {REQUEST_ID: {"description": "Names this request.", "required": True, "schema": {"type": "string"}}}
        if status == "201" and creates:
            named[REPLAYED] = {
                "description": "`true` on an answer that was given before.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        response["headers"] = named | response.get("headers", {})
