"""Measure 4: enrollments a minute while Thinkific allows 120 calls, with one, two and four workers, against the limit
divided by the calls that an enrollment takes.

A fixed number of buyers, all paid before the work begins; the rate is that from Thinkific's first call to its last, and
a single 429 fails it. It runs for minutes, which is its own average, so there are no rounds.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from kelaspay.bench.figures import TIMES, Bar, Better, Chart, Figure, Missing, Outcome, plain
from kelaspay.bench.scene import migrated, scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kelaspay.bench.scene import Call, Scene
    from kelaspay.bench.setting import Setting

LIMIT = 120
CALLS = 3
"""An enrollment of a new buyer: the user, the enrollment, the external order."""
BUYERS = 100
WORKERS = (1, 2, 4)
WANTED = 0.97
TOO_MANY = 429
PATIENCE = 240.0


def measure(setting: Setting) -> Outcome:
    store = next((each for each in setting.stores if each.name == "PostgreSQL"), None)
    if store is None or setting.redis_url is None:
        return Outcome(
            missing=[Missing(4, "1, 2 and 4 workers", f"no {'PostgreSQL' if store is None else 'Redis'} was named")]
        )
    found, bars = Outcome(), []
    for workers in WORKERS:
        template = store.template(migrated)
        with store.copied(template) as url, scene(store, url, setting.folder, workers=workers, limit=LIMIT) as at:
            made = _all_enrolled(at)
        figure = rated(made, workers)
        found.figures += [figure, _refused(made, workers)]
        bars.append(
            Bar(
                _named(workers),
                figure.value * LIMIT / CALLS,
                figure.low * LIMIT / CALLS,
                figure.high * LIMIT / CALLS,
                ours=True,
            )
        )
        setting.tell(f"{_named(workers)}: {figure.value:.3f} of the limit")
    title = f"Enrollments a minute at {LIMIT} calls a minute"
    found.charts.append(Chart("4-limit", title, "a minute", tuple(bars), target=LIMIT / CALLS))
    return found


def _all_enrolled(at: Scene) -> list[Call]:
    """Thinkific's calls for all the buyers."""
    callbacks = [at.pay(at.order(f"buyer-{number}@example.com")) for number in range(BUYERS)]
    before = len(at.thinkific_calls(0))
    for callback in callbacks:
        at.call_back(callback)
    for callback in callbacks:
        at.enrolled(callback["merchantOrderId"], PATIENCE)
    return at.thinkific_calls(before)


def rated(made: Sequence[Call], workers: int) -> Figure:
    """The part of the limit that was used; the spread is over the whole minutes of the run."""
    times = sorted(call.at for call in made if call.status != TOO_MANY)
    minutes = (times[-1] - times[0]).total_seconds() / 60
    rate = (len(times) - 1) / minutes
    windows = [float(sum(0 <= (each - start).total_seconds() < 60 for each in times)) for start in times]  # noqa: PLR2004 - a minute
    whole = [
        count
        for count, start in zip(windows, times, strict=True)
        if (times[-1] - start).total_seconds() >= 60  # noqa: PLR2004 - a minute
    ] or [rate]
    said = (
        f"{plain(rate / CALLS)} enrollments a minute of {LIMIT / CALLS:.0f}; a minute had {plain(fmean(whole))} calls"
    )
    return Figure(
        4, _named(workers), rate / LIMIT, min(whole) / LIMIT, max(whole) / LIMIT, TIMES, Better.MORE, WANTED, said
    )


def _refused(made: Sequence[Call], workers: int) -> Figure:
    count = float(sum(call.status == TOO_MANY for call in made))
    return Figure(4, f"{_named(workers)}, answers of 429", count, count, count, "answers", Better.LESS, 0.0)


def _named(workers: int) -> str:
    return f"{workers} worker{'s' if workers > 1 else ''}"
