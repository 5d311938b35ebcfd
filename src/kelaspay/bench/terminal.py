"""A run's figures as a person reads them in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from kelaspay.bench.document import NAMES, number, spread, target

if TYPE_CHECKING:
    from kelaspay.bench.document import Kept
    from kelaspay.bench.figures import Figure

VERDICTS = {True: "[green]met[/]", False: "[bold red]missed[/]", None: ""}


def show(kept: Kept) -> None:
    """Print the table, and what was not measured."""
    console = Console()
    for machine in sorted({taken.machine for taken in kept.taken.values()}):
        console.print(f"{machine}\n", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("figure", ratio=1, overflow="fold")
    for heading in ("value", "rounds", "to reach"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    measure = 0
    for figure in kept.outcome.figures:
        if figure.measure != measure:
            measure = figure.measure
            table.add_row(f"[bold]{measure}  {NAMES[measure]}[/]")
        table.add_row(*_cells(figure))
    console.print(table, highlight=False)
    for each in kept.outcome.missing:
        console.print(f"Not measured: {NAMES[each.measure]}, {each.name}: {each.why}", highlight=False)


def _cells(figure: Figure) -> tuple[str, ...]:
    said = f" [dim]({figure.absolute})[/]" if figure.absolute else ""
    return (
        f"   {figure.name}{said}",
        number(figure.value, figure.unit),
        spread(figure),
        target(figure),
        VERDICTS[figure.met],
    )
