"""Look at everything outside and say in words what is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis

from kelaspay.duitku.signature import Scheme
from kelaspay.faults import DatabaseUnavailable, Fault, InvoiceUnknown
from kelaspay.migrations import current
from kelaspay.outside import missing
from kelaspay.payment import MerchantOrderId

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.outside import Outside

NO_ORDER = MerchantOrderId("KPDOCTOR")
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    fine: bool
    said: str


def examine(outside: Outside) -> list[Finding]:
    """Every check once; one call each to Duitku and Thinkific."""
    checks: list[tuple[str, Callable[[Outside], str]]] = [
        ("settings", _settings),
        ("address", _address),
        ("database", _database),
        ("redis", _redis),
        ("duitku", _duitku),
        ("thinkific", _thinkific),
        ("callbacks", _callbacks),
        ("oauth", _oauth),
    ]
    return [_finding(what, check, outside) for what, check in checks]


def _finding(what: str, check: Callable[[Outside], str], outside: Outside) -> Finding:
    try:
        return Finding(what, fine=True, said=check(outside))
    except (Fault, ValueError, redis.RedisError) as error:
        return Finding(what, fine=False, said=str(error))


def _settings(outside: Outside) -> str:
    names = missing(outside.settings)
    if names:
        raise ValueError(f"set {', '.join(names)}")
    return f"{outside.settings.duitku_environment}, school {outside.settings.thinkific_subdomain}"


def _address(outside: Outside) -> str:
    url = urlsplit(outside.settings.app_base_url)
    if url.hostname in LOCAL:
        return f"{outside.settings.app_base_url} (only this machine can reach it: Duitku cannot call back)"
    if url.scheme != "https":
        raise ValueError("APP_BASE_URL must be https outside localhost")
    if url.port not in {None, 443}:
        raise ValueError("Duitku calls back on port 443 only; take the port out of APP_BASE_URL")
    return outside.settings.app_base_url


def _database(outside: Outside) -> str:
    kind = "PostgreSQL" if outside.database.postgresql else f"SQLite, {outside.database.engine.url.database}"
    try:
        found, newest = current(outside.database)
    except DatabaseUnavailable:
        raise ValueError("does not answer; check DATABASE_URL") from None
    if found != newest:
        return f"{kind}; it will be brought up to date at the next start"
    return kind


def _redis(outside: Outside) -> str:
    if outside.cache is None:
        return "not used: one process only; set REDIS_URL as soon as more than one runs"
    outside.cache.ping()
    return "answers"


def _duitku(outside: Outside) -> str:
    """A real signed call, about an order that cannot exist."""
    if outside.duitku is None:
        raise ValueError("set DUITKU_MERCHANT_CODE and DUITKU_API_KEY")
    try:
        outside.duitku.transaction_status(NO_ORDER, None)
    except InvoiceUnknown:
        return f"takes our key; merchant {outside.duitku.merchant_code}"
    raise ValueError("knows an order that cannot exist; is DUITKU_POP_URL right?")


def _thinkific(outside: Outside) -> str:
    if outside.thinkific is None:
        raise ValueError("set THINKIFIC_SUBDOMAIN and THINKIFIC_API_KEY")
    count = sum(1 for _ in outside.thinkific.get_products())
    return f"takes our key; {count} products"


def _callbacks(outside: Outside) -> str:
    allowed = outside.settings.duitku_networks
    taken = {"hmac": [Scheme.HMAC], "legacy": [Scheme.LEGACY], "auto": list(Scheme)}[outside.settings.duitku_signature]
    whence = "anywhere" if allowed is None else f"{len(allowed)} networks"
    return f"{outside.urls.callback}, from {whence}, signed {' or '.join(taken)}"


def _oauth(outside: Outside) -> str:
    """The redirect URI, to the letter: any difference ends in Thinkific's page "unauthorized" (thinkific.md 1.5)."""
    if outside.oauth is None:
        return "not used: the school is connected by its API key"
    return f"paste {outside.urls.oauth_redirect} into Thinkific's partner portal, exactly as it stands here"
