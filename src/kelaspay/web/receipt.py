"""The receipt, as a page to print and as a PDF. Only a browser that ordered or proved the address sees whose it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

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
from kelaspay.web.signed import orders_of
from kelaspay.web.status import Standing, standing_of

router = APIRouter(include_in_schema=False)

MARGIN = 20
"""Millimetres."""
LAST = 255
"""The last letter of Latin-1."""
NEAR = {"\u2022": "*", "\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
RECEIPT = marked("Kuitansi")
REFUNDED = marked("Dana dikembalikan")


@dataclass(frozen=True, slots=True)
class Receipt:
    """All that stands on it, in the reader's language."""

    number: str
    facts: list[tuple[str, list[str]]]
    sums: list[tuple[str, str]]
    total: tuple[str, str]
    note: str = ""


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
    drawn = _drawn(receipt, title, language_of(request))
    return Response(drawn, media_type="application/pdf", headers=headers)


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


def _drawn(receipt: Receipt, title: str, language: str) -> bytes:
    """One A4 page in a font that every reader has."""
    from fpdf import FPDF  # noqa: PLC0415 - with its fonts 20 MB that most processes never need
    from fpdf.enums import XPos, YPos  # noqa: PLC0415 - the same

    made = FPDF(format="A4")
    made.set_title(f"{title} {receipt.number}")
    made.set_lang(language)
    made.set_margins(MARGIN, MARGIN)
    made.add_page()
    made.set_font("Helvetica", "B", 20)
    made.cell(0, 14, _plain(title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    made.set_font("Helvetica", "", 11)
    with made.table(col_widths=(1, 3), first_row_as_headings=False, borders_layout="NONE", align="L") as table:
        for label, lines in receipt.facts:
            table.row([_plain(label), _plain("\n".join(lines))])
    made.ln(8)
    rows = [*receipt.sums, receipt.total]
    with made.table(
        col_widths=(3, 1),
        first_row_as_headings=False,
        borders_layout="HORIZONTAL_LINES",
        text_align=("LEFT", "RIGHT"),
        padding=2,
    ) as table:
        for at, row in enumerate(rows, 1):
            made.set_font(style="B" if at == len(rows) else "")
            table.row([_plain(each) for each in row])
    if receipt.note:
        made.ln(6)
        made.cell(0, 8, _plain(receipt.note))
    return bytes(made.output())


def _plain(text: str) -> str:
    """In Latin-1, which is all that PDF's own fonts have: what is not in it by its nearest letter."""
    return "".join(_letter(letter) for letter in text)


def _letter(letter: str) -> str:
    near = NEAR.get(letter) or unicodedata.normalize("NFKD", letter)[0]
    return next((each for each in (letter, near) if ord(each) <= LAST), "?")
