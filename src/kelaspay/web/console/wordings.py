"""A school's letters in its own words: what each may tell, what it looks like before it is kept, and the way back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.faults import InvalidInput, MessageUnknown
from kelaspay.i18n import TRANSLATIONS
from kelaspay.letters import BETWEEN, BLANK, KINDS, default, letter, may_tell, must_tell
from kelaspay.mail import Letter
from kelaspay.payment import Customer, MerchantOrderId, Payment, Rupiah, Status
from kelaspay.store import wordings
from kelaspay.store.wordings import Said
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import OwnerActing, OwnerLooking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/settings/texts", route_class=ConsoleRoute, include_in_schema=False)

TEXTS = "/console/settings/texts"
LONGEST_SUBJECT = 200
LONGEST_BODY = 5000


@router.get("")
def list_texts(request: Request, visitor: OwnerLooking) -> HTMLResponse:
    with outside_of(request).database.read() as db:
        own = wordings.list_wordings(db, visitor.here)
    whose = outside_of(request).schools.profile(visitor.here).seller.name
    return page(request, "texts.html", visitor, kinds=list(KINDS), languages=list(TRANSLATIONS), own=own, whose=whose)


@router.get("/{kind}/{language}")
def edit(kind: str, language: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    _known(kind, language)
    with outside_of(request).database.read() as db:
        own = wordings.find_wording(db, visitor.here, kind, language)
    return _form(request, visitor, kind, language, own or Said(*default(kind, language)), own=own is not None)


@router.post("/{kind}/{language}")
def save(
    kind: str,
    language: str,
    request: Request,
    visitor: OwnerActing,
    subject: Annotated[str, Form()] = "",
    body: Annotated[str, Form()] = "",
    act: Annotated[str, Form()] = "",
) -> Response:
    """Keep a letter's words, or only show what they come to."""
    _known(kind, language)
    outside, entered = outside_of(request), _entered(subject, body)
    with outside.database.read() as db:
        own = wordings.find_wording(db, visitor.here, kind, language) is not None
    try:
        _check(kind, entered)
    except InvalidInput as fault:
        return _form(request, visitor, kind, language, entered, own=own, wrong=fault.fields)
    if act != "keep":
        return _form(request, visitor, kind, language, entered, own=own, shown=True)
    with outside.database.begin() as db:
        wordings.put_wording(db, visitor.here, kind, language, entered, outside.now())
        write_down(request, visitor, "text_changed", f"{kind} ({language})", entered.subject, db=db)
    return back(TEXTS, "text_changed")


@router.get("/{kind}/{language}/default")
def default_form(kind: str, language: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    _known(kind, language)
    said = Said(*default(kind, language))
    return page(request, "text_default.html", visitor, kind=kind, language=language, draft=said)


@router.post("/{kind}/{language}/default")
def back_to_default(kind: str, language: str, request: Request, visitor: OwnerActing) -> Response:
    """Forget the school's own words for this letter."""
    _known(kind, language)
    with outside_of(request).database.begin() as db:
        if wordings.drop_wording(db, visitor.here, kind, language):
            write_down(request, visitor, "text_reset", f"{kind} ({language})", db=db)
    return back(TEXTS, "text_reset")


def _form(
    request: Request,
    visitor: Visitor,
    kind: str,
    language: str,
    said: Said,
    *,
    own: bool,
    wrong: dict[str, str] | None = None,
    shown: bool = False,
) -> HTMLResponse:
    return page(
        request,
        "text.html",
        visitor,
        whose=outside_of(request).schools.profile(visitor.here).seller.name,
        status=422 if wrong else 200,
        kind=kind,
        language=language,
        draft=said,
        own=own,
        wrong=wrong or {},
        blanks=may_tell(kind),
        needed=must_tell(kind),
        preview=_preview(request, visitor, kind, language, said) if shown else None,
    )


def _entered(subject: str, body: str) -> Said:
    """As it was typed, with one empty line between paragraphs however many there were."""
    lines = [line.rstrip() for line in body.replace("\0", "").replace("\r\n", "\n").split("\n")]
    paragraphs = [each.strip("\n") for each in "\n".join(lines).split(BETWEEN)]
    joined = BETWEEN.join(each for each in paragraphs if each)
    return Said(" ".join(subject.replace("\0", "").split())[:LONGEST_SUBJECT], joined[:LONGEST_BODY])


def _check(kind: str, said: Said) -> None:
    """Raises `InvalidInput` with what is wrong by field: `empty`, `brace`, the name of an unknown value, or that of one
    that must be there.
    """
    wrong = {field: why for field in said._fields if (why := _why(kind, getattr(said, field)))}
    lacking = [name for name in must_tell(kind) if f"{{{name}}}" not in said.body]
    if lacking and "body" not in wrong:
        wrong["body"] = f"!{lacking[0]}"
    if wrong:
        raise InvalidInput(wrong)


def _why(kind: str, text: str) -> str | None:
    if not text:
        return "empty"
    unknown = [name for name in BLANK.findall(text) if name not in may_tell(kind)]
    if unknown:
        return str(unknown[0])
    return "brace" if set("{}") & set(BLANK.sub("", text)) else None


def _preview(request: Request, visitor: Visitor, kind: str, language: str, said: Said) -> Letter:
    """The letter as an invented buyer would get it."""
    outside = outside_of(request)
    now, profile = outside.now(), outside.schools.profile(visitor.here)
    payment = Payment(
        merchant_order_id=MerchantOrderId("KP-CONTOH"),
        public_id="contoh",
        offer="contoh",
        product_details="Belajar Python",
        payment_amount=Rupiah(150_000),
        status=Status.COMPLETED,
        created_at=now,
        expires_at=now + timedelta(days=1),
        payment_method="BC",
        va_number="7007014001234567",
        paid_at=now,
        language=language,
    )
    return letter(
        kind,
        payment,
        Customer(name="Siti Rahmawati", email="siti@example.com", phone="+6281234567890"),
        seller=profile.seller,
        base=outside.settings.app_base_url,
        site=profile.site_url,
        ends=now + timedelta(days=30),
        blank="123456",
        raised_at=now,
        own=said,
    )


def _known(kind: str, language: str) -> None:
    """Raises `MessageUnknown` for a letter that there is not."""
    if kind not in KINDS or language not in TRANSLATIONS:
        raise MessageUnknown
