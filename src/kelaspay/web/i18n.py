"""Which language a buyer's page speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.i18n import TRANSLATIONS, accepted

if TYPE_CHECKING:
    from fastapi import Request

COOKIE = "lang"
YEAR_SECONDS = 365 * 86_400


def language_of(request: Request) -> str:
    """What the buyer chose, now or earlier, else what the browser prefers, else Indonesian."""
    chosen = request.query_params.get("lang") or request.cookies.get(COOKIE)
    if chosen in TRANSLATIONS:
        return chosen
    return accepted(request.headers.get("accept-language", ""))
