"""What is kept of a run: `docs/performance.json`, from which the short form sees a fall; the table in
`docs/performance.md` between two marks, so that what people wrote around it stays; and a chart a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from kelaspay.bench.charts import svg
from kelaspay.bench.figures import TIMES, Better, Figure, Outcome, plain, read, told

if TYPE_CHECKING:
    from pathlib import Path

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NAMES = {
    1: "Callbacks a second, concurrency 64",
    2: "p99 of a callback, concurrency 16",
    3: "Own time from callback to enrolled",
    4: "Enrollments a minute at Thinkific's limit",
    5: "Thinkific calls per enrollment, external order aside",
    6: "Cost at 1 000 000 payments, of that at 1 000",
    7: "Start and memory",
    8: "Order form",
    9: "`make test`, two cores (taken by hand)",
}
BY_HAND = 9
CARRIED = frozenset({1, 2, 3, 4, 6, 7})
"""The measures that tell what a machine can carry."""
NONE_YET = "No figures are here yet."


class NoMarks(Exception):  # noqa: N818 - says what happened
    """The document has no place for what was measured: put both marks in it, each on a line of its own."""


class Taken(NamedTuple):
    """When a measure was taken, and on what."""

    day: str
    machine: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run found, and of each measure, by its number, where and when."""

    outcome: Outcome
    taken: dict[str, Taken] = field(default_factory=dict)


def load(path: Path) -> Kept:
    """What is kept; nothing where there is no such file."""
    if not path.exists():
        return Kept(Outcome())
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Kept(read(kept), {number: Taken(**taken) for number, taken in kept["taken"].items()})


def merged(before: Kept, now: Kept) -> Kept:
    """What was measured now in the place of the same measures before; the others stay, and so do the figures that are
    missing now, where a measure could not be taken whole.
    """
    again = frozenset(map(int, now.taken))
    partly = {each.measure for each in now.outcome.missing}
    found = {figure.key for figure in now.outcome.figures}
    drawn = {chart.name for chart in now.outcome.charts}
    kept = before.outcome.of(frozenset(NAMES) - again)
    kept.add(now.outcome)
    stay = before.outcome.of(again & partly)
    kept.figures += [figure for figure in stay.figures if figure.key not in found]
    kept.charts += [chart for chart in stay.charts if chart.name not in drawn]
    kept.missing = [each for each in kept.missing if not any(figure.measure == each.measure for figure in kept.figures)]
    kept.figures.sort(key=lambda each: each.measure)
    kept.missing.sort(key=lambda each: each.measure)
    kept.charts.sort(key=lambda each: each.name)
    return Kept(kept, before.taken | now.taken)


def writable(page: Path) -> None:
    """Raises `NoMarks` or `OSError` where `write` would: before anything is measured."""
    between(page.read_text(encoding="utf-8"), "")


def write(page: Path, kept: Kept) -> None:
    """Write the page, the JSON beside it, the charts in a folder beside it, and what a machine carried in the page of
    limits, where there is one. Raises `NoMarks`.
    """
    written = between(page.read_text(encoding="utf-8"), markdown(kept, page.stem))
    page.write_text(written, encoding="utf-8")
    limits = page.parent / "operations" / "limits.md"
    if limits.exists():
        limits.write_text(between(limits.read_text(encoding="utf-8"), carried(kept)), encoding="utf-8")
    page.with_suffix(".json").write_text(json.dumps(as_json(kept), indent=1, ensure_ascii=False) + "\n", "utf-8")
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    for chart in kept.outcome.charts:
        (folder / f"{chart.name}.svg").write_text(svg(chart), encoding="utf-8")


def as_json(kept: Kept) -> dict[str, Any]:
    return {"taken": {number: taken._asdict() for number, taken in kept.taken.items()}} | told(kept.outcome)


def between(page: str, text: str) -> str:
    """The page with the text between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise NoMarks
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def markdown(kept: Kept, folder: str) -> str:
    """The table, what was not measured, and the charts."""
    outcome = kept.outcome
    lines = [
        *_taken(kept),
        "",
        "| measure | | figure | rounds from … to | to reach | |",
        "| --- | --- | --- | --- | --- | --- |",
        *map(_row, outcome.figures),
    ]
    if outcome.missing:
        lines += ["", "Not measured:", ""]
        lines += [f"- {NAMES[each.measure]}, {each.name}: {each.why}" for each in outcome.missing]
    for chart in outcome.charts:
        lines += ["", f"![{chart.title}]({folder}/{chart.name}.svg)"]
    return "\n".join(lines)


def carried(kept: Kept) -> str:
    """What a machine was seen to carry, without what was to be reached."""
    carry = [figure for figure in kept.outcome.figures if figure.measure in CARRIED]
    rows = [f"| {NAMES[each.measure]}: {each.name} | {_carries(each)} |" for each in carry]
    if not rows:
        return NONE_YET
    return "\n".join([*_taken(kept), "", "| on this machine | Kelaspay |", "| --- | --- |", *rows])


def _carries(figure: Figure) -> str:
    """The figure itself, not as a share of another's."""
    if figure.unit == TIMES:
        return figure.absolute
    return f"{number(figure.value, figure.unit)}{f', {figure.absolute}' if figure.absolute else ''}"


def _taken(kept: Kept) -> list[str]:
    """On what and when; a line for each group of measures that were taken apart."""
    groups = sorted(set(kept.taken.values()))
    if len(groups) == 1:
        return [f"{groups[0].machine}. Taken {groups[0].day}."]
    those = {group: [measure for measure, taken in sorted(kept.taken.items()) if taken == group] for group in groups}
    return [f"- {', '.join(measures)}: {group.machine}. Taken {group.day}." for group, measures in those.items()]


def _row(figure: Figure) -> str:
    said = f" ({figure.absolute})" if figure.absolute else ""
    cells = (
        f"{figure.measure} {NAMES[figure.measure]}",
        f"{figure.name}{said}",
        f"**{number(figure.value, figure.unit)}**",
        spread(figure),
        target(figure),
        {True: "met", False: "**missed**", None: ""}[figure.met],
    )
    return f"| {' | '.join(cells)} |"


def target(figure: Figure) -> str:
    """What is to be reached, in words; nothing where nothing is."""
    if figure.target is None:
        return ""
    return f"{'≥' if figure.better is Better.MORE else '≤'} {number(figure.target, figure.unit)}"


def spread(figure: Figure) -> str:
    """From the least to the greatest of the rounds; nothing where they agree."""
    return "" if figure.low == figure.high else f"{number(figure.low)} … {number(figure.high)}"


def number(value: float, unit: str = "") -> str:
    """A figure with its unit."""
    return f"{plain(value)} {unit}".rstrip()
