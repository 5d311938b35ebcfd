"""Look at everything outside and say in words what is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from kelaspay.address import Address, look_at
from kelaspay.duitku import LOWEST
from kelaspay.duitku.signature import Scheme
from kelaspay.faults import DatabaseDamaged, DatabaseUnavailable, Fault
from kelaspay.mail import knock
from kelaspay.migrations import current, is_newer
from kelaspay.payment import Rupiah
from kelaspay.school import DEFAULT
from kelaspay.schools import missing
from kelaspay.store import endpoints, executors
from kelaspay.thinkific import is_access_token
from kelaspay.webhook import missing_topics
from kelaspay.work.worker import DEAD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.duitku import PaymentMethod
    from kelaspay.outside import Outside
    from kelaspay.school import School

WRONG = {
    Address.NOT_HTTPS: "APP_BASE_URL must be https outside localhost",
    Address.OTHER_PORT: "Duitku calls back on port 443 only; take the port out of APP_BASE_URL",
    Address.NO_ANSWER: "{base} does not answer: start `kelaspay serve`, and see that the name, the certificate and the"
    " proxy lead to it; Duitku and Thinkific reach nothing else",
    Address.ANOTHER: "{base} answers, but not with Kelaspay: something else is there",
}
SIGNS_NOTHING = (
    "THINKIFIC_API_KEY is an API access token, and Thinkific signs with the site's API key alone (Settings, Code &"
    " Analytics, API)"
)
"""Webhooks and the tokens that sign buyers in (thinkific.md 1.3, 3, 4.5); enrolling needs neither."""
STRONG_LENGTH = 32
STRONG_VARIETY = 12
GUESSED = ("change", "secret", "password", "example", "default", "kelaspay", "1234", "abcd", "qwerty", "test")


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    fine: bool
    said: str


def examine(outside: Outside) -> list[Finding]:
    """Every check once; a few calls to Duitku and Thinkific for each school."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("settings", lambda: _settings(outside)),
        ("secrets", lambda: _secrets(outside)),
        ("address", lambda: _address(outside)),
        ("database", lambda: _database(outside)),
        ("redis", lambda: _redis(outside)),
        ("mail", lambda: _mail(outside)),
        ("oauth", lambda: _oauth(outside)),
        ("endpoints", lambda: _endpoints(outside)),
    ]
    return [*(_finding(what, check) for what, check in checks), *_schools(outside)]


def _schools(outside: Outside) -> list[Finding]:
    return [finding for key in _selling(outside) or [DEFAULT] for finding in _school(outside, key)]


def _selling(outside: Outside) -> list[str]:
    """None while the database is away or still empty, which is a finding of its own."""
    try:
        return outside.schools.selling()
    except DatabaseUnavailable:
        return []


def _school(outside: Outside, key: str) -> list[Finding]:
    """What is to be said of one school; the environment's own is not named."""
    named = f" of {key}" if key else ""
    try:
        school = outside.schools.of(key)
    except Fault as fault:
        return [Finding(f"school{named}", fine=False, said=str(fault))]
    found = [
        _finding(f"duitku{named}", lambda: _duitku(school)),
        _finding(f"thinkific{named}", lambda: _thinkific(outside, school)),
        _finding(f"callbacks{named}", lambda: _callbacks(outside, school)),
    ]
    if found[1].fine:
        found.append(_finding(f"webhooks{named}", lambda: _webhooks(outside, school)))
    return found


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, fine=True, said=check())
    except (Fault, ValueError, redis.RedisError) as error:
        return Finding(what, fine=False, said=str(error))


def _settings(outside: Outside) -> str:
    names = missing(outside.settings)
    others = [] if names == [] else _selling(outside)
    if names and not others:
        raise ValueError(f"set {', '.join(names)}")
    named = outside.settings.thinkific_subdomain or "of the first OAuth connection"
    asked = f" asked at {' and '.join(elsewhere)}" if (elsewhere := _elsewhere(outside)) else ""
    whose = f"schools {', '.join(others)}" if others else f"school {named}"
    return f"{outside.settings.duitku_environment}{asked}, {whose}"


def _secrets(outside: Outside) -> str:
    """SECRET_KEY opens every token that is kept: with a real merchant it must be hard to guess."""
    settings = outside.settings
    wrong = weakness(outside.secret_key.get_secret_value())
    if wrong and settings.duitku_environment == "production":
        raise ValueError(
            f"SECRET_KEY {wrong}; make one with `openssl rand -base64 48`, set the present one as SECRET_KEY_OLD "
            "beside it, restart, and run `kelaspay secrets rotate`"
        )
    if settings.secret_key_old is not None:
        return "SECRET_KEY_OLD is set: run `kelaspay secrets rotate`, then take it away"
    return f"SECRET_KEY {wrong}: good enough to try things out only" if wrong else "SECRET_KEY is strong"


def weakness(key: str) -> str | None:
    """What makes a key easy to guess; None where nothing does."""
    plain = key.lower()
    if len(key) < STRONG_LENGTH:
        return f"has fewer than {STRONG_LENGTH} characters"
    if len(set(key)) < STRONG_VARIETY:
        return "repeats a few characters"
    if any(word in plain for word in GUESSED):
        return "looks like an example's"
    return None


def _address(outside: Outside) -> str:
    base = outside.settings.app_base_url
    found = look_at(base, outside.http)
    if found in WRONG:
        raise ValueError(WRONG[found].format(base=base))
    if found is Address.FINE:
        return f"{base} answers"
    if outside.settings.duitku_environment == "production" or not _elsewhere(outside):
        raise ValueError(f"only this machine reaches {base}, Duitku cannot call back; set APP_BASE_URL to a public one")
    return f"{base} (only this machine reaches it, as the emulated Duitku does)"


