"""`kelaspay enrollments`: who is in which course, how far, and until when, as Thinkific last told it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from kelaspay.cli import acts, entered, show, target
from kelaspay.cli.acts import OrderId, Query
from kelaspay.cli.opening import OnlySchool, desk
from kelaspay.faults import MoveRefused
from kelaspay.formats import share
from kelaspay.payment import EnrollmentState
from kelaspay.spreadsheet import ENROLLMENTS, lines
from kelaspay.store import accesses
from kelaspay.store.accesses import Asked
from kelaspay.store.listing import all_of

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("merchant_order_id"),
    show.Column("email", yields=True, weight=7),
    show.Column("product_details", "course", yields=True, weight=6),
    show.Column("state"),
    show.Column("percentage_completed", "done", weight=8),
    show.Column("expiry_date", "until (WIB)", weight=5),
    show.Column("enrolled_at", "enrolled (WIB)", weight=4),
    show.Column("user_id", "user", weight=3),
    show.Column("school", weight=2),
)
FACTS = (
    *("merchant_order_id", "school", "name", "email", "offer", "product_details", "state", "course_id", "bundle_id"),
    *("user_id", "enrollment_id", "enrolled_at", "activated_at", "expiry_date", "percentage_completed"),
    *("completed_at", "revoked_at", "told_at"),
)
OfState = Annotated[EnrollmentState | None, typer.Option("--state", help="Only in this state.")]


@app.command("list")
def list_all(
    *,
    query: Query = "",
    state: OfState = None,
    school: OnlySchool = None,
    limit: Annotated[int, entered.whole(most=1000)] = 50,
    json: show.AsJson = False,
) -> None:
    """List enrollments, those of the newest payments first."""
    with desk() as at:
        asked = Asked(q=query, state=state or "", school=at.school(school))
        with at.outside.database.read() as db:
            found = accesses.list_accesses(db, asked, after=None, limit=limit)
    rows = [_row(row) for row in found]
    if json:
        show.data(rows)
        return
    show.table(
        [_plain(row) for row in rows],
        COLUMNS,
        empty="No such enrollments." if query or state else "No enrollments yet.",
    )


@app.command("show")
def show_one(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Show the enrollment of one payment."""
    with desk() as at, at.outside.database.read() as db:
        payment = acts.find(db, order_id)
        found = accesses.find_access(db, order_id)
    if found is None:
        raise MoveRefused(f"It has no enrollment: it is {payment.status}.", merchant_order_id=order_id)
    row = _row(found)
    show.data(row) if json else show.facts(_plain(row))


@app.command("export")
def export_all(
    file: target.To = None,
    *,
    query: Query = "",
    state: OfState = None,
    school: OnlySchool = None,
    json: show.AsJson = False,
) -> None:
    """Write enrollments as CSV for a spreadsheet, all that the filter finds."""
    target.check(file, json=json)
    with desk() as at:
        asked = Asked(q=query, state=state or "", school=at.school(school))
        at.write_down("enrollments_exported", None, target.asked(query=query, state=state), school=asked.school)
        rows = all_of(at.outside.database, partial(accesses.list_accesses, asked=asked))
        target.write(file, lines(ENROLLMENTS, rows), "enrollments", json=json)


def _row(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FACTS}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """For people."""
    told = row["percentage_completed"]
    return row | {"school": row["school"] or None, "percentage_completed": share(told) if told else None}
