"""Measure 6: what a callback, an enrollment and the console's lists cost at a million payments, against a thousand.

Two databases, filled in bulk, the same but for the number of completed payments. The service runs on one and on the
other in turn.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

import httpx2

from kelaspay.bench import programs
from kelaspay.bench.callbacks import Contender, race, written
from kelaspay.bench.enrolling import overheads
from kelaspay.bench.figures import Better, Figure, Outcome, plain, ratio
from kelaspay.bench.population import populate, waiting_ids
from kelaspay.bench.scene import scene
from kelaspay.operators import accept, invite
from kelaspay.outside import utc_now
from kelaspay.store.database import Database
from kelaspay.store.operators import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.bench.programs import Served
    from kelaspay.bench.setting import Setting
    from kelaspay.bench.stores import Store

FEW, MANY = 1_000, 1_000_000
WAITING = 500
"""Of either number: the payments that callbacks are sent for."""
MOST = 1.15
VIEWS = 30
PASSWORD = "sebuah kata sandi panjang"  # noqa: S105 - of a database that is thrown away
COOKIE = "kelaspay_session"
PAGES = {
    "the console's home": "/console",
    "list of payments": "/console/payments",
    "list of completed payments": "/console/payments?status=completed",
    "payments of an e-mail address": "/console/payments?q=klp-bench-d00000100@example.com",
    "list of events": "/console/events",
    "list of jobs": "/console/jobs",
}
Sides = dict[int, str]
"""The number of payments to the database's address."""


def measure(setting: Setting) -> Outcome:
    found = Outcome()
    for store in setting.stores:
        sides = {size: _filled(setting, store, size) for size in (FEW, MANY)}
        found.figures.append(_enrolling(setting, store, sides))
        found.figures += _pages(setting, store, sides)
        found.figures.append(_callbacks(setting, store, sides))
    return found


def _filled(setting: Setting, store: Store, size: int) -> str:
    setting.tell(f"{plain(size)} payments for {store.name}")
    began = time.monotonic()
    url = store.template(
        lambda database: populate(database, waiting=waiting_ids(WAITING), completed=size - WAITING, now=utc_now())
    )
    setting.tell(f"{plain(size)} payments took {time.monotonic() - began:.0f} s")
    return url


def _enrolling(setting: Setting, store: Store, sides: Sides) -> Figure:
    """Own time from callback to enrolled."""
    times: dict[int, list[float]] = {size: [] for size in sides}
    for turn in range(setting.rounds):
        for size, url in sides.items():
            with scene(store, url, setting.folder) as at:
                rounds = overheads(
                    setting, at, f"{store.name}, {plain(size)} payments", mark=f"{size}-{turn}", rounds=1
                )
            times[size].append(median(rounds[0]))
    name = f"{store.name}, callback to enrolled at {plain(MANY)} payments"
    return ratio(6, name, times[MANY], times[FEW], better=Better.LESS, target=MOST, unit="ms")


def _callbacks(setting: Setting, store: Store, sides: Sides) -> Figure:
    contenders = {size: _contender(setting, store, size, url) for size, url in sides.items()}
    costs: dict[int, list[float]] = {size: [] for size in sides}
    for turn in range(setting.rounds):
        bodies = written(setting.folder, waiting_ids(WAITING), setting.seconds, mark=f"R{turn}")
        seen = race(setting, list(contenders.values()), bodies, rounds=1)
        for size, contender in contenders.items():
            costs[size].append(1e6 / seen[contender.name][0].busy.per_second)
    name = f"{store.name}, a callback at {plain(MANY)} payments"
    return ratio(6, name, costs[MANY], costs[FEW], better=Better.LESS, target=MOST, unit="µs")


def _contender(setting: Setting, store: Store, size: int, url: str) -> Contender:
    @contextmanager
    def serving() -> Iterator[Served]:
        with programs.web("--no-work", env=store.environment(url), folder=setting.folder) as served:
            yield served

    return Contender(f"{store.name}, {plain(size)} payments", serving)


def _pages(setting: Setting, store: Store, sides: Sides) -> list[Figure]:
    """How long the console's pages take an operator who is signed in."""
    times: dict[str, dict[int, list[float]]] = {name: {size: [] for size in sides} for name in PAGES}
    for _turn in range(setting.rounds):
        for size, url in sides.items():
            for name, milliseconds in _viewed(setting, store, url).items():
                times[name][size].append(milliseconds)
    figures = [
        ratio(6, f"{store.name}, {name}", taken[MANY], taken[FEW], better=Better.LESS, target=MOST, unit="ms")
        for name, taken in times.items()
    ]
    for figure in figures:
        setting.tell(f"{figure.name}: {figure.value:.2f} ({figure.absolute})")
    return figures


def _viewed(setting: Setting, store: Store, url: str) -> dict[str, float]:
    """The median time of each page."""
    cookies = {COOKIE: _signed_in(url)}
    with (
        programs.web("--no-work", env=store.environment(url), folder=setting.folder) as served,
        httpx2.Client(base_url=served.url, cookies=cookies) as http,
    ):
        return {name: median(_milliseconds(http, path) for _view in range(VIEWS)) for name, path in PAGES.items()}


def _milliseconds(http: httpx2.Client, path: str) -> float:
    began = time.perf_counter()
    http.get(path).raise_for_status()
    return (time.perf_counter() - began) * 1000


def _signed_in(url: str) -> str:
    """The token of a session of an owner."""
    database = Database(url)
    try:
        token = invite(database, email="owner@example.com", name="Owner", role=Role.OWNER, now=utc_now())
        return accept(database, token, PASSWORD, address="127.0.0.1", now=utc_now()).token
    finally:
        database.close()
