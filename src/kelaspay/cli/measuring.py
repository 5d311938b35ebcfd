"""The command that measures: bench. What it needs is imported when it runs, or every command would start slower."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.cannot_run import CannotRun
from kelaspay.cli import entered, show

if TYPE_CHECKING:
    from kelaspay.bench.document import Kept
    from kelaspay.bench.run import Wanted

BY_HAND = 9
KEPT = Path("docs/performance.json")
MEASURES = (
    "1: callbacks a second; 2: the slowest of a hundred; 3: from callback to enrolled; 4: at Thinkific's limit; "
    "5: calls to Thinkific; 6: cost at a million payments; 7: start and memory; 8: order form; "
    "9: the suite, by --suite and --stories."
)


def add_to(app: typer.Typer) -> None:
    """Put the command beside the others."""
    app.command()(bench)


def bench(
    *,
    only: Annotated[str, typer.Option(metavar="N,N", help=f"Measures to take; without it all. {MEASURES}")] = "",
    short: Annotated[
        bool, typer.Option("--short", help="Measures 1, 2, 5 and 7, quickly; fails when one fell since the kept table.")
    ] = False,
    rounds: Annotated[int | None, entered.whole("5; 3 with --short.", show_default=False)] = None,
    seconds: Annotated[
        int | None, typer.Option(min=1, help="Of load in a round: 5; 1 with --short.", show_default=False)
    ] = None,
    postgres: Annotated[
        str | None, typer.Option(metavar="URL", help="A PostgreSQL where databases may be made and dropped.")
    ] = None,
    redis: Annotated[str | None, typer.Option(metavar="URL", help="A Redis that may be written to.")] = None,
    suite: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Measure 9: what `make test` took.")
    ] = None,
    stories: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Measure 9: what the story tests took.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="Put the table into docs/performance.md, the rest beside it.")
    ] = None,
    json: show.AsJson = False,
) -> None:
    """Measure the service beside what bounds it and what one would pick instead. Needs wrk, and takes minutes."""
    from kelaspay.bench.run import Wanted

    _look_before(write, short=short)
    wanted = Wanted(
        _numbers(only),
        short=short,
        rounds=rounds or (3 if short else 5),
        seconds=seconds or (1 if short else 5),
        postgres=postgres,
        redis=redis,
        suite_seconds=suite,
        story_seconds=stories,
    )
    if wanted.only == {BY_HAND} and suite is None and stories is None:
        raise typer.BadParameter("measure 9 is read off a clock: give --suite or --stories", param_hint="--only")
    found = _found(wanted)
    _show(found, as_json=json)
    if write is not None:
        _write(write, found)
    if short:
        _compare(found)


def _look_before(page: Path | None, *, short: bool) -> None:
    """Refuse what would fail after an hour of measuring."""
    from kelaspay.bench import document

    if short and not KEPT.is_file():
        raise typer.BadParameter(f"there is nothing to compare with: {KEPT} is not here", param_hint="--short")
    if page is None:
        return
    try:
        document.writable(page)
    except document.NoMarks as error:
        raise typer.BadParameter(f"{page}: {error.__doc__}", param_hint="--write") from None
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{page}: {error}", param_hint="--write") from None


def _numbers(only: str) -> frozenset[int]:
    named = only.replace(",", " ").split()
    if not set(named) <= set("123456789"):
        raise typer.BadParameter("--only takes numbers of measures from 1 to 9, like 1,7")
    return frozenset(map(int, named))


def _found(wanted: Wanted) -> Kept:
    from kelaspay.bench.load import LoadFailed
    from kelaspay.bench.programs import NotStarted
    from kelaspay.bench.run import run
    from kelaspay.bench.scene import NotEnrolled

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does: what was started is stopped
    try:
        return run(wanted, lambda said: print(said, file=sys.stderr, flush=True))
    except (LoadFailed, NotStarted, NotEnrolled) as error:
        raise CannotRun(str(error)) from None


def _show(found: Kept, *, as_json: bool) -> None:
    from kelaspay.bench import document, terminal

    if as_json:
        show.data(document.as_json(found))
    else:
        terminal.show(found)


def _write(page: Path, found: Kept) -> None:
    from kelaspay.bench import document

    document.write(page, document.merged(document.load(page.with_suffix(".json")), found))


def _compare(found: Kept) -> None:
    from kelaspay.bench import document
    from kelaspay.bench.figures import fallen

    down = fallen(document.load(KEPT).outcome.figures, found.outcome.figures)
    for each in down:
        print(f"Fallen by more than a quarter: {each}", file=sys.stderr)
    if down:
        raise typer.Exit(show.EXIT_FAILED)
