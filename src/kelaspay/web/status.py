"""The status page of an order, for whoever has its link: what to pay, how far it is, the way into the course.

What the browser brought back from Duitku changes nothing. The page follows the order by itself: by server-sent events,
else by asking again, else by reloading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from kelaspay.correct import ask_to_correct, correct_email, may_ask
from kelaspay.duitku import CHANNELS, va_name
from kelaspay.faults import DatabaseUnavailable, InvalidInput, MoveRefused, PaymentUnknown
from kelaspay.formats import by_fours, rupiah, wib
from kelaspay.i18n import translator
from kelaspay.messages import resend_access
from kelaspay.methods import invoice_end
from kelaspay.outside import Outside
from kelaspay.payment import Customer, Enrollment, EnrollmentState, Payment, Status
from kelaspay.store import enrollments, messages, payments, same_buyer
from kelaspay.store.database import Db
from kelaspay.store.same_buyer import Kept
from kelaspay.web.howto import ways_to_pay
from kelaspay.web.i18n import language_of
from kelaspay.web.marks import MARKS
from kelaspay.web.pages import shown
from kelaspay.web.paying import GROUPS, choosable
from kelaspay.web.signed import made_orders, orders_of, signed_in
from kelaspay.web.turns import take_turn
from kelaspay.web.words import ASKED, FREE_RECEIVED, SAFE, STEPS, TIME_IS_UP, in_words, told

router = APIRouter(include_in_schema=False)

REFRESH_SECONDS = 5
LONGEST = 500
LATE = timedelta(minutes=5)
UNDER_WAY = frozenset({Status.PENDING, Status.PAID, Status.REVIEW, Status.EXPIRED, Status.FAILED})
"""States that may change while the page is looked at: money can land late, and a person may settle a review."""
LOOK_SECONDS = 1.0
WATCH_SECONDS = 25
"""After this the browser asks for the stream again, so that a stopping process waits for nobody long."""
MOST_WATCHERS = 200


@dataclass(slots=True)
class Watchers:
    """How many browsers follow an order through this process."""

    count: int = 0


watchers = Watchers()


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the page tells of an order."""

    payment: Payment
    customer: Customer | None
    enrollment: Enrollment | None
    invoices: list[Any]
    times: dict[str, datetime]
    looked_at: datetime
    kept: Kept | None
    """Whether its buyer keeps what it gave, though it has ended."""

    @property
    def late(self) -> bool:
        """Whether the buyer has paid and waits for longer than usual."""
        payment = self.payment
        return payment.status is Status.PAID and payment.paid_at is not None and self.looked_at > payment.paid_at + LATE

    @property
    def end(self) -> datetime:
        """Until when the newest invoice can be paid."""
        return invoice_end(self.payment, self.invoices[0]) if self.invoices else self.payment.expires_at

    @property
    def lapsed(self) -> bool:
        return self.looked_at >= self.end

    @property
    def over(self) -> bool:
        """Whether the access that it gave has ended."""
        return self.enrollment is not None and self.enrollment.gone(self.looked_at)

    @property
    def ending(self) -> bool:
        """Whether it is to end and has not."""
        return self.enrollment is not None and self.enrollment.ending

    @property
    def inside(self) -> bool:
        """Whether the buyer is shown the way in."""
        return self.payment.status is Status.COMPLETED and not self.over and not self.ending

    @property
    def version(self) -> str:
        """Changes when the page would say something else, be it only because time has passed."""
        enrollment = self.enrollment
        parts = [self.payment.status, len(self.invoices), len(self.times), self.late, self.lapsed]
        parts += [self.over, self.ending]
        if enrollment is not None:
            parts += [enrollment.state, enrollment.user_id is not None]
        return "-".join(str(part) for part in parts)

    @property
    def final(self) -> bool:
        """Whether nothing more will happen, down to the letter with the access."""
        if self.ending:
            return False
        if self.payment.status is Status.COMPLETED:
            return self.over or "access_ready" in self.times
        return self.payment.status not in UNDER_WAY

    def steps(self) -> list[tuple[str, datetime | None]]:
        enrollment = self.enrollment
        enrolled = enrollment is not None and enrollment.state is EnrollmentState.ENROLLED
        account = self.times.get("user_created") or self.times.get("user_found")
        reached = (
            self.payment.paid_at,
            (account or self.payment.paid_at) if enrollment and enrollment.user_id else None,
            enrollment.enrolled_at if enrollment and enrolled else None,
            self.times.get("access_ready"),
        )
        labels = (FREE_RECEIVED, *STEPS[1:]) if self.payment.free else STEPS
        return list(zip(labels, reached, strict=True))


