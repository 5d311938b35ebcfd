"""Slips of the finger in an e-mail address's domain. A suggestion, never a refusal: odd domains exist."""

from __future__ import annotations

from difflib import get_close_matches

COMMON = (
    "gmail.com",
    "yahoo.com",
    "yahoo.co.id",
    "ymail.com",
    "rocketmail.com",
    "hotmail.com",
    "outlook.com",
    "outlook.co.id",
    "icloud.com",
    "live.com",
    "proton.me",
)
REAL = frozenset({*COMMON, "mail.com", "gmx.com", "email.com", "hotmail.co.id", "live.co.id", "me.com", "aol.com"})
"""Domains that look like another's slip and are not."""
CLOSE = 0.8


def suggested(email: str) -> str | None:
    """The address that was probably meant; None where nothing looks wrong."""
    name, at, domain = email.strip().lower().rpartition("@")
    if not at or not name or domain in REAL:
        return None
    close = get_close_matches(domain, COMMON, n=1, cutoff=CLOSE)
    return f"{name}@{close[0]}" if close else None
