"""Money, times, numbers and names as Indonesia writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta, timezone

from kelaspay.i18n import ENGLISH, INDONESIAN

WIB = timezone(timedelta(hours=7), "WIB")
MONTHS = {
    INDONESIAN: ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    ENGLISH: ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}

LINKING = re.compile(r"[.:@\u2024\u3002\ufe52\ufe55\ufe6b\uff0e\uff61\uff1a\uff20](?=\S)")
"""What makes an address of what stands around it, in whichever width: readers take the wide dots for dots, too."""
WHOLE = re.compile(r"(?:Rp\.?\s*)?([0-9]{1,20}|[0-9]{1,3}(?:\.[0-9]{3}){1,6})")
"""With a dot before each three digits, or without any: what has one elsewhere may be meant otherwise."""
EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, as the buyer sees it."""

    name: str
    address: str | None = None
    email: str | None = None
    phone: str | None = None
    refund_policy: str | None = None


def rupiah(amount: int) -> str:
    return f"Rp {amount:,}".replace(",", ".")


def whole_read(text: str) -> int | None:
    """A whole number as a person writes it, like "250000", "250.000" or "Rp 250.000"; None for what is none."""
    found = WHOLE.fullmatch(text.strip())
    return int(found[1].replace(".", "")) if found else None


def wib(at: datetime | None, language: str = INDONESIAN) -> str:
    """A time as the buyer's clock shows it, like "23 Nov 2026, 14.30 WIB"."""
    if at is None:
        return ""
    local = at.astimezone(WIB)
    clock = f"{local:%H:%M}" if language == ENGLISH else f"{local:%H.%M}"
    return f"{local.day} {MONTHS[language][local.month - 1]} {local.year}, {clock} WIB"


def wib_read(text: str) -> datetime:
    """A time as a person writes it, WIB where no zone is named; raises `ValueError`."""
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("is not a time like 2026-12-01T08:00") from None
    return within_reach(read if read.tzinfo else read.replace(tzinfo=WIB))


def within_reach(at: datetime) -> datetime:
    """The same; raises `ValueError` at the ends of the calendar, where another zone may have no day for it."""
    if not MINYEAR < at.year < MAXYEAR:
        raise ValueError("is too early or too late")
    return at


def masked(email: str) -> str:
    """An address that its owner knows again and nobody else can use."""
    name, _, domain = email.partition("@")
    return f"{name[:2]}{'•' * max(1, len(name) - 2)}@{domain}"


def without_addresses(text: str) -> str:
    """A text with every e-mail address in it masked."""
    return EMAIL.sub(lambda found: masked(found[0]), text)


def unlinked(name: str) -> str:
    """A stranger's name as no reader of mail and no WhatsApp makes a link of it: "evil.com/win" could else lead
    anywhere in a letter of ours. A space does it, which is also how "Moh.Rizal" is written well.
    """
    return LINKING.sub(r"\g<0> ", name)


def by_fours(number: str) -> str:
    """A number as it is read aloud."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def wa_number(phone: str) -> str:
    """A phone number as WhatsApp's links want it: digits alone."""
    return "".join(letter for letter in phone if letter.isdigit())


def share(told: str) -> str:
    """How far a learner is as Thinkific says it, a share of one or a percentage (thinkific.md 2.5), like "25 %"."""
    try:
        number = float(told)
    except ValueError:
        return told
    return f"{number * 100 if number <= 1 else number:.0f} %"
