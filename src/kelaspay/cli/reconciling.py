"""`kelaspay reconcile`: one pass of what a running worker does by itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from kelaspay.cli import show


def add_to(app: typer.Typer) -> None:
    """Put the command beside the others."""
    app.command("reconcile")(reconcile_once)


def reconcile_once(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: show.AsJson = False,
) -> None:
    """Ask after payments that should have heard from Duitku; restart what is not enrolled, or to end and not ended."""
    from kelaspay.cli.opening import desk
    from kelaspay.cli.progress import counted
    from kelaspay.reconcile import reconcile

    with desk() as at, counted("Asking Duitku") as seen:
        at.outside.schools.require()
        done = reconcile(
            database=at.outside.database,
            school_of=at.outside.schools.of,
            start=at.engine.start,
            enqueue=at.engine.enqueue,
            alive=at.engine.alive,
            now=at.outside.now,
            dry_run=dry_run,
            seen=seen,
        )
        if not dry_run:
            at.write_down("reconciled", None, f"{len(done.asked)} asked after, {len(done.restarted)} started again")
    if json:
        show.data(asdict(done))
        return
    would = "would be " if dry_run else ""
    print(f"{len(done.asked)} {would}asked after, {len(done.paid)} of them paid, {len(done.lapsed)} lapsed.")
    print(f"{len(done.restarted)} {would}started again.")
    for said, order_ids in (("asked after", done.asked), ("started again", done.restarted)):
        for order_id in order_ids:
            print(f"  {order_id} {would}{said}")
    if done.stopped_by:
        print(f"Stopped early: {done.stopped_by}")
