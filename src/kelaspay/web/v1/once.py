"""Creating by request: what the answer is when the same request comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import Response

from kelaspay.idempotency import Answer, Asked, Turn, digest_of, once

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request
    from pydantic import BaseModel

    from kelaspay.outside import Outside

REPLAYED = "Idempotent-Replayed"


def answer_once(
    request: Request,
    body: BaseModel,
    act: Callable[[Turn], Answer],
    *,
    asker: str,
    key: str | None,
    school: str = "",
    location: str | None = None,
    complete: Callable[[str], str] = str,
) -> Response:
    """The response to a request that creates; a repeat of it within a day gets the first one again. `complete` adds
    what must not be kept with the answer.
    """
    outside: Outside = request.app.state.outside
    asked = None
    if key is not None:
        digest = digest_of(request.method, request.url.path, body.model_dump_json(exclude_unset=True))
        asked = Asked(asker, key, digest, school)
    answer = once(asked, act, database=outside.database, now=outside.now)
    response = Response(complete(answer.body), answer.status, media_type="application/json")
    if answer.repeated:
        response.headers[REPLAYED] = "true"
    if location is not None:
        response.headers["Location"] = location
    return response
