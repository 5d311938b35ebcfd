"""Routes that take JSON and nothing else: a body of another kind is told so before it is read as anything."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from kelaspay.api_faults import NotJson
from kelaspay.faults import InvalidInput


class JsonRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            if self.body_field is not None:
                _check(request, await request.body())
            return await handle(request)

        return handled


def _check(request: Request, body: bytes) -> None:
    if body and not _is_json(request):
        raise NotJson
    try:
        body.decode()
    except UnicodeDecodeError:
        raise InvalidInput.one("body", "must be a JSON object") from None


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
