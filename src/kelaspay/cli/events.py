"""`kelaspay events`: what came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import desk
from kelaspay.faults import EventUnknown
from kelaspay.store import inbox

if TYPE_CHECKING:
    import sqlalchemy as sa

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("id"),
    show.Column("received_at", "received (WIB)"),
    show.Column("source", weight=2),
    show.Column("merchant_order_id"),
    show.Column("result_code", "result"),
    show.Column("amount", weight=3),
    show.Column("repeats", weight=1),
    show.Column("outcome", weight=4),
)
EventId = Annotated[int, typer.Argument(help="An id that `events list` shows.")]


@app.command("list")
def list_all(
    *,
    order: Annotated[str | None, typer.Option(help="Only of this order.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: show.AsJson = False,
) -> None:
    """List events, newest first."""
    with desk() as at, at.outside.database.read() as db:
        rows = [_brief(row) for row in inbox.list_events(db, merchant_order_id=order, limit=limit)]
    none = f"No events of {order}." if order else "No events yet."
    show.data(rows) if json else show.table(rows, COLUMNS, empty=none)


@app.command("show")
def show_one(event_id: EventId, *, json: show.AsJson = False) -> None:
    """Show an event with its raw body."""
    with desk() as at, at.outside.database.read() as db:
        row = inbox.find_event(db, event_id)
    if row is None:
        raise EventUnknown(event_id=event_id)
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    values["body"] = values["body"].decode("utf-8", "replace")
    show.data(values) if json else show.facts(values)


@app.command()
def replay(event_id: EventId) -> None:
    """Look at an event again, as if it had just come in. Nothing is done twice by that."""
    with desk() as at, at.outside.database.begin() as db:
        if not inbox.reopen(db, event_id):
            raise EventUnknown(event_id=event_id)
    print(f"Event {event_id} will be looked at again.")


def _brief(row: sa.Row[Any]) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in COLUMNS}
