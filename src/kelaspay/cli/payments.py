"""`kelaspay payments`: who paid, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from kelaspay.cli import acts, entered, show, target
from kelaspay.cli.acts import OrderId, Query
from kelaspay.cli.opening import OnlySchool, desk
from kelaspay.payment import Customer, Enrollment, Status
from kelaspay.spreadsheet import PAYMENTS, lines
from kelaspay.store import enrollments, inbox, jobs, listing, payments
from kelaspay.store.jobs import Job
from kelaspay.store.listing import Filter

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("merchant_order_id"),
    show.Column("created_at", "created (WIB)", weight=4),
    show.Column("offer", weight=5, yields=True),
    show.Column("payment_amount", "amount"),
    show.Column("status"),
    show.Column("attention", weight=6),
    show.Column("paid_at", "paid (WIB)", weight=3),
    show.Column("completed_at", "completed (WIB)", weight=2),
)
STORY = (show.Column("at", "when (WIB)"), show.Column("actor"), show.Column("what"), show.Column("text"))
EVENTS = (
    show.Column("id"),
    show.Column("received_at", "received (WIB)"),
    show.Column("result_code", "result"),
    show.Column("outcome"),
)
Since = Annotated[str | None, typer.Option(help="Made then or later; like 2026-12-01, WIB.")]
Until = Annotated[str | None, typer.Option(help="Made before then.")]


@app.command("list")
def list_all(
    *,
    status: Annotated[Status | None, typer.Option(help="Only in this state.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Only those that a person should look at.")] = False,
    query: Query = "",
    since: Since = None,
    until: Until = None,
    school: OnlySchool = None,
    limit: Annotated[int, entered.whole(most=1000)] = 50,
    json: show.AsJson = False,
) -> None:
    """List payments, newest first."""
    first, last = entered.time(since, "--since"), entered.time(until, "--until")
    with desk() as at:
        only = at.school(school)
        with at.outside.database.read() as db:
            found = payments.list_payments(
                db,
                status=status,
                attention=attention,
                limit=limit,
                q=query,
                school=only,
                since=first,
                until=last,
            )
    rows = show.rows_of(found)
    none = "Nothing needs a person." if attention else f"No payments are {status}." if status else "No payments yet."
    none = "No such payments." if query or school or since or until else none
    show.data(rows) if json else show.table(rows, COLUMNS, empty=none)


@app.command("export")
def export_all(
    file: target.To = None,
    *,
    query: Query = "",
    status: Annotated[Status | None, typer.Option(help="Only in this state.")] = None,
    offer: Annotated[str, typer.Option(help="Only of this offer, by its slug.")] = "",
    since: Since = None,
    until: Until = None,
    school: OnlySchool = None,
    json: show.AsJson = False,
) -> None:
    """Write payments with their buyers as CSV for a spreadsheet, all that the filter finds."""
    target.check(file, json=json)
    first, last = entered.time(since, "--since"), entered.time(until, "--until")
    with desk() as at:
        wanted = Filter(q=query, status=status or "", offer=offer, since=first, until=last, school=at.school(school))
        asked = target.asked(query=query, status=status, offer=offer, since=since, until=until)
        at.write_down("exported", None, asked, school=wanted.school)
        columns = [column for group in PAYMENTS.values() for column in group]
        listed = partial(listing.list_page, wanted=wanted, now=at.outside.now())
        rows = listing.all_of(at.outside.database, listed)
        target.write(file, lines(columns, rows), "payments", json=json)


@app.command("show")
def show_one(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Show one payment with its whole story."""
    with desk() as at, at.outside.database.read() as db:
        payment = acts.find(db, order_id)
        whole: dict[str, Any] = {
            "payment": asdict(payment)
            | {"price": payment.price, "status_url": at.outside.urls.status(payment.public_id)},
            "customer": _plain(payments.find_customer(db, order_id)),
            "enrollment": _plain(enrollments.find_enrollment(db, order_id)),
            "job": _plain(jobs.find_job(db, order_id)),
            "story": [_line(row) for row in payments.read_story(db, order_id)],
            "events": [_event(row) for row in inbox.list_events(db, merchant_order_id=order_id, limit=50)],
        }
    if json:
        show.data(whole)
        return
    show.facts(whole["payment"])
    for part in ("customer", "enrollment", "job"):
        if whole[part]:
            print(f"\n{part}")
            show.facts({**whole[part], "merchant_order_id": None}, indent=show.GAP)
    for part, columns in (("events", EVENTS), ("story", STORY)):
        print(f"\n{part}")
        show.table(whole[part], columns, empty="  nothing yet")


def _plain(found: Customer | Enrollment | Job | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _line(row: Any) -> dict[str, Any]:
    return {"at": row.at, "actor": row.actor, "what": row.what, "text": row.text}


def _event(row: Any) -> dict[str, Any]:
    return {"id": row.id, "received_at": row.received_at, "result_code": row.result_code, "outcome": row.outcome}


acts.add_to(app)  # after those that only look
