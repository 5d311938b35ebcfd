"""The receipt, as a page to print and as a PDF. Only a browser that ordered or proved the address sees whose it is."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kelaspay.duitku import CHANNELS
from kelaspay.faults import PaymentUnknown
from kelaspay.formats import Seller, masked, rupiah, wib
from kelaspay.i18n import marked, translator
from kelaspay.outside import Outside
from kelaspay.payment import Payment, Status
from kelaspay.web.i18n import language_of
from kelaspay.web.pages import shown
from kelaspay.web.pdf import Receipt, drawn
from kelaspay.web.signed import orders_of
from kelaspay.web.status import Standing, standing_of

router = APIRouter(include_in_schema=False)

RECEIPT = marked("Kuitansi")
REFUNDED = marked("Dana dikembalikan")


@router.get("/o/{public_id}/receipt")
def page(public_id: str, request: Request) -> Response:
    school, receipt = _receipt(public_id, request)
    return shown(request, "receipt.html", school=school, receipt=receipt, public_id=public_id)


@router.get("/o/{public_id}/receipt.pdf")
def pdf(public_id: str, request: Request) -> Response:
    """The same to keep or to send on."""
    _school, receipt = _receipt(public_id, request)
    title = translator(language_of(request))(RECEIPT)
    headers = {
        "Content-Disposition": f'attachment; filename="{title.lower()}-{receipt.number}.pdf"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(drawn(receipt, title, language_of(request)), media_type="application/pdf", headers=headers)


def _receipt(public_id: str, request: Request) -> tuple[str, Receipt]:
    """The school that sold, and its receipt. Raises `PaymentUnknown` where nothing was paid."""
    outside: Outside = request.app.state.outside
    standing = standing_of(outside, public_id)
    school = standing.payment.school
    if standing.payment.paid_at is None or standing.customer is None:
        raise PaymentUnknown
    own = public_id in orders_of(request)
    seller = outside.schools.profile(school).seller
    return school, _made(standing, seller, own=own, language=language_of(request))


def _made(standing: Standing, seller: Seller, *, own: bool, language: str) -> Receipt:
    say, payment, customer = translator(language), standing.payment, standing.customer
    named = [customer.name, customer.email] if customer and own else [masked(customer.email)] if customer else []
    contact = " · ".join(each for each in (seller.email, seller.phone) if each)
    facts: list[tuple[str, list[str]]] = [
        (marked("Nomor"), [payment.merchant_order_id]),
        (marked("Tanggal"), [wib(payment.paid_at, language)]),
        (marked("Penjual"), [each for each in (seller.name, seller.address, contact) if each]),
        (marked("Pembeli"), named),
        (marked("Metode"), [_method(payment, say)]),
    ]
    if not payment.free:
        facts.append((marked("Referensi Duitku"), [payment.reference or "-"]))
    sums = [(payment.product_details, rupiah(payment.price))]
    if payment.discount:
        sums.append((say(marked("Kupon {code}")).format(code=payment.coupon), f"-{rupiah(payment.discount)}"))
    if payment.fee:
        sums.append((say(marked("Biaya metode")), rupiah(payment.fee)))
    return Receipt(
        number=payment.merchant_order_id,
        facts=[(say(label), lines) for label, lines in facts],
        sums=sums,
        total=(say(marked("Total")), rupiah(payment.to_pay)),
        note=say(REFUNDED) if payment.status is Status.REFUNDED and not payment.free else "",
    )


def _method(payment: Payment, say: Callable[[str], str]) -> str:
    if payment.free:
        return say(marked("Kupon {code}")).format(code=payment.coupon)
    channel = CHANNELS.get(payment.payment_method or "")
    return channel.name if channel else "Duitku"
