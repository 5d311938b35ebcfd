"""Faults as RFC 9457 problem details, with a stable `code`. The only place where a fault becomes a response."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kelaspay.faults import Fault, InvalidInput

log = structlog.get_logger()

PROBLEM = "application/problem+json"
SERVER_ERROR = 500


def problem(status: int, code: str, title: str, detail: str | None = None, **more: Any) -> JSONResponse:
    """A problem details body; `more` are its extension members."""
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **more}
    kept = {name: value for name, value in body.items() if value is not None}
    return JSONResponse(kept, status_code=status, media_type=PROBLEM)


def fault_response(fault: Fault) -> JSONResponse:
    more: dict[str, Any] = dict(fault.ids)
    if isinstance(fault, InvalidInput):
        more["errors"] = [{"field": field, "detail": why} for field, why in fault.fields.items()]
    response = problem(fault.status, fault.code(), fault.message(), fault.detail, **more)
    if fault.retry:
        response.headers["Retry-After"] = str(int(fault.wait or 5))
    return response


def plain_address(request: Request) -> None:
    """Nothing is called what cannot be printed, and a database may fail over looking for it."""
    if not request.scope["path"].isprintable() or b"%00" in request.scope["query_string"]:
        raise HTTPException(404)


def install(app: FastAPI) -> None:
    """Answer every error of every route in this one form."""

    @app.exception_handler(Fault)
    def _fault(_request: Request, fault: Fault) -> JSONResponse:
        return fault_response(fault)

    @app.exception_handler(RequestValidationError)
    def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return fault_response(InvalidInput({_field(problem): _why(problem) for problem in error.errors()}))

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        code = str(error.detail).lower().replace(" ", "_")
        response = problem(error.status_code, code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    def _defect(request: Request, error: Exception) -> JSONResponse:
        request_id = secrets.token_hex(8)
        log.error("defect", path=request.url.path, request_id=request_id, error=type(error).__name__)
        return problem(SERVER_ERROR, "defect", "Something went wrong on our side.", request_id=request_id)


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
