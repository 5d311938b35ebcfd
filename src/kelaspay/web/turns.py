"""Where a public form is counted before it is looked at, by whoever sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import Request

    from kelaspay.outside import Outside


def take_turn(request: Request, what: str, *, email: str = "") -> None:
    """Raises `TooManyAttempts` where this network address, or this e-mail address, has used the form too often."""
    outside: Outside = request.app.state.outside
    outside.limits.count(what, address=request.client.host if request.client else "", email=email)
