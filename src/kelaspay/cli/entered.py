"""What was typed as an option, as the flows take it; what cannot be taken is wrong use of that option."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from kelaspay.formats import whole_read, wib_read

if TYPE_CHECKING:
    from datetime import datetime

LARGEST_ID = 2**63 - 1
"""That a database can look for."""


def whole(help: str | None = None, *, most: int = LARGEST_ID, **told: Any) -> Any:  # noqa: A002 - as Typer calls it
    """An option for a whole number above 0, also with dots for the thousands. Typer by itself takes 250.000 for 250."""
    shown = most if most < LARGEST_ID else None
    return typer.Option(parser=partial(_whole, 1, most), min=1, max=shown, help=help, **told)


def numbered(help: str) -> Any:  # noqa: A002 - as Typer calls it
    """An argument for an id."""
    return typer.Argument(parser=partial(_whole, 0, LARGEST_ID), help=help)


def _whole(least: int, most: int, text: object) -> int:
    number = whole_read(str(text))
    if number is not None and number > most == LARGEST_ID:
        raise typer.BadParameter("is larger than any")
    if number is None or not least <= number <= most:
        limits = f"from {least} to {most}" if most < LARGEST_ID else f"of at least {least}"
        raise typer.BadParameter(f"must be a whole number {limits}")
    return number


def reason(text: str) -> str:
    """A reason that says something; for the callback of an option."""
    if not text.strip():
        raise typer.BadParameter("must not be empty")
    return text


def time(text: str | None, option: str) -> datetime | None:
    """A time like 2026-12-01 or 2026-12-01T08:00, WIB; None for nothing."""
    if not text:
        return None
    try:
        return wib_read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
