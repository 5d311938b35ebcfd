"""What a person does about one payment. What ends or gives access is rehearsed before it is asked for and done, so that
nobody is asked about what would be refused; each act is kept in the audit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.change_email import change_email as give_to
from kelaspay.cli import consent, entered, show
from kelaspay.cli.opening import ADDRESS, OPERATOR, Desk, DryRun, desk
from kelaspay.confirm import confirm
from kelaspay.faults import AmountDiffers, InvalidInput, InvoiceUnknown, NotPaidYet, PaymentUnknown
from kelaspay.formats import rupiah
from kelaspay.messages import resend_now
from kelaspay.payment import MerchantOrderId, Payment, Status
from kelaspay.review import mark_paid, retry, settle
from kelaspay.revoke import ask_to_end, ask_to_revoke
from kelaspay.store import dossier, payments

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.store.database import Database, Db

Query = Annotated[str, typer.Option(help="An order, e-mail, phone or VA number, reference, or a part of a name.")]
OrderId = Annotated[str, typer.Argument(help="A merchant_order_id.")]
Reason = Annotated[str, typer.Option(callback=entered.reason, help="Why; it is kept with the payment.")]
BY_HAND = "Duitku has no refund API: send the money back by hand."


def add_to(app: typer.Typer) -> None:
    """Put the commands beside the others."""
    for command in (recheck, resend, note, refund, end):
        app.command()(command)
    app.command("retry")(retry_one)
    app.command("mark-paid")(mark_as_paid)
    app.command("settle")(settle_one)
    app.command("change-email")(change_email)
    app.command("revoke", help="The same as refund.")(refund)


def recheck(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Ask Duitku now whether it is paid; if so, it is enrolled."""
    with desk() as at:
        school = at.outside.schools.of(_payment(at, order_id).school)
        said, why = "unchanged", None
        try:
            confirm(
                MerchantOrderId(order_id),
                database=school.database,
                duitku=school.duitku,
                start=at.engine.start,
                now=school.now,
            )
        except (NotPaidYet, InvoiceUnknown, AmountDiffers) as fault:
            said, why = fault.code(), str(fault)
        status = _payment(at, order_id).status
        at.write_down("rechecked", order_id, said)
    if json:
        show.data({"merchant_order_id": order_id, "status": status, "why": why})
    else:
        print(" ".join([f"{order_id} is {status}.", *([why] if why else [])]))


