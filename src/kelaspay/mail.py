"""Sends a letter by SMTP. It blocks, for the sender has a thread of its own: one letter at a time needs no loop."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formataddr, make_msgid
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from kelaspay.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 20.0
REFUSED_FOR_GOOD = 500


class MailUnavailable(Fault):
    """The mail server does not take the letter just now."""

    status = 503
    retry = True


class MailRefused(Fault):
    """The mail server refuses the letter for good."""

    status = 502


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person, in both forms, in the name of who sells."""

    seller: str
    to: str
    subject: str
    text: str
    html: str
    reply_to: str | None = None
    """Where the seller reads answers; the sender's own address belongs to the deployment."""


def smtp(url: str, sender: str) -> Callable[[Letter], None]:
    """Sends through `smtp://user:password@host:port`, encrypted where the server can, or `smtps://`."""

    def post(letter: Letter) -> None:
        with _let_in(url) as server:
            server.send_message(as_message(letter, sender))

    return post


def knock(url: str) -> str:
    """The mail server's name, when it lets us in; raises `MailUnavailable`. Nothing is sent."""
    with _let_in(url) as server:
        server.noop()
    return urlsplit(url).hostname or ""


@contextmanager
def _let_in(url: str) -> Iterator[smtplib.SMTP]:
    parts = urlsplit(url)
    secure = parts.scheme == "smtps"
    try:
        with _connected(parts.hostname or "", parts.port or (465 if secure else 587), secure=secure) as server:
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            yield server
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        raise (MailRefused if code >= REFUSED_FOR_GOOD else MailUnavailable)(f"SMTP {code}") from error
    except smtplib.SMTPResponseException as error:
        raise MailUnavailable(f"SMTP {error.smtp_code}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailUnavailable(type(error).__name__) from error


def as_message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = formataddr((letter.seller, sender))
    message["To"] = letter.to
    if letter.reply_to:
        message["Reply-To"] = letter.reply_to
    message["Subject"] = letter.subject
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _connected(host: str, port: int, *, secure: bool) -> smtplib.SMTP:
    if secure:
        return smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=PATIENCE)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
    return server
