"""Answers as Duitku shapes them: `{"Message": ...}` on v2, mixed shapes on POP (duitku.md 3.3, 4.3)."""

from __future__ import annotations

import json

from werkzeug.wrappers import Response

JSON_TYPE = "application/json; charset=utf-8"


class RefusedError(Exception):
    """Ends a request with the answer it carries."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def answer(body: object, status: int = 200) -> Response:
    """JSON whose quotes are escaped the way .NET does it (duitku.md 4.3)."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).replace("'", "\\u0027")
    return Response(text, status, content_type=JSON_TYPE)


def message(status: int, text: str) -> Response:
    """`{"Message": text}`."""
    return answer({"Message": text}, status)


def page(body: str, status: int = 200) -> Response:
    return Response(body, status, content_type="text/html; charset=utf-8")


def not_found(path: str) -> Response:
    if path.startswith("/api/"):
        return Response("Not Found", 404, content_type="text/plain; charset=utf-8")
    return message(404, f"No HTTP resource was found that matches the request URI '{path}'.")


def wrong_method(method: str) -> Response:
    return message(405, f"The requested resource does not support http method '{method}'.")
