"""How commands print: a table for people, JSON for scripts."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILED = 1
WIB = timezone(timedelta(hours=7), "WIB")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def data(value: object) -> None:
    """Print JSON to standard output."""
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Print a table, or in words that there is nothing."""
    if not rows:
        print(empty)
        return
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*(text(row.get(column)) for column in columns))
    console().print(shown)


def facts(values: dict[str, Any]) -> None:
    """Print names and values, one a line; what is not known is left out."""
    width = max(len(name) for name in values)
    for name, value in values.items():
        if value is not None:
            console().print(f"{name:<{width}}  {text(value)}", highlight=False, markup=False, soft_wrap=True)


def rows_of(values: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]


def text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value.astimezone(WIB):%Y-%m-%d %H:%M:%S} WIB"
    return str(value)


def console() -> Console:
    return Console(soft_wrap=True)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
