"""`kelaspay jobs`: payments' work, and not waiting for the time that was set for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kelaspay.cli import acts, consent, entered, progress, show
from kelaspay.cli.opening import OPERATOR, Desk, DryRun, OnlySchool, desk
from kelaspay.payment import MerchantOrderId
from kelaspay.review import hurry
from kelaspay.store import agenda
from kelaspay.store.agenda import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("merchant_order_id"),
    show.Column("standing"),
    show.Column("status", weight=6),
    show.Column("fault", weight=8),
    show.Column("attempts", weight=3),
    show.Column("wake_at", "next (WIB)", weight=5),
    show.Column("product_details", "course", yields=True, weight=2),
)
OrderId = Annotated[str | None, typer.Argument(metavar="ORDER_ID", help="A merchant_order_id.")]
Kind = Annotated[str, typer.Option("--fault", help="By this fault, as `jobs list` names it.")]


@app.command("list")
def list_all(
    *,
    standing: Annotated[Standing | None, typer.Option(help="Only what stands so.")] = None,
    fault: Kind = "",
    school: OnlySchool = None,
    limit: Annotated[int, entered.whole("Of each standing.", most=1000)] = 50,
    json: show.AsJson = False,
) -> None:
    """List what runs, what waits for its time, what is tried again and what was given up."""
    with desk() as at:
        only = at.school(school)
        with at.outside.database.read() as db:
            rows = [
                _row(row, each)
                for each in ([standing] if standing else Standing)
                for row in agenda.list_work(db, only, each, fault, limit)
            ]
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No such work." if standing or fault else "No work.")


@app.command()
def retry(
    order_id: OrderId = None,
    *,
    fault: Kind = "",
    standing: Annotated[
        Standing, typer.Option(help="With --fault: those that are tried again by themselves, or that were given up.")
    ] = Standing.RETRYING,
    school: OnlySchool = None,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Do not wait for the time that was set: one order's work, or all that stands so by one fault."""
    if (order_id is None) == (not fault):
        raise typer.BadParameter("name one, or say --fault for all of a kind", param_hint="ORDER_ID")
    with desk() as at:
        if order_id is not None:
            chosen = [MerchantOrderId(order_id)]
            with at.outside.database.read() as db:
                acts.find(db, order_id)
        else:
            with at.outside.database.read() as db:
                chosen = agenda.of_kind(db, at.school(school), standing, fault, agenda.MOST_AT_ONCE)
        _retry(at, chosen, fault, dry_run=dry_run, yes=yes, json=json)


def _retry(at: Desk, chosen: list[MerchantOrderId], fault: str, *, dry_run: bool, yes: bool, json: bool) -> None:
    would = f"{_orders(len(chosen))} would be tried again now."
    if dry_run or not chosen:
        show.told(would if chosen else f"Nothing stands so by {fault}.", json=json, dry_run=dry_run, orders=chosen)
        return
    if fault:
        consent.ask(would, yes=yes)
    with progress.counted("Trying again", total=len(chosen)) as seen:
        done = [order_id for order_id in chosen if _now(at, order_id, seen)]
    if fault:
        at.write_down("retried_all", fault, f"{len(done)} of {len(chosen)}")
    else:
        at.write_down("retried", chosen[0])
    rest = f", nothing to be done for {len(chosen) - len(done)}" if len(done) < len(chosen) else ""
    show.told(f"{_orders(len(done))} set going{rest}.", json=json, orders=done)


def _now(at: Desk, order_id: MerchantOrderId, seen: Callable[[], None]) -> bool:
    seen()
    return hurry(order_id, database=at.outside.database, start=at.engine.start, now=at.outside.now, actor=OPERATOR)


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'}"


def _row(row: Any, standing: Standing) -> dict[str, Any]:
    return {column.name: getattr(row, column.name, None) for column in COLUMNS} | {"standing": standing}
