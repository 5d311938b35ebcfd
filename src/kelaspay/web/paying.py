"""Choosing how to pay, asking Duitku whether the money is there, and the QR code."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from kelaspay.checkout import choose_method
from kelaspay.confirm import ASK_SPACING, confirm
from kelaspay.duitku import Duitku
from kelaspay.faults import (
    AlreadyPaid,
    AmountDiffers,
    Fault,
    InvalidInput,
    InvoiceUnknown,
    MoveRefused,
    NotConfigured,
    NotPaidYet,
    PaymentUnknown,
    StillInProgress,
)
from kelaspay.i18n import marked, translator
from kelaspay.methods import Methods, invoice_end
from kelaspay.outside import Outside
from kelaspay.payment import NOTHING, UNPAID, Payment, Rupiah, Status
from kelaspay.store import payments
from kelaspay.web.at_duitku import asks_duitku
from kelaspay.web.i18n import language_of
from kelaspay.web.marks import MARKS
from kelaspay.web.pages import shown
from kelaspay.web.signed import orders_of
from kelaspay.web.turns import take_turn
from kelaspay.web.words import CHANNEL_AWAY, NOT_MADE

router = APIRouter(include_in_schema=False)

GROUPS = {
    "qris": marked("QRIS"),
    "va": marked("Virtual Account"),
    "ewallet": marked("E-wallet"),
    "retail": marked("Gerai"),
    "card": marked("Kartu kredit atau debit"),
    "paylater": marked("Paylater"),
    "ebanking": marked("E-banking"),
    "ecommerce": marked("E-commerce"),
}
QR_BORDER = 4


@router.get("/o/{public_id}/method", dependencies=[asks_duitku])
def chooser(public_id: str, request: Request) -> Response:
    """The channels, grouped, with their fees."""
    payment = found(request, public_id)
    if not choosable(payment):
        return RedirectResponse(f"/o/{public_id}", status_code=303)
    return _chooser(request, payment)


@router.post("/o/{public_id}/method", dependencies=[asks_duitku])
def choose(public_id: str, request: Request, payment_method: Annotated[str, Form()] = "") -> Response:
    """An invoice for the channel. Choosing the same again while it can be paid changes nothing."""
    take_turn(request, "method")
    outside: Outside = request.app.state.outside
    payment = found(request, public_id)
    back = RedirectResponse(f"/o/{public_id}", status_code=303)
    if payment_method == payment.payment_method and payment.payment_url and payable_until(payment, request):
        return back
    try:
        choose_method(
            payment,
            payment_method,
            fee=_fee(request, payment, payment_method),
            database=outside.database,
            customers=outside.customers,
            school_of=outside.schools.of,
            urls=outside.urls,
            start=request.app.state.start,
            now=outside.now,
        )
    except (StillInProgress, MoveRefused, AlreadyPaid):
        return back
    except InvalidInput as fault:
        return _chooser(request, payment, wrong=marked("Pilih salah satu metode pembayaran."), status=fault.status)
    except Fault as fault:
        wrong = NOT_MADE if fault.outage else CHANNEL_AWAY
        return _chooser(request, payment, wrong=wrong, status=fault.status)
    return back


@router.post("/o/{public_id}/check", dependencies=[asks_duitku])
def check(public_id: str, request: Request) -> Response:
    """The buyer says that it is paid: ask Duitku now, unless somebody just has."""
    return RedirectResponse(f"/o/{public_id}?said={_asked(request, found(request, public_id))}", status_code=303)


@router.get("/o/{public_id}/qris.{kind}")
def qris(public_id: str, kind: str, request: Request) -> Response:
    """The QR code of Duitku's qrString: drawn for the page, or as a picture to keep."""
    payment = found(request, public_id)
    if not payment.qr_string or kind not in {"svg", "png"}:
        raise PaymentUnknown
    import segno  # noqa: PLC0415 - its tables take memory that a process needs only when a code is drawn

    drawn = io.BytesIO()
    code = segno.make_qr(payment.qr_string)
    headers = {"Cache-Control": "no-store"}
    if kind == "svg":
        code.save(drawn, kind="svg", border=QR_BORDER, light="#fff", scale=4, svgclass=None, lineclass=None)
        return Response(drawn.getvalue(), media_type="image/svg+xml", headers=headers)
    code.save(drawn, kind="png", border=QR_BORDER, scale=12)
    headers["Content-Disposition"] = f'attachment; filename="qris-{payment.merchant_order_id}.png"'
    return Response(drawn.getvalue(), media_type="image/png", headers=headers)


def found(request: Request, public_id: str) -> Payment:
    with request.app.state.outside.database.read() as db:
        payment = payments.find_by_public_id(db, public_id)
    if payment is None:
        raise PaymentUnknown
    return payment


def choosable(payment: Payment) -> bool:
    """Whether the buyer chooses with us: not where Duitku's own page was handed out, nor when it is over."""
    return payment.status is Status.PENDING and (payment.payment_url is None or payment.payment_method is not None)


def payable_until(payment: Payment, request: Request) -> datetime | None:
    """Until when the newest number can be paid; None where it no longer can."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        shown_before = payments.list_invoices(db, payment.merchant_order_id)
    end = invoice_end(payment, shown_before[0]) if shown_before else None
    return end if end is not None and outside.now() < end else None


def methods_of(request: Request, payment: Payment) -> Methods:
    """What this payment's school offers; one memory for the whole process and each merchant."""
    outside: Outside = request.app.state.outside
    duitku = outside.schools.of(payment.school).duitku
    kept: dict[Duitku, Methods] = request.app.state.methods
    return kept.setdefault(duitku, Methods(duitku, outside.now))


def _chooser(request: Request, payment: Payment, *, wrong: str | None = None, status: int = 200) -> Response:
    outside: Outside = request.app.state.outside
    say = translator(language_of(request))
    try:
        offered = methods_of(request, payment).for_amount(payment.payment_amount)
    except NotConfigured:
        raise
    except Fault as fault:
        offered, wrong, status = [], NOT_MADE, fault.status
    with outside.database.read() as db:
        customer = payments.find_customer(db, payment.merchant_order_id)
    own = payment.public_id in orders_of(request)
    return shown(
        request,
        "method.html",
        school=payment.school,
        status=status,
        payment=payment,
        groups=[(say(title), [each for each in offered if each.group == group]) for group, title in GROUPS.items()],
        email=customer.email if customer else "",
        own=own,
        until=payable_until(payment, request),
        marks=MARKS,
        correctable=own and payment.status is Status.PENDING,
        wrong=say(wrong) if wrong else None,
    )


def _fee(request: Request, payment: Payment, payment_method: str) -> Rupiah:
    """What the channel costs on top, as the chooser has just shown it."""
    offered = methods_of(request, payment).for_amount(payment.payment_amount)
    return next((each.fee for each in offered if each.code == payment_method), NOTHING)


def _asked(request: Request, payment: Payment) -> str:
    """What came of asking, in a word."""
    outside: Outside = request.app.state.outside
    if payment.status not in UNPAID:
        return ""
    duitku = outside.schools.of(payment.school).duitku
    with outside.database.begin() as db:
        if not payments.claim_ask(db, payment.merchant_order_id, outside.now(), ASK_SPACING):
            return "soon"
    try:
        confirm(
            payment.merchant_order_id,
            database=outside.database,
            duitku=duitku,
            start=request.app.state.start,
            now=outside.now,
        )
    except (NotPaidYet, InvoiceUnknown):
        return "not_yet"
    except AmountDiffers:
        return ""
    except Fault:
        return "away"
    return ""
