"""Sends what is due of the messages to buyers. Each is a row of its own: sent once, tried again when that fails, kept
and readable where there is nothing to send it by.

A process that dies between the mail server's yes and our commit sends that one letter twice; it is never lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.faults import Fault, MoveRefused, PaymentUnknown
from kelaspay.i18n import known
from kelaspay.letters import KINDS, letter
from kelaspay.mail import smtp
from kelaspay.notes import NOTES, note
from kelaspay.payment import ERASED, EnrollmentState, Status
from kelaspay.store import accesses, enrollments, messages, payments, same_buyer, wordings
from kelaspay.store.messages import CODE_LIFE, State
from kelaspay.store.preferences import quiet_hours_of
from kelaspay.tracing import ORDER, UNTRACED, Kind, same_work

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from kelaspay.mail import Letter
    from kelaspay.payment import Customer, Enrollment, MerchantOrderId, Payment
    from kelaspay.school import Profile
    from kelaspay.settings import Settings
    from kelaspay.store.database import Database, Db
    from kelaspay.store.wordings import Said
    from kelaspay.tracing import Span, Tracing
    from kelaspay.whatsapp import Note

log = structlog.get_logger()

LEASE_SECONDS = 120.0
"""Longer than the mail server's slowest answer."""
BATCH = 50
SIGN_IN = "sign_in"
BY_DAY = frozenset({"reminder", "last_reminder", *messages.ENDS_SOON})
"""Kinds that disturb nobody's night, however late they are sent."""
ONLY_WHILE = {"amount_differs": Status.REVIEW, "expired": Status.EXPIRED}
"""Kinds that tell of a state, and of nothing else."""
AT = "@"
WHATSAPP = "@whatsapp"
"""What follows the kind of a message that goes another way than by e-mail."""
MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=30)
CLOSE = timedelta(minutes=1)
"""Times of Thinkific's that lie closer than this are the same."""
RESEND_SPACING = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Office:
    """What letters are made and sent with; without `post` they are kept."""

    database: Database
    profile_of: Callable[[str], Profile]
    base: str
    now: Callable[[], datetime]
    post: Callable[[Letter], None] | None = None
    whatsapp_of: Callable[[str], Callable[[Note], None] | None] = lambda _school: None
    """A school's own way to WhatsApp, or None."""
    tracing: Tracing = UNTRACED
    let_pass: Callable[[], None] = lambda: None
    """Waits for a moment, before each message, for whoever is on the way to a course."""


def office(
    settings: Settings,
    profile_of: Callable[[str], Profile],
    database: Database,
    now: Callable[[], datetime],
    *,
    whatsapp_of: Callable[[str], Callable[[Note], None] | None] = lambda _school: None,
    tracing: Tracing = UNTRACED,
    let_pass: Callable[[], None] = lambda: None,
) -> Office:
    """With SMTP_URL letters are sent, else kept; where a school has WhatsApp most kinds go that way too."""
    post = None
    if settings.smtp_url is not None:
        sender = settings.mail_from or settings.seller_email or "no-reply@localhost"
        post = smtp(settings.smtp_url.get_secret_value(), sender)
    return Office(database, profile_of, settings.app_base_url, now, post, whatsapp_of, tracing, let_pass)


def send_due(office: Office) -> int:
    """Send what is due; returned is how many were seen to. Several processes may do so at once."""
    with office.database.read() as db:
        waiting = messages.due(db, office.now(), BATCH)
    for row in waiting:
        office.let_pass()
        with office.database.begin() as db:
            mine = messages.claim(db, row, LEASE_SECONDS)
        if mine:
            _see_to(row, office)
    return len(waiting)


def resend_access(database: Database, merchant_order_id: str, now: datetime) -> bool:
    """Have the access letter sent again; False when that was only just done."""
    with database.begin() as db:
        return messages.again(db, merchant_order_id, "access_ready", now, RESEND_SPACING)


def resend_now(database: Database, merchant_order_id: MerchantOrderId, now: datetime) -> None:
    """The same for one order whose buyer must hear why not: raises `PaymentUnknown`, or `MoveRefused` before there is
    an access and within minutes of the last letter.
    """
    with database.begin() as db:
        payment = payments.find_payment(db, merchant_order_id)
        enrollment = enrollments.find_enrollment(db, merchant_order_id)
        if payment is None:
            raise PaymentUnknown(merchant_order_id=merchant_order_id)
        if payment.status is not Status.COMPLETED:
            raise MoveRefused(f"It is {payment.status}.", merchant_order_id=merchant_order_id)
        if not still_so("access_ready", payment, enrollment, now):
            raise MoveRefused("Its access has ended.", merchant_order_id=merchant_order_id)
        if not messages.again(db, merchant_order_id, "access_ready", now, RESEND_SPACING):
            raise MoveRefused("It was sent minutes ago.", merchant_order_id=merchant_order_id)


