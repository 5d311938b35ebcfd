"""Measure 7: from the command to the first answer, cold, with all migrations on an empty database; and the memory of an
idle process, that which ran the migrations and the next one. Beside it a FastAPI application of one route on the same
server.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kelaspay.bench import programs
from kelaspay.bench.figures import Better, Chart, Outcome, absolute, bar, ratio

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from kelaspay.bench.programs import Served
    from kelaspay.bench.setting import Setting

LONGEST_START = 3.0
MOST_MEMORY = 140.0
IDLE_SECONDS = 3.0
"""After the start, so that every loop has run."""
BARE = "bare FastAPI"
SERVE = "serve"
MIGRATED = "migrated"
"""What `serve` holds where it has run the migrations: until its next start."""
NAMES = {SERVE: "serve (web and worker)", "web": "serve --no-work", "work": "work", BARE: BARE}


def measure(setting: Setting) -> Outcome:
    started: dict[str, list[float]] = {name: [] for name in NAMES}
    resident: dict[str, list[float]] = {name: [] for name in (*NAMES, MIGRATED)}
    for number in range(setting.rounds):
        for name in NAMES:
            (seconds, first), (_, megabytes) = _looked_at(name, setting)
            started[name].append(seconds)
            resident[name].append(megabytes)
            if name == SERVE:
                resident[MIGRATED].append(first)
        setting.tell(
            f"start {number + 1}/{setting.rounds}: {started[SERVE][-1]:.2f} s, {resident[SERVE][-1]:.0f} MB;"
            f" {BARE} {started[BARE][-1]:.2f} s, {resident[BARE][-1]:.0f} MB"
        )
    return _outcome(started, resident)


def _looked_at(name: str, setting: Setting) -> list[tuple[float, float]]:
    """Seconds to ready and MB when idle: on an empty database, and once more on what the first start left."""
    store = setting.stores[0]
    found = []
    with store.copied(None) as url:
        for _ in range(2):
            with _running(name, setting, store.environment(url)) as served:
                time.sleep(IDLE_SECONDS)
                found.append((served.seconds_to_ready, programs.resident_mb(served.pid)))
    return found


def _running(name: str, setting: Setting, env: dict[str, str]) -> AbstractContextManager[Served]:
    folder = setting.folder
    if name == BARE:
        return programs.module("kelaspay.bench.bare_app", folder=folder)
    if name == "work":
        return programs.worker(env, folder)
    return programs.web(*(["--no-work"] if name == "web" else []), env=env, folder=folder)


def _outcome(started: dict[str, list[float]], resident: dict[str, list[float]]) -> Outcome:
    found = Outcome()
    found.figures.append(absolute(7, f"{NAMES[SERVE]}, start to ready", started[SERVE], unit="s", target=LONGEST_START))
    for name in (SERVE, "web", "work"):
        found.figures.append(absolute(7, f"{NAMES[name]}, idle", resident[name], unit="MB", target=MOST_MEMORY))
    migrated = f"{NAMES[SERVE]}, idle, having run all migrations"
    found.figures.append(absolute(7, migrated, resident[MIGRATED], unit="MB", target=None))
    for what, values, unit in (("start", started, "s"), ("memory", resident, "MB")):
        found.figures.append(
            ratio(7, f"{what}, beside {BARE}", values[SERVE], values[BARE], better=Better.LESS, target=None, unit=unit)
        )
        bars = tuple(bar(NAMES[name], values[name], ours=name != BARE) for name in NAMES)
        title = {"start": "Start to ready, empty database", "memory": "Resident memory, idle"}[what]
        target = LONGEST_START if what == "start" else MOST_MEMORY
        found.charts.append(Chart(f"7-{what}", title, unit, bars, target))
    return found
