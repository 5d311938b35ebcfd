"""`kelaspay payments`: who paid, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import OPERATOR, desk
from kelaspay.confirm import confirm
from kelaspay.faults import InvoiceUnknown, NotPaidYet, PaymentUnknown
from kelaspay.payment import MerchantOrderId, Status
from kelaspay.review import mark_paid, retry, settle
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import enrollments, inbox, jobs, payments

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    "merchant_order_id",
    "created_at",
    "offer",
    "payment_amount",
    "status",
    "attention",
    "paid_at",
    "completed_at",
)
OrderId = Annotated[str, typer.Argument(help="A merchant_order_id.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the payment.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_all(
    *,
    status: Annotated[Status | None, typer.Option(help="Only in this state.")] = None,
    attention: Annotated[bool, typer.Option("--attention", help="Only those that a person should look at.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: show.AsJson = False,
) -> None:
    """List payments, newest first."""
    with desk() as at, at.outside.database.read() as db:
        rows = show.rows_of(payments.list_payments(db, status=status, attention=attention, limit=limit))
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No payments.")


@app.command("show")
def show_one(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Show one payment with its whole story."""
    with desk() as at, at.outside.database.read() as db:
        payment = payments.find_payment(db, order_id)
        if payment is None:
            raise PaymentUnknown(merchant_order_id=order_id)
        whole: dict[str, Any] = {
            "payment": show.rows_of([payment])[0],
            "enrollment": [*show.rows_of([found]), None][0]
            if (found := enrollments.find_enrollment(db, order_id))
            else None,
            "job": show.rows_of([job])[0] if (job := jobs.find_job(db, order_id)) else None,
            "story": [_line(row) for row in payments.read_story(db, order_id)],
            "events": [
                {"id": row.id, "received_at": row.received_at, "result_code": row.result_code, "outcome": row.outcome}
                for row in inbox.list_events(db, merchant_order_id=order_id, limit=50)
            ],
        }
    if json:
        show.data(whole)
        return
    show.facts(whole["payment"])
    for part in ("enrollment", "job"):
        if whole[part]:
            print(f"\n{part}")
            show.facts({f"  {name}": value for name, value in whole[part].items() if name != "merchant_order_id"})
    print("\nstory")
    show.table(whole["story"], ("at", "actor", "what", "text"), empty="  nothing yet")


@app.command()
def recheck(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Ask Duitku now whether it is paid; if so, it is enrolled."""
    with desk() as at:
        school = at.outside.school()
        try:
            status = str(
                confirm(
                    MerchantOrderId(order_id),
                    database=school.database,
                    duitku=school.duitku,
                    start=at.engine.start,
                    now=school.now,
                )
            )
            said = status
        except (NotPaidYet, InvoiceUnknown) as fault:
            status, said = "pending", str(fault)
    show.data({"merchant_order_id": order_id, "status": status}) if json else print(said)


@app.command("retry")
def retry_one(order_id: OrderId) -> None:
    """Try again to enroll, from where it stopped."""
    with desk() as at:
        retry(
            MerchantOrderId(order_id),
            database=at.outside.database,
            start=at.engine.start,
            now=at.outside.now,
            actor=OPERATOR,
        )
    print(f"{order_id} is being tried again.")


@app.command("mark-paid")
def mark_as_paid(order_id: OrderId, *, reason: Reason, dry_run: DryRun = False) -> None:
    """Take your word that the money has arrived, and enroll."""
    with desk() as at:
        if dry_run:
            _would(at, order_id, "be marked paid and enrolled")
            return
        mark_paid(
            MerchantOrderId(order_id),
            database=at.outside.database,
            start=at.engine.start,
            now=at.outside.now,
            actor=OPERATOR,
            reason=reason,
        )
    print(f"{order_id} is marked paid and will be enrolled.")


@app.command("settle")
def settle_one(order_id: OrderId, *, reason: Reason) -> None:
    """Take it off the list of what needs a person, with what you did about it."""
    with desk() as at:
        settle(
            MerchantOrderId(order_id),
            database=at.outside.database,
            now=at.outside.now,
            actor=OPERATOR,
            reason=reason,
        )
    print(f"{order_id} is settled.")


@app.command()
def revoke(order_id: OrderId, *, reason: Reason, dry_run: DryRun = False) -> None:
    """End the access and record the refund. Duitku has no refund API: send the money back by hand."""
    with desk() as at:
        if dry_run:
            _would(at, order_id, "be recorded as refunded, and its access ended")
            return
        ask_to_revoke(
            MerchantOrderId(order_id),
            database=at.outside.database,
            start=at.engine.start,
            now=at.outside.now,
            reason=reason,
            actor=OPERATOR,
        )
    print(f"{order_id} is recorded as refunded; its access is being ended. Send the money back by hand.")


def _would(at: Any, order_id: str, what: str) -> None:
    with at.outside.database.read() as db:
        payment = payments.find_payment(db, order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    print(f"{order_id} ({payment.status}, Rp {payment.payment_amount}) would {what}.")


def _line(row: Any) -> dict[str, Any]:
    return {"at": row.at, "actor": row.actor, "what": row.what, "text": row.text}