def retry_one(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Try again to enroll, from where it stopped."""
    with desk() as at:
        retry(
            MerchantOrderId(order_id),
            database=at.audited("retried", order_id),
            start=at.engine.start,
            now=at.outside.now,
            actor=OPERATOR,
        )
        _say(at, order_id, f"{order_id} is being tried again.", json=json)


def resend(order_id: OrderId, *, json: show.AsJson = False) -> None:
    """Send the buyer the way into the course once more; not twice within minutes."""
    with desk() as at:
        _payment(at, order_id)
        resend_now(at.audited("resent", order_id), MerchantOrderId(order_id), at.outside.now())
        _say(at, order_id, f"The access of {order_id} is being sent again.", json=json)


def note(order_id: OrderId, text: Annotated[str, typer.Argument()], *, json: show.AsJson = False) -> None:
    """Keep a note with the payment, for operators alone."""
    if not text.strip():
        raise typer.BadParameter("is empty", param_hint="TEXT")
    with desk() as at:
        _payment(at, order_id)
        with at.outside.database.begin() as db:
            dossier.add_note(db, order_id, ADDRESS, text.strip(), at.outside.now())
            at.write_down("noted", order_id, db=db)
        _say(at, order_id, f"Noted with {order_id}.", json=json)


def settle_one(order_id: OrderId, *, reason: Reason, json: show.AsJson = False) -> None:
    """Take it off the list of what needs a person, with what you did about it."""
    with desk() as at:
        settle(
            MerchantOrderId(order_id),
            database=at.audited("settled", order_id, reason),
            now=at.outside.now,
            actor=OPERATOR,
            reason=reason,
        )
        _say(at, order_id, f"{order_id} is settled.", json=json)


def mark_as_paid(
    order_id: OrderId,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Take your word that the money has arrived, and enroll."""
    act = Act("marked_paid", "would be marked paid and enrolled.", "is marked paid and will be enrolled.", text=reason)

    def do(at: Desk, database: Database) -> None:
        mark_paid(
            MerchantOrderId(order_id),
            database=database,
            start=at.engine.start,
            now=at.outside.now,
            actor=OPERATOR,
            reason=reason,
        )

    _carefully(order_id, act, do, dry_run=dry_run, yes=yes, json=json)


def refund(
    order_id: OrderId,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """End the access and record the refund. Duitku has no refund API: send the money back by hand."""
    act = Act(
        "refunded",
        f"would be recorded as refunded, and the access that it gave ended. {BY_HAND}",
        f"is recorded as refunded; the access that it gave is being ended. {BY_HAND}",
        text=reason,
        leads_to=Status.REFUNDED,
    )

    def do(at: Desk, database: Database) -> None:
        ask_to_revoke(
            MerchantOrderId(order_id),
            database=database,
            start=at.engine.start,
            now=at.outside.now,
            reason=reason,
            actor=OPERATOR,
        )

    _carefully(order_id, act, do, dry_run=dry_run, yes=yes, json=json)


def end(
    order_id: OrderId,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """End the access alone: the sale stays as it is, and no money goes back."""
    act = Act(
        "ended",
        "would have the access that it gave ended; the sale stays as it is.",
        "stays a sale; the access that it gave is being ended.",
        text=reason,
    )

    def do(at: Desk, database: Database) -> None:
        ask_to_end(
            MerchantOrderId(order_id),
            database=database,
            start=at.engine.start,
            now=at.outside.now,
            reason=reason,
            actor=OPERATOR,
        )

    _carefully(order_id, act, do, dry_run=dry_run, yes=yes, json=json)


def change_email(
    order_id: OrderId,
    email: Annotated[str, typer.Argument(help="The address that is to have it.")],
    *,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Give it to another address, until the buyer has signed in. The user of the address before loses the access."""
    wanted = email.strip().lower()
    act = Act(
        "email_changed",
        f"would go to {wanted}; the address before would lose any access to it.",
        f"goes to {wanted}; the address before loses any access to it.",
    )

    def do(at: Desk, database: Database) -> None:
        school = replace(at.outside.schools.of(_payment(at, order_id).school), database=database)
        try:
            give_to(MerchantOrderId(order_id), email, school=school, start=at.engine.start, actor=OPERATOR)
        except InvalidInput as fault:
            raise typer.BadParameter(fault.fields["email"], param_hint="EMAIL") from None

    _carefully(order_id, act, do, dry_run=dry_run, yes=yes, json=json)


@dataclass(frozen=True, slots=True)
class Act:
    """How the audit names it, and what is said of it after the payment's name: before it is done, and then."""

    deed: str
    would: str
    does: str
    text: str | None = None
    leads_to: Status | None = None
    """The state in which it has been done before, where that must not look like the first time."""


def _carefully(
    order_id: str, act: Act, do: Callable[[Desk, Database], None], *, dry_run: bool, yes: bool, json: bool
) -> None:
    """Rehearse it, ask, do it, and write down that it was done."""
    with desk() as at:
        payment = _payment(at, order_id)
        if payment.status is act.leads_to:
            _say(
                at,
                order_id,
                f"{order_id} is {_done_before(at, payment)}; nothing was done.",
                json=json,
                dry_run=dry_run,
            )
            return
        before = f"{order_id} ({payment.status}, {rupiah(payment.payment_amount)})"
        would = f"{before} {act.would}"
        consent.carefully(
            lambda database: do(at, database),
            at.audited(act.deed, order_id, act.text),
            at=at,
            would=would,
            dry_run=dry_run,
            yes=yes,
        )
        _say(at, order_id, would if dry_run else f"{before} {act.does}", json=json, dry_run=dry_run)


def _done_before(at: Desk, payment: Payment) -> str:
    with at.outside.database.read() as db:
        moved = [row for row in payments.read_story(db, payment.merchant_order_id) if row.what == payment.status]
    return f"{payment.status} already (by {moved[-1].actor}, {show.text(moved[-1].at)})"


def _say(at: Desk, order_id: str, said: str, *, json: bool, dry_run: bool = False) -> None:
    status = _payment(at, order_id).status
    show.told(said, json=json, dry_run=dry_run, merchant_order_id=order_id, status=status)


def _payment(at: Desk, order_id: str) -> Payment:
    with at.outside.database.read() as db:
        return find(db, order_id)


def find(db: Db, order_id: str) -> Payment:
    """The payment with this id; raises `PaymentUnknown`."""
    payment = payments.find_payment(db, order_id)
    if payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    return payment