def resend(database: Database, row: Any, now: datetime) -> bool:
    """Have one message made and sent again, as things stand now; False for one that waits already or is a code."""
    with database.begin() as db:
        return repeatable(row) and messages.send_again(db, row.id, now)


def repeatable(row: Any) -> bool:
    """A code is never sent twice: the buyer asks for another."""
    return row.state in {State.SENT, State.KEPT, State.FAILED} and not row.kind.startswith(SIGN_IN)


def named(kept: str) -> tuple[str, str]:
    """The kind of a message without what only its row needs, and the way it goes."""
    return kept.removesuffix(WHATSAPP).partition(":")[0], "whatsapp" if kept.endswith(WHATSAPP) else "email"


def kept_as(kind: str) -> list[str]:
    """The ways in which messages of a kind are named in their rows: once, once more for another user, by WhatsApp."""
    if not kind:
        return []
    return [f"{kind}:"] if kind == SIGN_IN else [kind, f"{kind}{WHATSAPP}", f"{kind}:"]


def _see_to(row: Any, office: Office) -> None:
    facts = _facts(row, office)
    kind, _, channel = row.kind.partition(AT)
    if facts is None or not _still(kind, row, facts, office.now()):
        _write_down(row, office, state=State.DROPPED)
    elif kind in BY_DAY and (morning := _morning(row, office)) > office.now():  # it was late, or failed before
        _write_down(row, office, due_at=morning, attempts=row.attempts)
    elif channel:
        made = note(kind, facts.payment, facts.customer, ends=facts.ends)
        _send_note(row, made, office, office.whatsapp_of(facts.payment.school))
    else:
        if _goes_by_whatsapp(kind, facts.payment) and office.whatsapp_of(facts.payment.school) is not None:
            with office.database.begin() as db:  # before the letter is sent: whoever repeats that raises this once
                messages.raise_message(db, row.merchant_order_id, f"{kind}{WHATSAPP}", row.due_at, office.now())
        _send_letter(row, _letter(row, facts, office), office)


def _morning(row: Any, office: Office) -> datetime:
    """Now, or when the school's quiet hours are over."""
    with office.database.read() as db:
        return messages.by_day(office.now(), quiet_hours_of(db, row.merchant_order_id))


def _goes_by_whatsapp(kind: str, payment: Payment) -> bool:
    return kind in NOTES and not (kind == "refunded" and payment.free)


def _send_letter(row: Any, made: Letter, office: Office) -> None:
    kept: dict[str, str | None] = {"recipient": made.to, "subject": made.subject, "text": made.text, "html": made.html}
    if office.post is None:
        _write_down(row, office, state=State.KEPT, sent_at=office.now(), **kept)
        return
    try:
        with _span(row, office, "letter"):
            office.post(made)
    except Fault as fault:
        _failed(row, fault, office, kept)
        return
    if row.kind.startswith(SIGN_IN):  # whoever reads our database need not read it
        kept |= {"text": None, "html": None, "blank": None}
    _sent(row, office, kept)


def _send_note(row: Any, made: Note, office: Office, post: Callable[[Note], None] | None) -> None:
    kept: dict[str, str | None] = {"recipient": made.to, "subject": made.template, "text": made.text}
    if post is None:  # switched off since
        _write_down(row, office, state=State.KEPT, **kept)
        return
    try:
        with _span(row, office, "WhatsApp message"):
            post(made)
    except Fault as fault:
        _failed(row, fault, office, kept)
        return
    _sent(row, office, kept)


def _span(row: Any, office: Office, what: str) -> AbstractContextManager[Span]:
    """Around sending it, in the trace of the work that raised it."""
    kind = row.kind.partition(AT)[0].partition(":")[0]
    known = {ORDER: row.merchant_order_id, "kelaspay.message": kind}
    parent = same_work(row.traceparent, row.raised_at, office.now())
    return office.tracing.span(f"send {what}", known, parent=parent, kind=Kind.CLIENT)


def _sent(row: Any, office: Office, kept: dict[str, str | None]) -> None:
    _write_down(row, office, state=State.SENT, sent_at=office.now(), fault=None, **kept)
    log.info("message_sent", merchant_order_id=row.merchant_order_id, kind=row.kind)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a message tells of, as it stands now."""

    payment: Payment
    customer: Customer
    enrollment: Enrollment | None
    own: Said | None
    """The school's own words for it."""
    renewed: bool
    """Whether another paid order of the same user's reaches further in the same course, or what they had before."""

    @property
    def ends(self) -> datetime | None:
        return self.enrollment.expiry_date if self.enrollment else None


