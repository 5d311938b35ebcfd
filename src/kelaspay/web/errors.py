"""Faults as RFC 9457 problem details, with a stable `code`. The only place where a fault becomes a response."""

from __future__ import annotations

import secrets
from math import ceil
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from kelaspay.api_faults import KeyMissing, KeyRefused
from kelaspay.faults import Fault, InvalidInput
from kelaspay.web.counted import route_of
from kelaspay.web.trouble import trouble_page

log = structlog.get_logger()

PROBLEM = "application/problem+json"
REQUEST_ID = "X-Request-Id"
METHOD_NOT_ALLOWED = 405
SERVER_ERROR = 500


def problem(
    status: int, code: str, title: str, detail: str | None = None, *, request_id: str | None = None, **more: Any
) -> JSONResponse:
    """A problem details body; `more` are its extension members."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **more}
    kept = {name: value for name, value in body.items() if value is not None}
    named = request_id or secrets.token_hex(8)
    return JSONResponse(
        kept | {"request_id": named}, status_code=status, media_type=PROBLEM, headers={REQUEST_ID: named}
    )


def fault_response(fault: Fault, request_id: str | None = None) -> JSONResponse:
    more: dict[str, Any] = dict(fault.ids)
    if isinstance(fault, InvalidInput):
        more["errors"] = [{"field": field, "detail": why} for field, why in fault.fields.items()]
    response = problem(fault.status, fault.code(), fault.message(), fault.detail, request_id=request_id, **more)
    if fault.retry or fault.wait is not None:
        response.headers["Retry-After"] = str(ceil(fault.wait or 5))  # rounded down it would be too soon
    if isinstance(fault, KeyMissing | KeyRefused):  # RFC 6750 3
        response.headers["WWW-Authenticate"] = "Bearer" + (
            ' error="invalid_token"' if isinstance(fault, KeyRefused) else ""
        )
    return response


async def plain_address(request: Request) -> None:
    """Nothing is called what cannot be printed, and a database may fail over looking for it."""
    if not request.scope["path"].isprintable() or b"%00" in request.scope["query_string"]:
        raise HTTPException(404)


def install(app: FastAPI) -> None:
    """Answer every error of every route in this one form."""

    @app.exception_handler(Fault)
    def _fault(request: Request, fault: Fault) -> Response:
        return trouble_page(request, fault.status) or fault_response(fault, named(request))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        fault = InvalidInput({_field(problem): _why(problem) for problem in error.errors()})
        return trouble_page(request, fault.status) or fault_response(fault, named(request))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        if (page := trouble_page(request, error.status_code)) is not None:
            return page
        code = str(error.detail).lower().replace(" ", "_")
        response = problem(error.status_code, code, str(error.detail), request_id=named(request))
        response.headers.update(error.headers or {})
        if error.status_code == METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(methods_at(app, request.url.path))
        return response

    @app.exception_handler(Exception)
    def _defect(request: Request, error: Exception) -> Response:
        request_id = named(request)
        log.error("defect", path=route_of(request.scope), request_id=request_id, error=type(error).__name__)
        page = trouble_page(request, SERVER_ERROR)
        return page or problem(SERVER_ERROR, "defect", "Something went wrong on our side.", request_id=request_id)


def named(request: Request) -> str | None:
    """The request's id, where it came in by the door."""
    found: str | None = getattr(request.state, "request_id", None)
    return found


def methods_at(app: FastAPI, path: str) -> list[str]:
    """What may be called under this address; a router names the methods of its first match alone.

    An address that a route spells out is no other route's parameter.
    """
    contexts = [each for each in iter_route_contexts(app.routes) if each.methods and each.path_regex.match(path)]
    spelled_out = [each for each in contexts if each.path == path]
    return sorted({method for each in spelled_out or contexts for method in each.methods or ()})


def _field(problem: dict[str, Any]) -> str:
    if problem["type"] == "json_invalid":  # its place is a number of bytes
        return "body"
    parts = [str(part) for part in problem["loc"] if part not in {"body", "query", "path", "header"}]
    return ".".join(parts) or "body"


def _why(problem: dict[str, Any]) -> str:
    """Pydantic's reason, in the words that our own checks use; never with the value that was entered."""
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "json_invalid" or problem["loc"] == ("body",):
        return "must be a JSON object"
    if problem["type"] == "extra_forbidden":
        return "is not accepted: the price is ours" if problem["loc"][-1] == "amount" else "is not known"
    return str(problem["msg"]).removeprefix("Value error, ")
