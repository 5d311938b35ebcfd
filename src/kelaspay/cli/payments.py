"""`kelaspay payments`: who paid, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import OPERATOR, Desk, desk
from kelaspay.confirm import confirm
from kelaspay.faults import InvoiceUnknown, NotPaidYet, PaymentUnknown
from kelaspay.payment import Customer, Enrollment, MerchantOrderId, Payment, Status
from kelaspay.review import mark_paid, retry, settle
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import enrollments, inbox, jobs, payments
from kelaspay.store.database import Db
from kelaspay.store.jobs import Job

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
    none = "Nothing needs a person." if attention else f"No payments are {status}." if status else "No payments yet."
    show.data(rows) if json else show.table(rows, COLUMNS, empty=none)


@app.command("show")
def show_one(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Show one payment with its whole story."""
    with desk() as at, at.outside.database.read() as db:
        payment = _payment(db, order_id)
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


@app.command()
def recheck(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Ask Duitku now whether it is paid; if so, it is enrolled."""
    with desk() as at:
        with at.outside.database.read() as db:
            school = at.outside.schools.of(_payment(db, order_id).school)
        why = None
        try:
            confirm(
                MerchantOrderId(order_id),
                database=school.database,
                duitku=school.duitku,
                start=at.engine.start,
                now=school.now,
            )
        except (NotPaidYet, InvoiceUnknown) as fault:
            why = str(fault)
        with at.outside.database.read() as db:
            status = _payment(db, order_id).status
    if json:
        show.data({"merchant_order_id": order_id, "status": status, "why": why})
    else:
        print(" ".join([f"{order_id} is {status}.", *([why] if why else [])]))


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
        before = _brief(at, order_id)
        mark_paid(
            MerchantOrderId(order_id),
            database=at.database(dry_run=dry_run),
            start=at.engine.start,
            now=at.outside.now,
            actor=OPERATOR,
            reason=reason,
        )
    print(
        f"{before} would be marked paid and enrolled." if dry_run else f"{before} is marked paid and will be enrolled."
    )


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
        before = _brief(at, order_id)
        ask_to_revoke(
            MerchantOrderId(order_id),
            database=at.database(dry_run=dry_run),
            start=at.engine.start,
            now=at.outside.now,
            reason=reason,
            actor=OPERATOR,
        )
    if dry_run:
        print(f"{before} would be recorded as refunded, and its access ended.")
    else:
        print(f"{before} is recorded as refunded; its access is being ended. Send the money back by hand.")


def _brief(at: Desk, order_id: str) -> str:
    with at.outside.database.read() as db:
        payment = _payment(db, order_id)
    return f"{order_id} ({payment.status}, {show.rupiah(payment.payment_amount)})"


def _payment(db: Db, order_id: str) -> Payment:
    payment = payments.find_payment(db, order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    return payment


def _plain(found: Customer | Enrollment | Job | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _line(row: Any) -> dict[str, Any]:
    return {"at": row.at, "actor": row.actor, "what": row.what, "text": row.text}


def _event(row: Any) -> dict[str, Any]:
    return {"id": row.id, "received_at": row.received_at, "result_code": row.result_code, "outcome": row.outcome}