@router.get("/o/{public_id}")
def status_page(public_id: str, request: Request, said: str = "") -> Response:
    """How an order stands and what to do next."""
    outside: Outside = request.app.state.outside
    standing = standing_of(outside, public_id)
    payment = standing.payment
    if choosable(payment) and payment.payment_url is None:
        return RedirectResponse(f"/o/{public_id}/method", status_code=303)
    say = translator(language_of(request))
    title, explained = told(payment, standing.enrollment, standing.looked_at, kept=standing.kept)
    if standing.late:
        explained = SAFE
    elif payment.status is Status.PENDING and standing.lapsed:
        explained = TIME_IS_UP
    ends = wib(standing.enrollment.expiry_date, language_of(request)) if standing.enrollment else ""
    return shown(
        request,
        "status.html",
        school=payment.school,
        payment=payment,
        email=standing.customer.email if standing.customer else "",
        own=public_id in orders_of(request),
        correctable=correctable(payment, request),
        askable=askable(standing, request),
        title=say(title),
        explained=say(explained).format(ends=ends),
        inside=standing.inside,
        over=standing.over,
        late=standing.late or payment.status is Status.REVIEW,
        steps=[(say(label), at) for label, at in standing.steps()],
        version=standing.version,
        final=standing.final,
        refresh=REFRESH_SECONDS if payment.status in UNDER_WAY or standing.ending else None,
        said=say(ASKED[said]) if said in ASKED else None,
        new_account=standing.enrollment is not None and standing.enrollment.user_created,
        site=outside.schools.profile(payment.school).site_url,
        **_instructions(standing, outside, say),
    )


@router.get("/o/{public_id}/email")
def email_form(public_id: str, request: Request) -> Response:
    """The address of an order, to be corrected by the browser that ordered or has proved it."""
    standing = standing_of(request.app.state.outside, public_id)
    may = correctable(standing.payment, request) or askable(standing, request)
    if not may or standing.customer is None:
        return RedirectResponse(f"/o/{public_id}", status_code=303)
    return _email_form(request, standing.payment, standing.customer.email)


@router.post("/o/{public_id}/email")
def correct(public_id: str, request: Request, customer_email: Annotated[str, Form()] = "") -> Response:
    """Correct it before paying; after that ask the seller to."""
    take_turn(request, "email")
    outside: Outside = request.app.state.outside
    standing = standing_of(outside, public_id)
    payment, there = standing.payment, f"/o/{public_id}"
    try:
        said = _corrected(request, standing, customer_email[:LONGEST])
    except InvalidInput as fault:
        ((field, why),) = fault.fields.items()
        wrong = in_words(field, why, translator(language_of(request)))
        return _email_form(request, payment, customer_email[:LONGEST], wrong=wrong, status=fault.status)
    except MoveRefused:
        said = None
    return RedirectResponse(f"{there}?said={said}" if said else there, status_code=303)


def _corrected(request: Request, standing: Standing, email: str) -> str | None:
    """What is said of it; None where this browser may not, or not any more."""
    outside: Outside = request.app.state.outside
    order_id, database = standing.payment.merchant_order_id, outside.database
    proved = None if standing.payment.public_id in made_orders(request) else signed_in(request)
    if correctable(standing.payment, request):
        correct_email(order_id, email, proved=proved, database=database, customers=outside.customers, now=outside.now)
        return "corrected"
    if askable(standing, request):
        ask_to_correct(order_id, email, proved=proved, database=database, now=outside.now)
        return "asked"
    return None


def askable(standing: Standing, request: Request) -> bool:
    """Whether this browser's buyer can ask for another address: after paying, until signed in at Thinkific."""
    if standing.payment.public_id not in orders_of(request):
        return False
    outside: Outside = request.app.state.outside
    with outside.database.read() as db:
        return may_ask(db, standing.payment, standing.enrollment)


def correctable(payment: Payment, request: Request) -> bool:
    """Whether this browser's buyer can still say that the address was wrong: before paying."""
    return payment.status is Status.PENDING and payment.public_id in orders_of(request)


