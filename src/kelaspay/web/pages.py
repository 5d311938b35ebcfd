"""How the buyer's pages are made: templates in two languages, money and times as Indonesia writes them, and the headers
that keep strange script out. They work without script.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from kelaspay.formats import by_fours, masked, rupiah, wa_number, wib
from kelaspay.i18n import ENGLISH, INDONESIAN, TRANSLATIONS, known
from kelaspay.outside import Outside
from kelaspay.school import DEFAULT
from kelaspay.settings import Settings
from kelaspay.web.files import address
from kelaspay.web.i18n import COOKIE, YEAR_SECONDS, language_of

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


def environment(language: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=PackageLoader("kelaspay", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,  # they are part of the program: nobody need look at each page whether its files have changed
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


def shown(request: Request, name: str, *, school: str = DEFAULT, status: int = 200, **values: Any) -> HTMLResponse:
    """A school's page in the language of whoever asks, with the switch to the other; `?lang=` is kept for a year."""
    language = language_of(request)
    outside: Outside = request.app.state.outside
    profile = outside.schools.profile(school)
    response = page(
        name, status=status, language=language, switch=_switch(request, language), seller=profile.seller, **values
    )
    response.headers["Content-Security-Policy"] = policy(outside.settings, profile.site_url)
    response.headers["Vary"] = "Accept-Language, Cookie"
    if request.query_params.get("lang") in TRANSLATIONS:
        secure = outside.settings.app_base_url.startswith("https://")
        response.set_cookie(COOKIE, language, max_age=YEAR_SECONDS, httponly=True, samesite="lax", secure=secure)
    return response


def policy(settings: Settings, site_url: str) -> str:
    """Our own script and style only; the school's site may show us in a frame, and forms may end at Duitku."""
    framers = ["'self'", _origin(site_url), *settings.embed_origins.split()]
    forms = sorted({_origin(host) for host in settings.duitku_hosts})
    return POLICY.format(framers=" ".join(framers), forms="".join(f" {host}" for host in forms))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _switch(request: Request, language: str) -> str:
    """The same page in the other language. A form that came back with errors is asked for anew."""
    other = ENGLISH if language == INDONESIAN else INDONESIAN
    return f"{request.url.path}?{urlencode(dict(request.query_params) | {'lang': other})}"
