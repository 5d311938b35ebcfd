"""`kelaspay events`: what came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kelaspay.cli import entered, show
from kelaspay.cli.opening import OPERATOR, DryRun, desk
from kelaspay.faults import EventUnknown
from kelaspay.formats import rupiah
from kelaspay.store import arrivals, inbox

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
EventId = Annotated[int, entered.numbered("An id that `events list` shows.")]


@app.command("list")
def list_all(
    *,
    order: Annotated[str | None, typer.Option(help="Only of this order.")] = None,
    limit: Annotated[int, entered.whole(most=1000)] = 50,
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
def replay(event_id: EventId, *, json: show.AsJson = False) -> None:
    """Look at an event again, as if it had just come in. Nothing is done twice by that."""
    with desk() as at, at.outside.database.begin() as db:
        if not inbox.reopen(db, event_id):
            raise EventUnknown(event_id=event_id)
        at.write_down("replayed", f"event {event_id}", db=db)
    show.told(f"Event {event_id} will be looked at again.", json=json, id=event_id)


@app.command()
def ignore(
    event_id: EventId,
    *,
    reason: Annotated[str, typer.Option(callback=entered.reason, help="Why; it is kept in the audit.")],
    json: show.AsJson = False,
) -> None:
    """Set an event aside that nothing can come of. `replay` takes it up again."""
    with desk() as at, at.outside.database.begin() as db:
        if not arrivals.set_aside(db, event_id, at.outside.now()):
            raise EventUnknown(event_id=event_id)
        at.write_down("ignored", f"event {event_id}", reason, db=db)
    show.told(f"Event {event_id} is set aside.", json=json, id=event_id)


@app.command()
def adopt(
    event_id: EventId,
    *,
    offer: Annotated[str, typer.Option(help="The slug of what was bought.")],
    name: Annotated[str, typer.Option(help="The buyer's name.")],
    email: Annotated[str, typer.Option(help="The buyer's e-mail address; the access goes there.")],
    phone: Annotated[str, typer.Option(help="The buyer's phone number.")],
    dry_run: DryRun = False,
    json: show.AsJson = False,
) -> None:
    """Take up an order that Duitku calls back about and that is not known here: it was made after the last backup.

    Duitku is asked whether it is paid; its report has the buyer. The payment gets the order's own number.
    """
    from kelaspay.adopt import adopt as take_up

    with desk() as at:
        adopted = take_up(
            event_id,
            offer=offer,
            customer_name=name,
            customer_email=email,
            customer_phone=phone,
            database=at.database(dry_run=dry_run),
            school_of=at.outside.schools.of,
            now=at.outside.now,
            actor=OPERATOR,
        )
        payment, order_id = adopted.payment, adopted.payment.merchant_order_id
        if not dry_run:
            at.write_down("adopted", order_id, f"event {event_id}")
    paid = f"{order_id} ({rupiah(payment.payment_amount)})"
    if adopted.doubt and not json:
        typer.echo(adopted.doubt, err=True)
    said = f"{paid} would be taken up and enrolled." if dry_run else f"{paid} is taken up and will be enrolled."
    show.told(said, json=json, dry_run=dry_run, merchant_order_id=order_id, doubt=adopted.doubt)


def _brief(row: sa.Row[Any]) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in COLUMNS}
