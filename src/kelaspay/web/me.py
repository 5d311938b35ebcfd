"""Pesanan saya: a buyer proves their address by a code sent to it, and sees all their orders in any browser."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from kelaspay.codes import send_code, use_code
from kelaspay.faults import Fault, InvalidInput, TooManyAttempts
from kelaspay.i18n import marked, translator
from kelaspay.limits import network_of
from kelaspay.messages import resend_access
from kelaspay.outside import Outside
from kelaspay.payment import Enrollment, EnrollmentState, Payment
from kelaspay.store import buyers, payments, same_buyer
from kelaspay.store.database import Db
from kelaspay.store.same_buyer import Kept
from kelaspay.web.i18n import language_of
from kelaspay.web.pages import shown
from kelaspay.web.signed import forget_buyer, remember_buyer, signed_in
from kelaspay.web.words import ASKED, in_words, told

router = APIRouter(prefix="/me", include_in_schema=False)

LONGEST = 200
WRONG_CODE = marked("Kode salah atau sudah tidak berlaku. Periksa lagi, atau minta kode baru.")
TOO_MANY = marked("Terlalu banyak percobaan. Tunggu 15 menit, lalu coba lagi.")


@router.get("")
def me(request: Request, said: str = "") -> Response:
    """The orders of whoever is signed in, else the question for an address."""
    outside: Outside = request.app.state.outside
    email = signed_in(request)
    if email is None:
        return shown(request, "me_email.html", email="", wrong=None)
    say, now = translator(language_of(request)), outside.now()
    with outside.database.read() as db:
        found = [_with_access(db, row, now) for row in buyers.orders_of(db, email)]
    schools = {payment.school for payment, *_ in found}
    sellers = {school: outside.schools.profile(school).seller.name for school in schools if len(schools) > 1}
    return shown(
        request,
        "me.html",
        email=email,
        orders=[(payment, access, say(told(payment, access, now, kept=kept)[0])) for payment, access, kept in found],
        sellers=sellers,
        now=now,
        said=say(ASKED[said]) if said in ASKED else None,
    )


@router.post("/code")
def code(request: Request, email: Annotated[str, Form()] = "") -> Response:
    """Have a code sent; the same is said whether there are orders or not."""
    outside: Outside = request.app.state.outside
    say = translator(language_of(request))
    try:
        address = send_code(
            outside.database,
            key=outside.secret_key,
            email=email[:LONGEST],
            source=_source(request),
            now=outside.now(),
        )
    except InvalidInput as fault:
        wrong = in_words("customer_email", fault.fields["email"], say)
        return shown(request, "me_email.html", status=fault.status, email=email, wrong=wrong)
    except TooManyAttempts as fault:
        return shown(request, "me_email.html", status=fault.status, email=email, wrong=say(TOO_MANY))
    return shown(request, "me_code.html", email=address, wrong=None)


@router.get("/code")
def have_code(request: Request) -> Response:
    """Where the letter with the code leads, perhaps on another device: its address asks for no new code, and names
    nobody.
    """
    return shown(request, "me_code.html", email="", wrong=None)


@router.post("/sign-in")
def sign_in(request: Request, email: Annotated[str, Form()] = "", code: Annotated[str, Form()] = "") -> Response:
    """Let in whoever has the code; this browser may then see the address's orders as the one that made them does, each
    of them for as long as it has that address.
    """
    outside: Outside = request.app.state.outside
    try:
        address = use_code(
            outside.database,
            key=outside.secret_key,
            email=email[:LONGEST],
            code=code[:LONGEST],
            source=_source(request),
            now=outside.now(),
        )
    except Fault as fault:
        wrong = translator(language_of(request))(TOO_MANY if isinstance(fault, TooManyAttempts) else WRONG_CODE)
        return shown(request, "me_code.html", status=fault.status, email=email[:LONGEST], wrong=wrong)
    response = RedirectResponse("/me", status_code=303)
    remember_buyer(request, response, address)
    return response


@router.post("/resend/{public_id}")
def resend(public_id: str, request: Request) -> Response:
    """The letter with the access once more, to the address of the order, which is the signed-in buyer's."""
    outside: Outside = request.app.state.outside
    email = signed_in(request)
    with outside.database.read() as db:
        theirs = {row.public_id: row.merchant_order_id for row in buyers.orders_of(db, email)} if email else {}
    if public_id not in theirs:
        return RedirectResponse("/me", status_code=303)
    sent = resend_access(outside.database, theirs[public_id], outside.now())
    return RedirectResponse(f"/me?said={'sent' if sent else 'sent_soon'}", status_code=303)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Forget who is signed in, and which orders this browser made."""
    response = RedirectResponse("/me", status_code=303)
    forget_buyer(request, response)
    return response


def _with_access(db: Db, row: Any, now: datetime) -> tuple[Payment, Enrollment | None, Kept | None]:
    """An order, what it gave, and whether its buyer keeps that."""
    payment, access = payments.as_payment(row), _access(row)
    return payment, access, same_buyer.kept(db, payment, now) if access is not None and access.ended else None


def _access(row: Any) -> Enrollment | None:
    """What an order gave, as far as it is told here."""
    if row.access is None:
        return None
    return Enrollment(
        row.merchant_order_id,
        EnrollmentState(row.access),
        expiry_date=row.expiry_date,
        revoke_wanted=row.revoke_wanted,
    )


def _source(request: Request) -> str:
    return network_of(request.client.host) if request.client else "?"
