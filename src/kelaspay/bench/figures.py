"""What a measurement found: a figure with its spread and what it is to reach, and what could not be measured and why;
and whether a figure has fallen since the one that was kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TIMES = "×"  # noqa: RUF001 - the sign of a ratio
CALLS = "calls"
COMPARED = frozenset({TIMES, CALLS})
"""Units that mean the same on every machine."""
MOST_FALL = 0.25
"""The part of a figure that may be lost before it counts as fallen."""


class Better(StrEnum):
    MORE = "more"
    LESS = "less"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    measure: int
    name: str
    value: float
    low: float
    """The least of the rounds."""
    high: float
    unit: str
    better: Better
    target: float | None
    """None: shown beside another, without a target of its own."""
    absolute: str = ""
    """What the ratio was made of, in words."""

    @property
    def key(self) -> str:
        return f"{self.measure}. {self.name}"

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.better is Better.MORE else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Missing:
    """What was not measured, and why."""

    measure: int
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A value of a chart with the least and the greatest of its rounds."""

    label: str
    value: float
    low: float
    high: float
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    name: str
    """Of its file."""
    title: str
    unit: str
    bars: tuple[Bar, ...]
    target: float | None = None


@dataclass(slots=True)
class Outcome:
    """What one measure gave."""

    figures: list[Figure] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.figures += other.figures
        self.missing += other.missing
        self.charts += other.charts

    def of(self, measures: frozenset[int]) -> Outcome:
        """What belongs to these measures alone: some are taken together."""
        return Outcome(
            [each for each in self.figures if each.measure in measures],
            [each for each in self.missing if each.measure in measures],
            [each for each in self.charts if int(each.name.split("-")[0]) in measures],
        )


def ratio(
    measure: int,
    name: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    better: Better,
    target: float | None,
    unit: str,
) -> Figure:
    """The ratio of the medians; its spread is that of the rounds, each round's two taken together."""
    rounds = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    said = f"{plain(median(ours))} {unit} to {plain(median(theirs))}"
    value = median(ours) / median(theirs)
    return Figure(measure, name, value, min(rounds), max(rounds), TIMES, better, target, said)


def plain(value: float) -> str:
    """A number as it is read: no more digits than it deserves."""
    if value >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def absolute(
    measure: int, name: str, rounds: Sequence[float], *, unit: str, target: float | None, better: Better = Better.LESS
) -> Figure:
    """The median of the rounds as it is."""
    return Figure(measure, name, median(rounds), min(rounds), max(rounds), unit, better, target)


def bar(label: str, rounds: Sequence[float], *, ours: bool = False) -> Bar:
    return Bar(label, median(rounds), min(rounds), max(rounds), ours)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which so large a share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def fallen(kept: Sequence[Figure], found: Sequence[Figure]) -> list[str]:
    """The figures that lost more than `MOST_FALL` since they were kept, in words. Only what means the same on every
    machine is compared, and a figure that was not kept has not fallen. The best of the rounds counts: whatever else a
    machine does makes rounds worse, and a real loss leaves none of them as good as before.
    """
    before = {figure.key: figure for figure in kept}
    pairs = [(before[now.key], now) for now in found if now.key in before and now.unit in COMPARED]
    return [
        f"{now.key}: at best {plain(_best(now))} {now.unit}, was {plain(old.value)}"
        for old, now in pairs
        if _worse(old, now)
    ]


def _best(figure: Figure) -> float:
    return figure.high if figure.better is Better.MORE else figure.low


def _worse(old: Figure, now: Figure) -> bool:
    if now.better is Better.MORE:
        return _best(now) < old.value * (1 - MOST_FALL)
    return _best(now) * (1 - MOST_FALL) > old.value


def told(outcome: Outcome) -> dict[str, Any]:
    """As JSON keeps it."""
    return asdict(outcome)


def read(kept: Mapping[str, Any]) -> Outcome:
    """What `told` told."""
    return Outcome(
        [Figure(**{**each, "better": Better(each["better"])}) for each in kept.get("figures", [])],
        [Missing(**each) for each in kept.get("missing", [])],
        [Chart(**{**each, "bars": tuple(Bar(**bar) for bar in each["bars"])}) for each in kept.get("charts", [])],
    )
