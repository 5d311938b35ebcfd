"""Sends what is due of the messages to buyers. Each is a row of its own: sent once, tried again when that fails, kept
and readable where there is nothing to send it by.

A process that dies between the mail server's yes and our commit sends that one letter twice; it is never lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from kelaspay.faults import Fault
from kelaspay.letters import KINDS, letter
from kelaspay.mail import smtp
from kelaspay.payment import ERASED, EnrollmentState, Status
from kelaspay.store import enrollments, messages, payments
from kelaspay.store.messages import CODE_LIFE, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.mail import Letter
    from kelaspay.payment import Enrollment, Payment
    from kelaspay.school import Profile
    from kelaspay.settings import Settings
    from kelaspay.store.database import Database

log = structlog.get_logger()

LEASE_SECONDS = 120.0
"""Longer than the mail server's slowest answer."""
BATCH = 50
SIGN_IN = "sign_in"
MOST_ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=30)
RESEND_SPACING = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Office:
    """What letters are made and sent with; without `post` they are kept."""

    database: Database
    profile_of: Callable[[str], Profile]
    base: str
    now: Callable[[], datetime]
    post: Callable[[Letter], None] | None = None


def office(
    settings: Settings, profile_of: Callable[[str], Profile], database: Database, now: Callable[[], datetime]
) -> Office:
    """With SMTP_URL letters are sent, else kept."""
    post = None
    if settings.smtp_url is not None:
        sender = settings.mail_from or settings.seller_email or "no-reply@localhost"
        post = smtp(settings.smtp_url.get_secret_value(), sender)
    return Office(database, profile_of, settings.app_base_url, now, post)


def send_due(office: Office) -> int:
    """Send what is due; returned is how many were seen to. Several processes may do so at once."""
    with office.database.read() as db:
        waiting = messages.due(db, office.now(), BATCH)
    for row in waiting:
        with office.database.begin() as db:
            mine = messages.claim(db, row.id, LEASE_SECONDS)
        if mine:
            _see_to(row, office)
    return len(waiting)


def resend_access(database: Database, merchant_order_id: str, now: datetime) -> bool:
    """Have the access letter sent again; False when that was only just done."""
    with database.begin() as db:
        return messages.again(db, merchant_order_id, "access_ready", now, RESEND_SPACING)


def _see_to(row: Any, office: Office) -> None:
    made, still = _made(row, office)
    secret = row.kind.startswith(SIGN_IN)
    if made is None or not still:
        _write_down(row, office, state=State.DROPPED)
        return
    kept: dict[str, str | None] = {"recipient": made.to, "subject": made.subject, "text": made.text, "html": made.html}
    if office.post is None:
        _write_down(row, office, state=State.KEPT, sent_at=office.now(), **kept)
        return
    try:
        office.post(made)
    except Fault as fault:
        _failed(row, fault, office, kept)
        return
    if secret:  # whoever reads our database need not read it
        kept |= {"text": None, "html": None, "blank": None}
    _write_down(row, office, state=State.SENT, sent_at=office.now(), fault=None, **kept)
    log.info("message_sent", merchant_order_id=row.merchant_order_id, kind=row.kind)


def _made(row: Any, office: Office) -> tuple[Letter | None, bool]:
    """The letter as things stand now, and whether it still tells the truth."""
    with office.database.read() as db:
        payment = payments.find_payment(db, row.merchant_order_id)
        customer = payments.find_customer(db, row.merchant_order_id)
        enrollment = enrollments.find_enrollment(db, row.merchant_order_id)
    erased = customer is not None and customer.email.endswith(f"@{ERASED}")
    if payment is None or customer is None or erased or row.kind.partition(":")[0] not in KINDS:
        return None, False
    profile = office.profile_of(payment.school)
    made = letter(
        row.kind,
        payment,
        customer,
        seller=profile.seller,
        base=office.base,
        site=profile.site_url,
        ends=enrollment.expiry_date if enrollment else None,
        blank=row.blank,
    )
    if row.kind.startswith(SIGN_IN):
        return made, office.now() < row.raised_at + CODE_LIFE
    return made, still_so(row.kind, payment, enrollment, office.now())


def still_so(kind: str, payment: Payment, enrollment: Enrollment | None, now: datetime) -> bool:
    """Whether what a message tells is still so when its time has come: nobody is reminded who has paid."""
    enrolled = enrollment is not None and enrollment.state is EnrollmentState.ENROLLED
    if kind in {"order_made", "reminder", "last_reminder"}:
        return payment.status is Status.PENDING and now < payment.expires_at
    if kind == "access_late":
        return payment.status in {Status.PAID, Status.REVIEW} and not enrolled
    if kind.startswith("access_"):
        return payment.status is Status.COMPLETED
    if kind == "paid":
        return not payment.free
    if kind == "expired":
        return payment.status is Status.EXPIRED
    return True


def _failed(row: Any, fault: Fault, office: Office, kept: dict[str, str | None]) -> None:
    """Tried again with growing gaps, up to about two hours in all; then the operator sees it."""
    attempts = row.attempts + 1
    log.warning("message_failed", merchant_order_id=row.merchant_order_id, kind=row.kind, fault=fault.code())
    if fault.retry and attempts < MOST_ATTEMPTS:
        _write_down(row, office, due_at=office.now() + FIRST_WAIT * 2 ** (attempts - 1), fault=str(fault), **kept)
    else:
        _write_down(row, office, state=State.FAILED, fault=str(fault), **kept)


def _write_down(row: Any, office: Office, **values: Any) -> None:
    with office.database.begin() as db:
        messages.write_down(db, row.id, **values)
