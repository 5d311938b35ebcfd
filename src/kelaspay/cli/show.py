"""How commands print: tables and facts for people, JSON for scripts.

A table fits the terminal: long names give way first, then the least important columns, and ids are never cut. Into a
pipe or a file all of it is printed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size

from kelaspay.formats import WIB, rupiah

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_FAILED, EXIT_WRONG_USE = 1, 2
AMOUNTS = frozenset({"payment_amount", "amount_received", "amount", "price", "price_before", "discount", "fee"})
NOTHING = "–"  # noqa: RUF001 - a dash, as in print
GAP = "  "
ALWAYS = 9
SHORTEST = 10
"""Cells that a column which gives way keeps."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@dataclass(frozen=True, slots=True)
class Column:
    """A value of each row, its heading, and what becomes of it where room is short."""

    name: str
    heading: str = ""
    weight: int = ALWAYS
    """The lightest columns are left out first; `ALWAYS` never."""
    yields: bool = False
    """Whether its cells may be cut."""

    def title(self) -> str:
        return self.heading or self.name


def data(value: object) -> None:
    """Print JSON to standard output."""
    print(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def told(said: str, *, json: bool, dry_run: bool = False, **facts: object) -> None:
    """Print what was done in a sentence, or as JSON with what it was done to."""
    data({**facts, "dry_run": dry_run, "said": said}) if json else print(said)


def table(rows: Sequence[dict[str, Any]], columns: Sequence[Column], *, empty: str) -> None:
    """Print a table, or in words that there is nothing. Columns that say nothing of any row are left out."""
    if not rows:
        print(empty)
        return
    telling = [column for column in columns if any(row.get(column.name) is not None for row in rows)]
    cells = {column: [column.title(), *(_cell(column, row) for row in rows)] for column in telling}
    widths = _fitted({column: max(map(cell_len, texts)) for column, texts in cells.items()}, _room())
    for number in range(len(rows) + 1):
        line = GAP.join(_sized(cells[column][number], width) for column, width in widths.items()).rstrip()
        typer.echo(typer.style(line, bold=True) if number == 0 else line)
    hidden = [column.name for column in telling if column not in widths]
    if hidden:
        print(f"No room for {', '.join(hidden)}: widen the terminal, or --json.")


def facts(values: dict[str, Any], *, indent: str = "") -> None:
    """Print names and values, one a line; what is not known is left out."""
    known = {name: text(value, name) for name, value in values.items() if value is not None}
    width = max(map(len, known), default=0)
    for name, said in known.items():
        print(f"{indent}{name:<{width}}{GAP}{said}")


def rows_of(values: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]


def text(value: object, name: str = "") -> str:
    """A value in words: Jakarta's time, rupiah with dots, and nothing that could move the terminal's cursor."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in AMOUNTS:
        return rupiah(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(WIB):%Y-%m-%d %H:%M:%S} WIB"
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def _cell(column: Column, row: dict[str, Any]) -> str:
    value = row.get(column.name)
    if isinstance(value, datetime):  # the heading says WIB
        return f"{value.astimezone(WIB):%Y-%m-%d %H:%M}"
    return text(value, column.name)


def _room() -> int | None:
    """The terminal's width, or COLUMNS; None where nobody looks."""
    return shutil.get_terminal_size(fallback=(0, 0)).columns or None


def _fitted(widths: dict[Column, int], room: int | None) -> dict[Column, int]:
    """The columns that fit, each with its width."""
    if room is None:
        return widths
    while _total(_narrowed(widths)) > room and any(column.weight < ALWAYS for column in widths):
        lightest = min(reversed(widths), key=lambda column: column.weight)
        widths = {column: width for column, width in widths.items() if column is not lightest}
    over = _total(widths) - room
    for column in sorted(widths, key=lambda column: column.weight):
        if column.yields and over > 0:
            given = min(over, max(0, widths[column] - SHORTEST))
            widths = widths | {column: widths[column] - given}
            over -= given
    return widths


def _narrowed(widths: dict[Column, int]) -> dict[Column, int]:
    return {column: min(width, SHORTEST) if column.yields else width for column, width in widths.items()}


def _total(widths: dict[Column, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _sized(cell: str, width: int) -> str:
    if cell_len(cell) <= width:
        return set_cell_size(cell, width)
    return set_cell_size(cell, width - 1) + "…"


def plain(value: object) -> object:
    """What JSON has no word for."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
