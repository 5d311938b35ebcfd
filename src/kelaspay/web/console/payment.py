"""One payment: its whole story, what it needs in words, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.change_email import change_email, moving
from kelaspay.faults import AmountDiffers, InvalidInput, InvoiceUnknown, MoveRefused, NotPaidYet, PaymentUnknown
from kelaspay.messages import resend_now
from kelaspay.payment import UNPAID, Attention, Enrollment, EnrollmentState, MerchantOrderId, Payment, Status
from kelaspay.review import mark_paid, may_retry, retry, settle
from kelaspay.revoke import ask_to_end, ask_to_revoke
from kelaspay.store import accesses, buyers, calls, dossier, enrollments, inbox, jobs, offers, payments, same_buyer
from kelaspay.store.calls import Call
from kelaspay.store.database import Db
from kelaspay.web.console.asking import ask_duitku
from kelaspay.web.console.page import ConsoleRoute, Wording, back, page, wording
from kelaspay.web.console.visit import Acting, Looking, Visitor, audited, outside_of, start_of, write_down
from kelaspay.web.console.words import ATTENTION, FAULTS, OUTCOME, WHAT

router = APIRouter(prefix="/console/payments", route_class=ConsoleRoute, include_in_schema=False)

MOST_EVENTS = 100
LONGEST_TEXT = 2000
REFUNDABLE = frozenset({Status.PAID, Status.COMPLETED, Status.REVIEW})
MARKABLE = UNPAID | {Status.REVIEW}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a payment's story."""

    at: datetime
    actor: str
    label: str
    text: str | None = None
    href: str | None = None
    person: bool = False
    call: Call | None = None
    """What was asked of Duitku or Thinkific, and answered."""


