"""The commands that run a process: serve, work, migrate, doctor, demo, emulate. Each imports what it runs: a service
carries no emulators.
"""

from __future__ import annotations

import errno
import sys
from enum import StrEnum
from typing import Annotated

import typer

from kelaspay.cli import entered, show


class Emulated(StrEnum):
    DUITKU = "duitku"
    THINKIFIC = "thinkific"


PORTS = {Emulated.DUITKU: 9001, Emulated.THINKIFIC: 9002}


def add_to(app: typer.Typer) -> None:
    """Put the commands beside the others."""
    for command in (serve, work, migrate, doctor, demo, emulate):
        app.command()(command)


def serve(
    *,
    no_work: Annotated[bool, typer.Option("--no-work", help="The web alone; `kelaspay work` runs beside it.")] = False,
    port: Annotated[int | None, entered.whole("Instead of PORT.", most=65535)] = None,
) -> None:
    """Serve the web and, unless told otherwise, work in the same process."""
    from kelaspay import log
    from kelaspay.serve import serve as serve_web
    from kelaspay.settings import load

    log.configure()
    settings = load() if port is None else load(port=port)

    def started() -> None:
        print(f"Kelaspay on http://{settings.host}:{settings.port}", file=sys.stderr)

    serve_web(settings, works=not no_work, started_up=started)


def work() -> None:
    """Work without the web."""
    from kelaspay import log
    from kelaspay.serve import work as work_alone
    from kelaspay.settings import load

    log.configure()
    work_alone(load())


def migrate() -> None:
    """Bring the database up to date. `serve` and `work` do so by themselves when they start."""
    from kelaspay import log
    from kelaspay.migrate import migrate as migrate_database
    from kelaspay.outside import opened
    from kelaspay.settings import load

    log.configure()
    with opened(load()) as outside:
        migrate_database(outside.database)
    print("The database is up to date.")


def doctor(
    *,
    register_webhooks: Annotated[
        bool, typer.Option("--register-webhooks", help="Have Thinkific tell us what it does not tell us yet.")
    ] = False,
    json: show.AsJson = False,
) -> None:
    """Look at the settings and at everything outside, and say what to mend."""
    from kelaspay import log
    from kelaspay.doctor import examine
    from kelaspay.outside import opened
    from kelaspay.settings import load
    from kelaspay.webhook import register

    log.configure()
    with opened(load()) as outside:
        if register_webhooks:
            for key in outside.schools.selling():
                register(outside.schools.of(key))
        found = examine(outside)
    if json:
        show.data(show.rows_of(found))
    else:
        for each in found:
            print(f"{'ok ' if each.fine else 'BAD'}  {each.what}: {each.said}")
    if not all(each.fine for each in found):
        raise typer.Exit(show.EXIT_FAILED)


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Buy one course headless, and say how it went.")] = False,
    port: Annotated[int | None, entered.whole("Instead of PORT, or 8000.", most=65535)] = None,
) -> None:
    """Run everything between emulated Duitku and emulated Thinkific. No account is needed, no money moves."""
    from kelaspay import demo as demonstration

    try:
        enrolled = demonstration.run(once=once, port=port)
    except demonstration.PortTaken as error:
        print(f"kelaspay: {error}", file=sys.stderr)
        enrolled = False
    if not enrolled:
        raise typer.Exit(show.EXIT_FAILED)


def emulate(
    which: Annotated[Emulated, typer.Argument(help="duitku or thinkific")],
    *,
    port: Annotated[int | None, entered.whole("9001 for Duitku, 9002 for Thinkific.", most=65535)] = None,
) -> None:
    """Put an emulator on a port until told to stop."""
    from kelaspay_emulators.stand_alone import emulate_duitku, emulate_thinkific

    on = port or PORTS[which]
    try:
        (emulate_duitku if which is Emulated.DUITKU else emulate_thinkific)(on)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"kelaspay: port {on} is taken; choose another with --port", file=sys.stderr)
        raise typer.Exit(show.EXIT_FAILED) from None
