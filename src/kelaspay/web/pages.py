"""How the buyer's pages are made: templates in two languages, money and times as Indonesia writes them, and the headers
that keep strange script out. They work without script.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from kelaspay.outside import Outside
from kelaspay.settings import Settings
from kelaspay.web.files import address
from kelaspay.web.i18n import COOKIE, ENGLISH, INDONESIAN, TRANSLATIONS, YEAR_SECONDS, known, language_of

WIB = timezone(timedelta(hours=7), "WIB")
MONTHS = {
    INDONESIAN: ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    ENGLISH: ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "frame-ancestors {framers}; form-action 'self'{forms}"
)
HEADERS = {
    "Content-Security-Policy": POLICY.format(framers="'none'", forms=""),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, as the buyer sees it."""

    name: str
    address: str | None = None
    email: str | None = None
    phone: str | None = None


def rupiah(amount: int) -> str:
    return f"Rp {amount:,}".replace(",", ".")


def wib(at: datetime | None, language: str = INDONESIAN) -> str:
    """A time as the buyer's clock shows it, like "23 Nov 2026, 14.30 WIB"."""
    if at is None:
        return ""
    local = at.astimezone(WIB)
    clock = f"{local:%H:%M}" if language == ENGLISH else f"{local:%H.%M}"
    return f"{local.day} {MONTHS[language][local.month - 1]} {local.year}, {clock} WIB"


def masked(email: str) -> str:
    """An address that its owner knows again and nobody else can use."""
    name, _, domain = email.partition("@")
    return f"{name[:2]}{'•' * max(1, len(name) - 2)}@{domain}"


def by_fours(number: str) -> str:
    """A number as it is read aloud."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def wa_number(phone: str) -> str:
    """A phone number as WhatsApp's links want it: digits alone."""
    return "".join(letter for letter in phone if letter.isdigit())


def environment(language: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=PackageLoader("kelaspay", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(TRANSLATIONS[language], newstyle=True)  # type: ignore[attr-defined]  # put there by the extension
    made.filters.update(
        rupiah=rupiah, wib=partial(wib, language=language), masked=masked, by_fours=by_fours, wa_number=wa_number
    )
    made.globals.update(language=language, address=address, seller=None, switch=None, refresh=None)
    return made


ENVIRONMENTS = {language: environment(language) for language in TRANSLATIONS}


def page(name: str, *, status: int = 200, language: str = INDONESIAN, **values: Any) -> HTMLResponse:
    text = ENVIRONMENTS[known(language)].get_template(name).render(**values)
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def shown(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the language of whoever asks, with the switch to the other; `?lang=` is kept for a year."""
    language = language_of(request)
    settings = request.app.state.outside.settings
    response = page(
        name, status=status, language=language, switch=_switch(request, language), seller=seller(settings), **values
    )
    response.headers["Content-Security-Policy"] = policy(settings)
    response.headers["Vary"] = "Accept-Language, Cookie"
    if request.query_params.get("lang") in TRANSLATIONS:
        response.set_cookie(COOKIE, language, max_age=YEAR_SECONDS, httponly=True, samesite="lax")
    return response


def seller(settings: Settings) -> Seller:
    name = settings.seller_name or (settings.thinkific_subdomain or "Kelaspay").replace("-", " ").title()
    return Seller(name, settings.seller_address, settings.seller_email, settings.seller_phone)


def site_url(outside: Outside) -> str:
    """The school's own address."""
    settings = outside.settings
    return settings.thinkific_site_url.replace("{subdomain}", settings.thinkific_subdomain or "")


def policy(settings: Settings) -> str:
    """Our own script and style only; the school's site may show us in a frame, and forms may end at Duitku."""
    site = settings.thinkific_site_url.replace("{subdomain}", settings.thinkific_subdomain or "www")
    framers = ["'self'", _origin(site), *settings.embed_origins.split()]
    forms = sorted({_origin(host) for host in settings.duitku_hosts})
    return POLICY.format(framers=" ".join(framers), forms="".join(f" {host}" for host in forms))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _switch(request: Request, language: str) -> str:
    """The same page in the other language. A form that came back with errors is asked for anew."""
    other = ENGLISH if language == INDONESIAN else INDONESIAN
    return f"{request.url.path}?{urlencode(dict(request.query_params) | {'lang': other})}"
