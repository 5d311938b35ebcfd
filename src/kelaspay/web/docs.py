"""The API's description to try out. Its page needs a script and a style of Swagger's, so it has a policy of its own."""

from __future__ import annotations

import base64
import hashlib
import re

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
LIBRARY = "https://cdn.jsdelivr.net"


@router.get("/docs")
def docs() -> HTMLResponse:
    """Only the one script that stands in this page may run in it, known by its hash, and the library it starts."""
    page = get_swagger_ui_html(openapi_url="/openapi.json", title="Kelaspay: API", swagger_favicon_url="data:,")
    [inline] = SCRIPT.findall(bytes(page.body).decode())
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {LIBRARY} 'sha256-{digest}'; style-src {LIBRARY} 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page
