"""Whether the configured address leads here: Duitku and Thinkific call it, and the redirect URI is built from it."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

import httpx2

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
PATIENCE = 5.0

ALIVE = '"status":"ok"'
"""What `/healthz` says; whoever parks a domain answers every path with 200."""


class Address(StrEnum):
    """What is to be said of it."""

    FINE = "fine"
    LOCAL = "local"
    """Only this machine reaches it: good for trying, but Duitku cannot call back."""
    NOT_HTTPS = "not_https"
    OTHER_PORT = "other_port"
    """Duitku calls back on port 443 only (duitku.md 3.5)."""
    NO_ANSWER = "no_answer"
    ANOTHER = "another"
    """Something answers that is not Kelaspay."""


def look_at(base_url: str, http: httpx2.Client) -> Address:
    """One request to our own `/healthz`, through whatever the address leads to. Raises nothing."""
    url = urlsplit(base_url)
    if url.hostname in LOCAL:
        return Address.LOCAL
    if url.scheme != "https":
        return Address.NOT_HTTPS
    if url.port not in {None, 443}:
        return Address.OTHER_PORT
    try:
        answer = http.get(f"{base_url}/healthz", timeout=PATIENCE)
    except httpx2.HTTPError:
        return Address.NO_ANSWER
    return Address.FINE if answer.is_success and ALIVE in answer.text else Address.ANOTHER