@router.get("/{order_id}")
def show(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        payment = _payment(db, order_id)
        values: dict[str, Any] = {
            "customer": payments.find_customer(db, order_id),
            "enrollment": enrollments.find_enrollment(db, order_id),
            "learning": accesses.find_access(db, order_id),
            "job": jobs.find_job(db, order_id),
            "invoices": payments.list_invoices(db, order_id),
            "receipts": dossier.receipts_of(db, order_id),
            "offer": offers.find_offer(db, payment.offer),
            "wanted": buyers.email_wanted(db, order_id) if payment.attention is Attention.EMAIL_WRONG else None,
            "lines": _timeline(db, order_id, wording(request)),
        }
    site = outside.schools.profile(payment.school).site_url
    can = _possible(payment, values["enrollment"])
    return page(request, "payment.html", visitor, payment=payment, can=can, site=site, **values)


def _possible(payment: Payment, enrollment: Enrollment | None) -> dict[str, bool]:
    """What can be done with a payment as it stands."""
    state = enrollment.state if enrollment else None
    leaving = enrollment is not None and enrollment.revoke_wanted
    return {
        "retry": may_retry(payment, enrollment),
        "mark_paid": payment.status in MARKABLE and not may_retry(payment, enrollment),
        "refund": payment.status in REFUNDABLE,
        "recheck": payment.status in UNPAID,
        "resend": payment.status is Status.COMPLETED and state is EnrollmentState.ENROLLED,
        "settle": payment.attention is not None and payment.status is not Status.REVIEW,
        "end": payment.status is Status.COMPLETED and state is EnrollmentState.ENROLLED and not leaving,
        "email": payment.status is not Status.REFUNDED and not leaving and not (enrollment and moving(enrollment)),
    }


@router.post("/{order_id}/recheck")
def recheck(order_id: str, request: Request, visitor: Acting) -> Response:
    """Ask Duitku now."""
    try:
        status = ask_duitku(request, order_id)
        said = "paid" if status is Status.PAID else "unchanged"
    except NotPaidYet:
        said = "not_paid"
    except InvoiceUnknown:
        said = "invoice_unknown"
    except AmountDiffers:
        said = "amount_differs"
    write_down(request, visitor, "rechecked", order_id, said)
    return _back(order_id, said)


@router.post("/{order_id}/retry")
def enrol_again(order_id: str, request: Request, visitor: Acting) -> Response:
    outside = outside_of(request)
    retry(
        MerchantOrderId(order_id),
        database=audited(request, visitor, "retried", order_id),
        start=start_of(request),
        now=outside.now,
        actor=visitor.operator.actor,
    )
    return _back(order_id, "retried")


@router.get("/{order_id}/mark-paid")
def mark_paid_form(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    return _asked(request, visitor, order_id, "mark_paid")


@router.post("/{order_id}/mark-paid")
def mark_as_paid(order_id: str, request: Request, visitor: Acting, reason: Annotated[str, Form()] = "") -> Response:
    """Take the operator's word that the money has arrived."""
    if not (text := _text(reason)):
        return _asked(request, visitor, order_id, "mark_paid", missing=True)
    outside = outside_of(request)
    mark_paid(
        MerchantOrderId(order_id),
        database=audited(request, visitor, "marked_paid", order_id, text),
        start=start_of(request),
        now=outside.now,
        actor=visitor.operator.actor,
        reason=text,
    )
    return _back(order_id, "marked_paid")


@router.get("/{order_id}/refund")
def refund_form(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    return _asked(request, visitor, order_id, "refund")


@router.post("/{order_id}/refund")
def refund(order_id: str, request: Request, visitor: Acting, reason: Annotated[str, Form()] = "") -> Response:
    """Record the refund and end the access; the money goes back by hand."""
    if not (text := _text(reason)):
        return _asked(request, visitor, order_id, "refund", missing=True)
    outside = outside_of(request)
    ask_to_revoke(
        MerchantOrderId(order_id),
        database=audited(request, visitor, "refunded", order_id, text),
        start=start_of(request),
        now=outside.now,
        reason=text,
        actor=visitor.operator.actor,
    )
    return _back(order_id, "refunded")


@router.get("/{order_id}/end")
def end_form(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    return _asked(request, visitor, order_id, "end")


@router.post("/{order_id}/end")
def end(order_id: str, request: Request, visitor: Acting, reason: Annotated[str, Form()] = "") -> Response:
    """End the access alone: no money goes back."""
    if not (text := _text(reason)):
        return _asked(request, visitor, order_id, "end", missing=True)
    outside = outside_of(request)
    ask_to_end(
        MerchantOrderId(order_id),
        database=audited(request, visitor, "ended", order_id, text),
        start=start_of(request),
        now=outside.now,
        reason=text,
        actor=visitor.operator.actor,
    )
    return _back(order_id, "ended")


@router.get("/{order_id}/email")
def email_form(order_id: str, request: Request, visitor: Looking) -> HTMLResponse:
    with outside_of(request).database.read() as db:
        wanted = buyers.email_wanted(db, order_id)
    return _asked(request, visitor, order_id, "email", entered=wanted or "")


@router.post("/{order_id}/email")
def give_to(order_id: str, request: Request, visitor: Acting, email: Annotated[str, Form()] = "") -> Response:
    """Let another address have what was bought, until the buyer has signed in."""
    outside = outside_of(request)
    with outside.database.read() as db:
        school = outside.schools.of(_payment(db, order_id).school)
    try:
        change_email(
            MerchantOrderId(order_id),
            email.replace("\0", ""),
            school=replace(school, database=audited(request, visitor, "email_changed", order_id)),
            start=start_of(request),
            actor=visitor.operator.actor,
        )
    except InvalidInput:
        return _asked(request, visitor, order_id, "email", missing=True, entered=email)
    return _back(order_id, "email_changed")


@router.post("/{order_id}/resend")
def resend(order_id: str, request: Request, visitor: Acting) -> Response:
    """Send the way into the course once more; not twice within minutes."""
    outside = outside_of(request)
    with outside.database.read() as db:
        payment = _payment(db, order_id)
    try:
        resend_now(audited(request, visitor, "resent", order_id), payment.merchant_order_id, outside.now())
    except MoveRefused:
        return _back(order_id, "resent_lately")
    return _back(order_id, "resent")


@router.post("/{order_id}/note")
def note(order_id: str, request: Request, visitor: Acting, text: Annotated[str, Form()] = "") -> Response:
    outside = outside_of(request)
    if not (kept := _text(text)):
        raise InvalidInput.one("text", "is missing")
    with outside.database.begin() as db:
        _payment(db, order_id)
        dossier.add_note(db, order_id, visitor.operator.name, kept, outside.now())
        write_down(request, visitor, "noted", order_id, db=db)
    return _back(order_id, "noted")


@router.post("/{order_id}/settle")
def settle_matter(order_id: str, request: Request, visitor: Acting, reason: Annotated[str, Form()] = "") -> Response:
    """A person has seen to what was flagged; a payment in review is settled by what is done about it instead."""
    if not (text := _text(reason)):
        raise InvalidInput.one("reason", "is missing")
    outside = outside_of(request)
    settle(
        MerchantOrderId(order_id),
        database=audited(request, visitor, "settled", order_id, text),
        now=outside.now,
        actor=visitor.operator.actor,
        reason=text,
    )
    return _back(order_id, "settled")


def _asked(
    request: Request, visitor: Visitor, order_id: str, what: str, *, missing: bool = False, entered: str = ""
) -> HTMLResponse:
    """What would happen, said before it does."""
    now = outside_of(request).now()
    with outside_of(request).database.read() as db:
        payment = _payment(db, order_id)
        customer = payments.find_customer(db, order_id)
        found = enrollments.find_enrollment(db, order_id)
        others = same_buyer.other_paid_orders(db, payment, found.user_id if found else None, now)
    status = 422 if missing else 200
    return page(
        request,
        f"{what}.html",
        visitor,
        status=status,
        payment=payment,
        customer=customer,
        others=others,
        had=found is not None and found.had_until is not None and found.had_until > now,
        missing=missing,
        entered=entered,
    )


def _timeline(db: Db, order_id: str, t: Wording) -> list[Line]:
    """Everything that happened, in order: what was done, what came in, what was noted."""
    names = {**FAULTS, **ATTENTION, **WHAT}
    told = [
        Line(row.at, row.actor, t(names.get(row.what, row.what)), row.text, person=row.actor.startswith("operator"))
        for row in payments.read_story(db, order_id)
    ]
    came = [
        Line(
            row.received_at,
            row.source,
            t("Callback {code} diterima", code=row.result_code or ""),
            t(OUTCOME.get(row.outcome, row.outcome)) if row.outcome else None,
            href=f"/console/events/{row.id}",
        )
        for row in inbox.list_events(db, merchant_order_id=order_id, limit=MOST_EVENTS)
    ]
    noted = [Line(row.at, row.operator, t("Catatan"), row.text, person=True) for row in dossier.notes_of(db, order_id)]
    asked = [Line(each.at, "kelaspay", _asked_of(each), call=each) for each in calls.calls_of(db, order_id)]
    return sorted([*asked, *told, *came, *noted], key=lambda line: line.at)


def _asked_of(call: Call) -> str:
    """A call by the provider's own name for it."""
    path = call.path.partition("?")[0]
    if call.whom == "duitku":
        return f"Duitku: {path.rpartition('/')[2]}"
    return f"Thinkific: {call.method} {path.removeprefix('/api/public/v1')}"


def _payment(db: Db, order_id: str) -> Payment:
    payment = payments.find_payment(db, order_id.replace("\0", ""))
    if payment is None:
        raise PaymentUnknown(merchant_order_id=order_id)
    return payment


def _text(entered: str) -> str:
    """What a person wrote, as it can be kept."""
    return entered.replace("\0", "").strip()[:LONGEST_TEXT]


def _back(order_id: str, said: str) -> Response:
    return back(f"/console/payments/{order_id}", said)
