"""Measures 1 and 2: callbacks acknowledged a second at concurrency 64, and the slowest of a hundred at 16.

`kelaspay serve --no-work` keeps each callback on disk before it answers. Beside it, one after another in each round:
a bare handler that only checks the signature, one that inserts one row and commits for each request, and an Express
handler that writes to Redis and waits for no disk. Each starts anew with a database of its own.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay.bench import programs
from kelaspay.bench.figures import Better, Chart, Figure, Missing, Outcome, bar, plain, ratio
from kelaspay.bench.load import Seen, write_bodies, wrk
from kelaspay.bench.population import populate, waiting_ids
from kelaspay.bench.programs import NotStarted
from kelaspay.outside import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kelaspay.bench.programs import Served
    from kelaspay.bench.setting import Setting
    from kelaspay.bench.stores import Store

BUSY = 64
QUIET = 16
WAITING = 60_000
"""Payments that callbacks are sent for."""
FASTEST = 50_000
"""Requests a second that no program here reaches: so many bodies are made for each second."""
WARM_SECONDS = 1.0
BARE = "signature only"
EXPRESS = "Express 4 and Redis"
OF_BARE = {"SQLite": 0.55, "PostgreSQL": 0.4}
OF_ONE_EACH = {"SQLite": 2.0, "PostgreSQL": 1.8}


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    serving: Callable[[], AbstractContextManager[Served]]


@dataclass(frozen=True, slots=True)
class Bodies:
    """Callbacks to warm up with and to measure with; each is sent once to a database."""

    warm: Path
    quiet: Path
    busy: Path


@dataclass(frozen=True, slots=True)
class Round:
    """What one contender did in one round."""

    busy: Seen
    quiet: Seen


Rounds = dict[str, list[Round]]


def measure(setting: Setting) -> Outcome:
    """Both measures: each contender is loaded at both concurrencies each time it runs."""
    with ExitStack() as stack:
        contenders, missing = _contenders(setting, stack)
        orders = waiting_ids(WAITING)
        bodies = written(setting.folder, orders, setting.seconds, mark="")
        rounds = race(setting, contenders, bodies)
    stores = [store.name for store in setting.stores]
    found = Outcome([*_rates(rounds, stores), *_delays(rounds, stores)], missing)
    found.charts = _charts(rounds)
    return found


def race(setting: Setting, contenders: Sequence[Contender], bodies: Bodies, *, rounds: int | None = None) -> Rounds:
    """Every contender in every round, each started anew and alone."""
    found: Rounds = defaultdict(list)
    for _round in range(rounds or setting.rounds):
        for contender in contenders:
            with contender.serving() as served:
                wrk(served.url, bodies.warm, concurrency=QUIET, seconds=WARM_SECONDS)
                quiet = wrk(served.url, bodies.quiet, concurrency=QUIET, seconds=setting.seconds)
                busy = wrk(served.url, bodies.busy, concurrency=BUSY, seconds=setting.seconds)
            found[contender.name].append(Round(busy, quiet))
            setting.tell(
                f"callbacks  {contender.name}: {plain(busy.per_second)} a second, p99 {quiet.p99_ms:.1f} ms at {QUIET}"
            )
    return found


def written(folder: Path, orders: Sequence[str], seconds: float, *, mark: str) -> Bodies:
    """`mark` keeps them apart from those of other rounds on the same database."""
    made = Bodies(*(folder / f"bodies-{name}" for name in ("warm", "quiet", "busy")))
    for path, letter, lasts in ((made.warm, "A", WARM_SECONDS), (made.quiet, "B", seconds), (made.busy, "C", seconds)):
        write_bodies(path, orders, int(FASTEST * lasts), f"{mark}{letter}")
    return made


def ours(store: str) -> str:
    return f"Kelaspay on {store}"


def one_each(store: str) -> str:
    return f"one INSERT and commit each, {store}"


def _contenders(setting: Setting, stack: ExitStack) -> tuple[list[Contender], list[Missing]]:
    contenders = [Contender(BARE, lambda: programs.module(MODULE, folder=setting.folder))]
    for store in setting.stores:
        setting.tell(f"{plain(WAITING)} payments for {store.name}")
        template = store.template(
            lambda database: populate(database, waiting=waiting_ids(WAITING), completed=0, now=utc_now())
        )
        contenders += [_one_each(store, setting.folder), _kelaspay(store, template, setting.folder)]
    missing = [
        Missing(1, f"on {name}", f"no {name} was named") for name in OF_BARE if name not in _names(setting.stores)
    ]
    why = _no_express(setting, stack)
    if why is not None:
        return contenders, [*missing, Missing(1, f"beside {EXPRESS}", why)]
    redis_url = setting.redis_url or ""
    return [*contenders, Contender(EXPRESS, lambda: programs.express(redis_url, setting.folder))], missing


MODULE = "kelaspay.bench.contenders"


def _one_each(store: Store, folder: Path) -> Contender:
    @contextmanager
    def serving() -> Iterator[Served]:
        with store.copied(None) as url, programs.module(MODULE, url, folder=folder) as served:
            yield served

    return Contender(one_each(store.name), serving)


def _kelaspay(store: Store, template: str, folder: Path) -> Contender:
    @contextmanager
    def serving() -> Iterator[Served]:
        with (
            store.copied(template) as url,
            programs.web("--no-work", env=store.environment(url), folder=folder) as served,
        ):
            yield served

    return Contender(ours(store.name), serving)


def _no_express(setting: Setting, stack: ExitStack) -> str | None:
    """Why Express cannot be measured."""
    if setting.short:
        return "left out of the short form"
    if setting.redis_url is None:
        return "no Redis was named"
    try:
        stack.enter_context(programs.express(setting.redis_url, setting.folder))
    except NotStarted as error:
        return str(error)
    stack.close()
    return None


def _names(stores: Sequence[Store]) -> list[str]:
    return [store.name for store in stores]


def _rates(rounds: Rounds, stores: Sequence[str]) -> Iterator[Figure]:
    rates = {name: [each.busy.per_second for each in those] for name, those in rounds.items()}
    for store in stores:
        mine = rates[ours(store)]
        against = [
            (f"{store}, beside a handler that checks the {BARE}", BARE, OF_BARE[store]),
            (f"{store}, beside one INSERT and commit each", one_each(store), OF_ONE_EACH[store]),
            (f"{store}, beside {EXPRESS}, which is not durable", EXPRESS, 1.0),
        ]
        for name, other, target in against:
            if other in rates:
                yield ratio(1, name, mine, rates[other], better=Better.MORE, target=target, unit="a second")


def _delays(rounds: Rounds, stores: Sequence[str]) -> Iterator[Figure]:
    slowest = {name: [each.quiet.p99_ms for each in those] for name, those in rounds.items()}
    for store in stores:
        name = f"{store}, beside one INSERT and commit each"
        yield ratio(2, name, slowest[ours(store)], slowest[one_each(store)], better=Better.LESS, target=1.0, unit="ms")


def _charts(rounds: Rounds) -> list[Chart]:
    rates = [bar(name, [each.busy.per_second for each in those], ours=_is_ours(name)) for name, those in rounds.items()]
    delays = [bar(name, [each.quiet.p99_ms for each in those], ours=_is_ours(name)) for name, those in rounds.items()]
    return [
        Chart("1-callbacks", f"Callbacks acknowledged, concurrency {BUSY}", "a second", tuple(rates)),
        Chart("2-delay", f"99 of 100 callbacks are answered within, concurrency {QUIET}", "ms", tuple(delays)),
    ]


def _is_ours(name: str) -> bool:
    return name.startswith("Kelaspay")