def _elsewhere(outside: Outside) -> list[str]:
    """The hosts that are asked instead of Duitku's own: an emulator's, or a proxy's."""
    given = (outside.settings.duitku_v2_url, outside.settings.duitku_pop_url)
    return list(dict.fromkeys(url for url in given if url is not None))


def _database(outside: Outside) -> str:
    kind = "PostgreSQL" if outside.database.postgresql else f"SQLite, {outside.database.engine.url.database}"
    try:
        found, newest = current(outside.database)
    except DatabaseDamaged as fault:
        raise ValueError(fault.told) from None
    except DatabaseUnavailable:
        raise ValueError("does not answer; check DATABASE_URL") from None
    if found != newest and not is_newer(outside.database):
        return f"{kind}; it will be brought up to date at the next start"
    return kind


def _redis(outside: Outside) -> str:
    if outside.cache is None:
        if (running := _running(outside)) > 1:
            raise ValueError(f"not used, but {running} processes run: set REDIS_URL, or each lets in what all may")
        return "not used: one process only; set REDIS_URL as soon as more than one runs"
    outside.cache.ping()
    return "answers"


def _mail(outside: Outside) -> str:
    """Letters tell buyers how to pay and how to get in; whether the server takes them shows only when one is due."""
    settings = outside.settings
    if settings.smtp_url is None:
        return "SMTP_URL is not set: letters are kept and shown, not sent"
    host = knock(settings.smtp_url.get_secret_value())
    if settings.mail_from is None and settings.seller_email is None:
        raise ValueError(f"{host} lets us in, but whom letters come from is not said: set MAIL_FROM")
    return f"{host} lets us in; letters come from {settings.mail_from or settings.seller_email}"


def _running(outside: Outside) -> int:
    """How many processes were heard of just now; 0 while the database is away or of another release."""
    try:
        found, newest = current(outside.database)
        if found != newest:
            return 0
        with outside.database.read() as db:
            return len(executors.fresh(db, DEAD_SECONDS))
    except DatabaseUnavailable:
        return 0


def _duitku(school: School) -> str:
    """A real signed call to each host: about an order that cannot exist, and for the channels (duitku.md 1)."""
    school.duitku.check_key()
    return f"takes our key; merchant {school.duitku.merchant_code}, {len(_channels(school))} channels"


def _channels(school: School) -> list[PaymentMethod]:
    """What our own payment page offers: it needs the v2 API."""
    try:
        return school.duitku.payment_methods(Rupiah(LOWEST), now=school.now())
    except Fault as fault:
        raise ValueError(f"takes our key, but not at DUITKU_V2_URL: {fault}") from fault


def _thinkific(outside: Outside, school: School) -> str:
    count = sum(1 for _ in school.thinkific.get_products())
    said = f"takes our key; {count} products"
    if not _signs_nothing(outside, school):
        return said
    if outside.settings.thinkific_sso:
        raise ValueError(f"{said}; but with THINKIFIC_SSO nobody gets in: {SIGNS_NOTHING}")
    return f"{said}; {SIGNS_NOTHING}"


def _signs_nothing(outside: Outside, school: School) -> bool:
    key = outside.schools.api_key(school.key)
    return key is not None and is_access_token(key.get_secret_value())


def _callbacks(outside: Outside, school: School) -> str:
    allowed = outside.settings.duitku_networks
    taken = {"hmac": [Scheme.HMAC], "legacy": [Scheme.LEGACY], "auto": list(Scheme)}[outside.settings.duitku_signature]
    whence = "anywhere" if allowed is None else f"{len(allowed)} networks"
    return f"{school.callback_url}, from {whence}, signed {' or '.join(taken)}"


def _webhooks(outside: Outside, school: School) -> str:
    """Thinkific's webhooks tell of progress and changed addresses. No purchase waits for them; but without them a
    purchase with an address that a learner has given up goes to that learner.
    """
    if _signs_nothing(outside, school):
        return f"not taken, for they cannot be verified: {SIGNS_NOTHING}"
    lacking = missing_topics(school)
    if lacking:
        return f"not registered: {', '.join(lacking)}; to have them: kelaspay doctor --register-webhooks"
    return f"all registered, to {school.webhook_url}"


def _endpoints(outside: Outside) -> str:
    """Endpoints of integrators that were disabled, because nothing reached them."""
    found, newest = current(outside.database)
    if found != newest:
        return "not known before the database is up to date"
    with outside.database.read() as db:
        given_up, listed = endpoints.given_up(db), endpoints.list_endpoints(db)
    if given_up:
        named = ", ".join(f"{each.id} ({each.url}: {each.disabled_reason})" for each in given_up)
        raise ValueError(f"disabled: {named}; mend the receiver, then kelaspay webhooks enable ID")
    return f"{len(listed)} endpoints" if listed else "none: nobody is told (kelaspay webhooks add)"


def _oauth(outside: Outside) -> str:
    """The redirect URI, to the letter: any difference ends in Thinkific's page "unauthorized" (thinkific.md 1.5)."""
    if outside.oauth is None:
        return "not used: schools are connected by their API keys"
    return (
        f"paste {outside.urls.oauth_redirect} into Thinkific's partner portal, exactly as it stands here. Where they"
        ' differ, by http for https, a slash at the end, another path or an old address, Thinkific shows "unauthorized"'
        " in place of its consent page: mend it in the portal, or mend APP_BASE_URL and start again"
    )
