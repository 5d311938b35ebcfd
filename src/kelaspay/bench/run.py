"""A run: the measures that were asked for, one after another in a folder of their own, and what came of it."""

from __future__ import annotations

import itertools
import os
import platform
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx2

from kelaspay.bench import callbacks, enrolling, footprint, growth, limit, order_form
from kelaspay.bench.document import BY_HAND, Kept, Taken
from kelaspay.bench.figures import Better, Figure, Outcome, plain
from kelaspay.bench.load import wrk_program
from kelaspay.bench.programs import NotStarted
from kelaspay.bench.setting import Setting
from kelaspay.bench.stores import PostgresStore, SqliteStore
from kelaspay.outside import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kelaspay.bench.stores import Store

MEASURES: dict[tuple[int, ...], Callable[[Setting], Outcome]] = {
    (1, 2): callbacks.measure,
    (3,): enrolling.own_time,
    (4,): limit.measure,
    (5,): enrolling.calls,
    (6,): growth.measure,
    (7,): footprint.measure,
    (8,): order_form.measure,
}
SHORT = frozenset({1, 2, 5, 7})
BY_WRK = frozenset({1, 2, 6})
SUITE_SECONDS, STORY_SECONDS = 180.0, 30.0
SYNCS = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is asked for."""

    only: frozenset[int]
    """Numbers of measures; none of them means all, or with `short` the short ones."""
    short: bool
    rounds: int
    seconds: float
    """Of load in each round."""
    postgres: str | None
    redis: str | None
    suite_seconds: float | None
    story_seconds: float | None


def run(wanted: Wanted, tell: Callable[[str], None]) -> Kept:
    """Take the measures; 1 and 2 are taken together. Raises `LoadFailed`, `NotStarted` or `NotEnrolled`."""
    found = Outcome()
    taken: dict[str, Taken] = {}
    if _asked(wanted) & BY_WRK:
        wrk_program()
    with _setting(wanted, tell) as setting:
        here = Taken(f"{utc_now():%Y-%m-%d}", machine(setting.folder))
        for numbers, measure in MEASURES.items():
            asked = _asked(wanted).intersection(numbers)
            if not asked:
                continue
            began = time.monotonic()
            try:
                came = measure(setting).of(asked)
            except httpx2.HTTPError as error:
                raise NotStarted(f"measure {numbers[0]}: {error}") from error
            found.add(came)
            taken |= {str(figure.measure): here for figure in came.figures}
            tell(f"measure {', '.join(map(str, sorted(asked)))} took {time.monotonic() - began:.0f} s")
    by_hand = _by_hand(wanted)
    if by_hand:
        found.figures += by_hand
        taken[str(BY_HAND)] = here
    return Kept(found, taken)


def _asked(wanted: Wanted) -> frozenset[int]:
    return wanted.only or (SHORT if wanted.short else frozenset(itertools.chain(*MEASURES)))


def _by_hand(wanted: Wanted) -> list[Figure]:
    """Measure 9, whose seconds were read off a clock."""
    named = (
        ("the whole suite", wanted.suite_seconds, SUITE_SECONDS),
        ("story tests", wanted.story_seconds, STORY_SECONDS),
    )
    return [
        Figure(BY_HAND, name, seconds, seconds, seconds, "s", Better.LESS, target)
        for name, seconds, target in named
        if seconds is not None
    ]


@contextmanager
def _setting(wanted: Wanted, tell: Callable[[str], None]) -> Iterator[Setting]:
    """A folder on the disk of the temporary ones (TMPDIR), and the stores that there are; all removed afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kelaspay-bench-")))
        stores: list[Store] = [SqliteStore(folder)]
        if wanted.postgres is not None:
            server = PostgresStore(wanted.postgres, wanted.redis)
            stack.callback(server.close)
            stores.append(server)
        yield Setting(folder, tuple(stores), wanted.redis, wanted.rounds, wanted.seconds, wanted.short, tell)


def machine(folder: Path) -> str:
    """What it ran on, in a line: absolute figures mean little without."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()},"
        f" one fdatasync takes {plain(sync_milliseconds(folder))} ms"
    )


def sync_milliseconds(folder: Path) -> float:
    """How long the disk takes to keep 4 kB: no durable write is quicker."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _number in range(SYNCS):
            file.write(b"k" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return median(taken)