def _email_form(
    request: Request, payment: Payment, email: str, *, wrong: str | None = None, status: int = 200
) -> Response:
    return shown(request, "email.html", school=payment.school, status=status, payment=payment, email=email, wrong=wrong)


@router.post("/o/{public_id}/resend")
def resend(public_id: str, request: Request) -> Response:
    """The letter with the access, once more, to the address of the order."""
    outside: Outside = request.app.state.outside
    payment = standing_of(outside, public_id).payment
    sent = resend_access(outside.database, payment.merchant_order_id, outside.now())
    return RedirectResponse(f"/o/{public_id}?said={'sent' if sent else 'sent_soon'}", status_code=303)


@router.get("/o/{public_id}/state")
def state(public_id: str, request: Request) -> JSONResponse:
    """What changes when the page changes; for browsers without server-sent events."""
    standing = standing_of(request.app.state.outside, public_id)
    told = {"version": standing.version, "final": standing.final}
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


@router.get("/o/{public_id}/events")
async def events(public_id: str, request: Request) -> Response:
    """The same as a stream; refused where too many look on already, and the browser asks for `state` instead."""
    outside: Outside = request.app.state.outside
    await run_sync(standing_of, outside, public_id)
    if watchers.count >= MOST_WATCHERS:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_watch(outside, public_id), media_type="text/event-stream", headers=headers)


async def _watch(outside: Outside, public_id: str) -> AsyncIterator[str]:
    """One event for each change, until nothing more can change or the browser should ask again."""
    watchers.count += 1
    told = ""
    try:
        yield "retry: 1000\n\n"
        for _ in range(WATCH_SECONDS):
            standing = await run_sync(_standing_or_none, outside, public_id)
            if standing is not None and standing.version != told:
                told = standing.version
                yield f"data: {told}\n\n"
                if standing.final:
                    yield "event: final\ndata: \n\n"
                    return
            await anyio.sleep(LOOK_SECONDS)
    finally:
        watchers.count -= 1


def standing_of(outside: Outside, public_id: str) -> Standing:
    """Raises `PaymentUnknown`."""
    with outside.database.read() as db:
        payment = payments.find_by_public_id(db, public_id)
        if payment is None:
            raise PaymentUnknown
        order_id, now = payment.merchant_order_id, outside.now()
        access = enrollments.find_enrollment(db, order_id)
        standing = Standing(
            payment,
            payments.find_customer(db, order_id),
            access,
            payments.list_invoices(db, order_id),
            _times(db, order_id),
            now,
            same_buyer.kept(db, payment, now) if access is not None and access.ended else None,
        )
    if payment.status in UNDER_WAY:
        outside.watching.seen(order_id)
    return standing


def _times(db: Db, merchant_order_id: str) -> dict[str, datetime]:
    """When the account was ready, and when the letter with the access went out."""
    lines = {line.what: line.at for line in payments.read_story(db, merchant_order_id) if line.what in TOLD}
    letters = messages.list_messages(db, merchant_order_id)
    return lines | {each.kind: each.sent_at for each in letters if each.kind == "access_ready" and each.sent_at}


TOLD = frozenset({"user_created", "user_found"})
"""Lines of the story that are steps on the page."""


def _standing_or_none(outside: Outside, public_id: str) -> Standing | None:
    """None while the database is away: whoever watches goes on watching."""
    try:
        return standing_of(outside, public_id)
    except DatabaseUnavailable:
        return None


def _instructions(standing: Standing, outside: Outside, say: Any) -> dict[str, Any]:
    """What the page needs in order to tell how to pay."""
    payment, invoices = standing.payment, standing.invoices
    channel = CHANNELS.get(payment.payment_method or "")
    blanks = {"number": by_fours(payment.va_number or ""), "amount": rupiah(payment.to_pay)}
    ways = ways_to_pay(channel.code, channel.group) if channel else []
    older = [(each.va_number, invoice_end(payment, each)) for each in invoices[1:] if each.va_number]
    return {
        "channel": channel,
        "group": say(GROUPS[channel.group]) if channel else "",
        "end": standing.end,
        "lapsed": standing.lapsed,
        "ways": [(say(where), [say(step).format(**blanks) for step in steps]) for where, steps in ways],
        "older": [(number, until) for number, until in older if until > outside.now() and number != payment.va_number],
        "changeable": choosable(payment),
        "va_name": va_name(standing.customer.name) if standing.customer and payment.va_number else "",
        "marks": MARKS,
    }
