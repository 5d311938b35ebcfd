"""The buyer's pages: what is on sale, the order form, the status page. They work without script."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from kelaspay.checkout import Wanted, initiate
from kelaspay.faults import Fault, InvalidInput, NotConfigured, OfferUnknown, PaymentUnknown
from kelaspay.outside import Outside
from kelaspay.payment import EnrollmentState, Offer, Status
from kelaspay.store import enrollments, offers, payments
from kelaspay.web.words import EXPLAINED, STATES, in_words

router = APIRouter(include_in_schema=False)

WIB = timezone(timedelta(hours=7), "WIB")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des")
REFRESH_SECONDS = 3
UNDER_WAY = frozenset({Status.PENDING, Status.PAID})
STYLE = Path(__file__).parent / "static" / "style.css"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def rupiah(amount: int) -> str:
    return f"Rp {amount:,}".replace(",", ".")


def wib(at: datetime | None) -> str:
    if at is None:
        return ""
    local = at.astimezone(WIB)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}, {local:%H.%M} WIB"


def masked(email: str) -> str:
    """An address that its owner knows again and nobody else can use."""
    name, _, domain = email.partition("@")
    return f"{name[:2]}{'•' * max(1, len(name) - 2)}@{domain}"


templates = Environment(
    loader=PackageLoader("kelaspay", "web/templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
templates.filters.update(rupiah=rupiah, wib=wib, masked=masked)


def page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(templates.get_template(name).render(**values), status_code=status, headers=HEADERS)


@router.get("/")
def shop(request: Request) -> HTMLResponse:
    """All that is on sale."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        found = [offer for offer in offers.list_offers(db) if offer.on_sale(outside.now())]
    return page("shop.html", offers=found)


@router.get("/buy/{slug}")
def order_form(slug: str, request: Request, name: str = "", email: str = "", phone: str = "") -> HTMLResponse:
    """The order form, prefilled where the link says so."""
    entered = {"customer_name": name, "customer_email": email, "customer_phone": phone}
    return _form(_offer(request.app.state.outside, slug), entered=entered, key=secrets.token_urlsafe(16), wrong={})


@router.post("/buy/{slug}")
def order(
    slug: str,
    request: Request,
    customer_name: Annotated[str, Form()] = "",
    customer_email: Annotated[str, Form()] = "",
    customer_phone: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Make the order and go to Duitku. The form's key makes a double click one order."""
    outside: Outside = request.app.state.outside
    offer = _offer(outside, slug)
    entered = {"customer_name": customer_name, "customer_email": customer_email, "customer_phone": customer_phone}
    if outside.duitku is None:
        raise NotConfigured
    try:
        payment = initiate(
            Wanted(**entered, offer=slug),
            idempotency_key=f"form-{key or secrets.token_urlsafe(16)}",
            database=outside.database,
            customers=outside.customers,
            duitku=outside.duitku,
            urls=outside.urls,
            now=outside.now,
        )
    except InvalidInput as fault:
        wrong = {field: in_words(field, why) for field, why in fault.fields.items()}
        return _form(offer, entered=entered, key=secrets.token_urlsafe(16), wrong=wrong, status=422)
    except Fault as fault:
        wrong = {"": "Pembayaran belum bisa dibuat. Data Anda tersimpan; silakan coba lagi sebentar lagi."}
        return _form(offer, entered=entered, key=key, wrong=wrong, status=fault.status)
    return RedirectResponse(payment.payment_url or outside.urls.status(payment.public_id), status_code=303)


@router.get("/o/{public_id}")
def status_page(public_id: str, request: Request) -> HTMLResponse:
    """How a payment stands, for whoever has its link. What the browser brought back from Duitku changes nothing."""
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        payment = payments.find_by_public_id(db, public_id)
        if payment is None:
            raise PaymentUnknown
        customer = payments.find_customer(db, payment.merchant_order_id)
        enrollment = enrollments.find_enrollment(db, payment.merchant_order_id)
    enrolled = enrollment is not None and enrollment.state is EnrollmentState.ENROLLED
    steps = [
        ("Pembayaran diterima", payment.paid_at),
        ("Akun siap", payment.paid_at if enrollment and enrollment.user_id else None),
        ("Terdaftar di kelas", enrollment.enrolled_at if enrollment and enrolled else None),
    ]
    settings = outside.settings
    site = settings.thinkific_site_url.replace("{subdomain}", settings.thinkific_subdomain or "")
    return page(
        "status.html",
        payment=payment,
        email=masked(customer.email) if customer else "",
        title=STATES[payment.status],
        explained=EXPLAINED[payment.status],
        steps=steps,
        refresh=REFRESH_SECONDS if payment.status in UNDER_WAY else None,
        class_url=f"{site}/enrollments",
        now=outside.now().astimezone(UTC),
    )


@router.get("/static/style.css")
def style() -> FileResponse:
    return FileResponse(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


def _offer(outside: Outside, slug: str) -> Offer:
    with outside.database.read() as db:
        offer = offers.find_offer(db, slug)
    if offer is None or not offer.on_sale(outside.now()):
        raise OfferUnknown
    return offer


def _form(offer: Offer, *, entered: dict[str, str], key: str, wrong: dict[str, str], status: int = 200) -> HTMLResponse:
    return page("buy.html", status=status, offer=offer, entered=entered, key=key, wrong=wrong)