def _facts(row: Any, office: Office) -> _Facts | None:
    with office.database.read() as db:
        payment = payments.find_payment(db, row.merchant_order_id)
        customer = payments.find_customer(db, row.merchant_order_id)
        enrollment = enrollments.find_enrollment(db, row.merchant_order_id)
        kind = row.kind.partition(":")[0]
        own = wordings.find_wording(db, payment.school, kind, known(payment.language)) if payment else None
        renewed = kind in messages.ENDS_SOON and _renewed(db, payment, enrollment, office.now())
    if payment is None or customer is None or customer.email.endswith(f"@{ERASED}"):
        return None
    return _Facts(payment, customer, enrollment, own, renewed)


def _renewed(db: Db, payment: Payment | None, enrollment: Enrollment | None, now: datetime) -> bool:
    if payment is None or enrollment is None or enrollment.user_id is None or enrollment.expiry_date is None:
        return False
    given, ends = (enrollment.course_id, enrollment.bundle_id), enrollment.expiry_date
    if enrollment.had_until is not None and enrollment.had_until > ends:
        return True
    longer = [
        other
        for other in same_buyer.other_paid_orders(db, payment, enrollment.user_id, now)
        if other.expiry_date is None or other.expiry_date > ends
    ]
    same = any((other.course_id, other.bundle_id) == given for other in longer)
    return same or _told_to_last(db, payment, [other.expiry_date for other in longer if other.bundle_id is not None])


def _told_to_last(db: Db, payment: Payment, ends: list[datetime | None]) -> bool:
    """Whether Thinkific has told that the learner has the course until one of these bundles' `ends`. Which courses a
    bundle holds is kept nowhere here; that one holds this is seen by what it did.
    """
    told = accesses.find_access(db, payment.merchant_order_id)
    if told is None or told.told_at is None:
        return False
    until = told.expiry_date
    return any(end == until or (end and until and abs(end - until) < CLOSE) for end in ends)


def _letter(row: Any, facts: _Facts, office: Office) -> Letter:
    profile = office.profile_of(facts.payment.school)
    return letter(
        row.kind,
        facts.payment,
        facts.customer,
        seller=profile.seller,
        base=office.base,
        site=profile.site_url,
        ends=facts.ends,
        blank=row.blank,
        raised_at=row.raised_at,
        own=facts.own,
    )


def _still(kind: str, row: Any, facts: _Facts, now: datetime) -> bool:
    """Whether there is such a message, and what it tells is still so."""
    if kind.startswith(SIGN_IN):
        return bool(now < row.raised_at + CODE_LIFE)
    known_kind = kind.partition(":")[0] in KINDS
    return known_kind and not facts.renewed and still_so(kind, facts.payment, facts.enrollment, now)


def still_so(kind: str, payment: Payment, enrollment: Enrollment | None, now: datetime) -> bool:
    """Whether what a message tells is still so when its time has come: nobody is reminded who has paid."""
    enrolled = enrollment is not None and enrollment.state is EnrollmentState.ENROLLED
    if kind in {"order_made", "reminder", "last_reminder"}:
        return payment.status is Status.PENDING and now < payment.expires_at
    if kind == "access_late":
        return payment.status in {Status.PAID, Status.REVIEW} and not enrolled
    if kind.startswith("access_"):
        over = enrollment is None or enrollment.over(now)
        return payment.status is Status.COMPLETED and enrolled and not over
    if kind == "paid":
        return not payment.free
    if kind in ONLY_WHILE:
        return payment.status is ONLY_WHILE[kind]
    return True


def _failed(row: Any, fault: Fault, office: Office, kept: dict[str, str | None]) -> None:
    """Tried again with growing gaps, about an hour in all; then the operator sees it."""
    attempts = row.attempts + 1
    log.warning("message_failed", merchant_order_id=row.merchant_order_id, kind=row.kind, fault=fault.code())
    if fault.retry and attempts < MOST_ATTEMPTS:
        _write_down(row, office, due_at=office.now() + FIRST_WAIT * 2 ** (attempts - 1), fault=str(fault), **kept)
    else:
        _write_down(row, office, state=State.FAILED, fault=str(fault), **kept)


def _write_down(row: Any, office: Office, **values: Any) -> None:
    with office.database.begin() as db:
        messages.write_down(db, row, **values)
