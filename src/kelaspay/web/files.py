"""Style and script of all pages, under names that change with their content, so that they are kept for ever."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

FOR_EVER = "public, max-age=31536000, immutable"
HOUR = "public, max-age=3600"
TYPES = {
    "style.css": "text/css",
    "docs.css": "text/css",
    "pages.js": "text/javascript",
    "buy.js": "text/javascript",
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_CONTENT = {name: files("kelaspay").joinpath("web/static", name).read_bytes() for name in TYPES}


def address(name: str) -> str:
    """Where a page finds the file."""
    return f"/static/{name}?v={hashlib.sha256(_CONTENT[name]).hexdigest()[:12]}"


@router.get("/static/{name}")
def static(name: str, v: str = "") -> Response:
    if name not in _CONTENT:
        raise HTTPException(404)
    headers = {"Cache-Control": FOR_EVER if v else HOUR, "X-Content-Type-Options": "nosniff"}
    return Response(_CONTENT[name], media_type=TYPES[name], headers=headers)
