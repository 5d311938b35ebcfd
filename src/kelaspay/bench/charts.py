"""Charts as small SVG files: a bar for each value, a line from its least to its greatest round, and the target."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kelaspay.bench.figures import plain

if TYPE_CHECKING:
    from kelaspay.bench.figures import Bar, Chart

WIDTH = 760
LABELS = 270
VALUES = 110
ROW = 30
BAR = 16
HEAD = 46
FOOT = 14
OURS, OTHERS, INK, LINE, GOAL = "#0f766e", "#a8b3bd", "#1f2933", "#52606d", "#b45309"
ROOM = WIDTH - LABELS - VALUES


def svg(chart: Chart) -> str:
    """The chart as a file of its own, readable on light and dark pages."""
    most = max([bar.high for bar in chart.bars] + ([chart.target] if chart.target else []), default=1.0) or 1.0
    height = HEAD + ROW * len(chart.bars) + FOOT
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    said = f'role="img" aria-label="{escape(_said(chart))}"'
    title = f"{escape(chart.title)} ({escape(chart.unit)})"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {said} font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="600" fill="{INK}">{title}</text>',
        *(_row(bar, HEAD + ROW * number, ROOM / most) for number, bar in enumerate(chart.bars)),
    ]
    if chart.target is not None:
        parts.append(_target(chart.target, LABELS + chart.target * ROOM / most, height))
    return "\n".join([*parts, "</svg>", ""])


def _row(bar: Bar, top: float, scale: float) -> str:
    middle = top + BAR / 2
    end, low, high = (LABELS + max(0.0, each) * scale for each in (bar.value, bar.low, bar.high))
    return (
        f'<text x="{LABELS - 10}" y="{middle + 4:.0f}" text-anchor="end" fill="{INK}">{escape(bar.label)}</text>'
        f'<rect x="{LABELS}" y="{top}" width="{max(1.0, end - LABELS):.1f}" height="{BAR}"'
        f' fill="{OURS if bar.ours else OTHERS}"/>'
        f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8" stroke="{LINE}"/>'
        f'<text x="{max(end, high) + 8:.1f}" y="{middle + 4:.0f}" fill="{INK}">{escape(plain(bar.value))}</text>'
    )


def _target(value: float, at: float, height: int) -> str:
    return (
        f'<path d="M{at:.1f} {HEAD - 8}V{height - FOOT}" stroke="{GOAL}" stroke-dasharray="4 3"/>'
        f'<text x="{at:.1f}" y="{HEAD - 11}" text-anchor="middle" font-size="11" fill="{GOAL}">'
        f"target {escape(plain(value))}</text>"
    )


def _said(chart: Chart) -> str:
    """The chart in words."""
    bars = "; ".join(f"{bar.label} {plain(bar.value)}" for bar in chart.bars)
    return f"{chart.title}: {bars} {chart.unit}"
