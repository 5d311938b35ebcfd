"""Where a school is connected with Thinkific: to the consent page and back, each end told in words."""

from __future__ import annotations

import secrets
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from kelaspay.faults import Fault, NotAllowed, NotConfigured, NotSignedIn, SchoolUnknown
from kelaspay.i18n import marked
from kelaspay.install import LIFETIME, Installer, begin, finish, subdomain_of_browser
from kelaspay.install_faults import (
    CodeRefused,
    EntryRefused,
    InstallCanceled,
    InstallRefused,
    InstallStateUnknown,
    SubdomainInvalid,
)
from kelaspay.operator_faults import SecondFactorMissing
from kelaspay.outside import Outside
from kelaspay.schools import site_of
from kelaspay.store import schools
from kelaspay.thinkific.oauth import Entry, checked_subdomain
from kelaspay.tokens import revoke
from kelaspay.web.console.visit import Visitor, check_token, visitor_of
from kelaspay.web.i18n import language_of
from kelaspay.web.pages import page, policy

router = APIRouter(prefix="/oauth", include_in_schema=False)

log = structlog.get_logger()

LONGEST = 2000
WORDS: dict[type[Fault], tuple[str, str]] = {
    InstallCanceled: (
        marked("Belum terhubung"),
        marked("Anda membatalkan izin di Thinkific. Tidak ada yang berubah."),
    ),
    InstallRefused: (
        marked("Belum terhubung"),
        marked(
            "Thinkific menolak permintaan ini. Silakan coba lagi; kalau tetap gagal, periksa Client ID dan "
            "Redirect URI aplikasi Anda di Thinkific."
        ),
    ),
    EntryRefused: (
        marked("Buka lagi dari Thinkific"),
        marked("Halaman ini hanya bisa dibuka dari menu Apps di Thinkific, dan hanya berlaku sepuluh menit."),
    ),
    InstallStateUnknown: (
        marked("Tautan ini sudah tidak berlaku"),
        marked(
            "Proses menghubungkan hanya berlaku sepuluh menit, satu kali, dan di peramban yang sama. "
            "Silakan mulai lagi."
        ),
    ),
    CodeRefused: (
        marked("Belum terhubung"),
        marked("Thinkific menolak kode izinnya; kode hanya berlaku satu menit. Silakan coba lagi."),
    ),
    SubdomainInvalid: (
        marked("Subdomain tidak dikenali"),
        marked("Tulis nama subdomain saja, misalnya acme untuk acme.thinkific.com: huruf, angka, dan tanda hubung."),
    ),
}
OTHERWISE = (
    marked("Belum terhubung"),
    marked("Thinkific sedang tidak menjawab. Silakan coba lagi sebentar lagi."),
)


@router.get("/install")
def install(request: Request, subdomain: Annotated[str, Query(max_length=LONGEST)] = "") -> Response:
    """To Thinkific's consent page. The first thing that is shown, as Thinkific's app store asks."""
    installer = _installer(request)
    browser = secrets.token_urlsafe(32)
    try:
        url = begin(subdomain, browser, installer)
    except SubdomainInvalid as fault:
        return _told(request, fault, again="")
    response = RedirectResponse(url, status_code=302)
    secure = _secure(request)
    response.set_cookie(
        _cookie(secure=secure),
        browser,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/callback")
def callback(
    request: Request,
    code: Annotated[str, Query(max_length=LONGEST)] = "",
    state: Annotated[str, Query(max_length=LONGEST)] = "",
    subdomain: Annotated[str, Query(max_length=LONGEST)] = "",
    error: Annotated[str, Query(max_length=LONGEST)] = "",
) -> HTMLResponse:
    """Back from the consent page."""
    installer = _installer(request)
    browser = request.cookies.get(_cookie(secure=_secure(request)), "")
    again = subdomain_of_browser(browser, installer.database) or _bare(subdomain)
    try:
        connected = finish(
            code=code,
            state=state,
            subdomain=subdomain,
            error=error,
            browser=browser,
            installer=installer,
            start=request.app.state.start,
        )
    except Fault as fault:
        log.warning("install_failed", fault=fault.code())
        return _told(request, fault, again=again)
    return _page(request, "install.html", subdomain=connected)


@router.get("/embedded")
def embedded(
    request: Request,
    entry_hmac: Annotated[str, Query(alias="hmac", max_length=LONGEST)] = "",
    subdomain: Annotated[str, Query(max_length=LONGEST)] = "",
    tgid: Annotated[str, Query(max_length=LONGEST)] = "",
    timestamp: Annotated[str, Query(max_length=LONGEST)] = "",
) -> HTMLResponse:
    """Our page in Thinkific's administration: how the school stands, and the ways on. It shows no data of anybody's."""
    installer = _installer(request)
    outside: Outside = request.app.state.outside
    try:
        installer.oauth.check_entry(Entry(subdomain, tgid, timestamp, entry_hmac), installer.now())
        bare = checked_subdomain(subdomain)
    except (EntryRefused, SubdomainInvalid) as fault:
        return _told(request, fault, again=None)
    with installer.database.read() as db:
        school = schools.find_school(db, bare)
    connected = school is not None and school.state is schools.Connection.CONNECTED
    response = _page(request, "embedded.html", subdomain=bare, connected=connected, base=outside.settings.app_base_url)
    response.headers["Content-Security-Policy"] = policy(outside.settings, site_of(outside.settings, bare))
    return response


@router.get("/status/{subdomain}")
def status(subdomain: str, request: Request) -> dict[str, object]:
    """Whether a school is connected; no token, no secret."""
    installer = _installer(request)
    bare = checked_subdomain(subdomain)
    with installer.database.read() as db:
        school = schools.find_school(db, bare)
    if school is None:
        return {"subdomain": bare, "state": "unknown", "connected": False}
    connected = school.state is schools.Connection.CONNECTED
    return {
        "subdomain": bare,
        "state": school.state,
        "connected": connected,
        "gid": school.gid,
        "expires_at": school.expires_at,
    }


@router.post("/revoke")
def revoke_connection(
    request: Request,
    subdomain: Annotated[str, Query(max_length=LONGEST)] = "",
    csrf: Annotated[str, Form()] = "",
) -> dict[str, object]:
    """End a school's connection: the owner's, from the console's form."""
    installer = _installer(request)
    visitor = require_owner(request, csrf)
    bare = checked_subdomain(subdomain)
    if not visitor.everywhere and visitor.operator.school != bare:
        raise SchoolUnknown
    ended = revoke(bare, database=installer.database, oauth=installer.oauth, vault=installer.vault)
    return {"subdomain": bare, "revoked": ended}


def require_owner(request: Request, csrf: str) -> Visitor:
    """Raises `NotSignedIn`, `SecondFactorMissing`, `NotAllowed` or `FormExpired` unless it is an owner's own form."""
    visitor = visitor_of(request)
    if visitor is None:
        raise NotSignedIn
    if visitor.owes:
        raise SecondFactorMissing
    if not visitor.owner:
        raise NotAllowed
    check_token(visitor, csrf)
    return visitor


def _installer(request: Request) -> Installer:
    outside: Outside = request.app.state.outside
    if outside.oauth is None:
        raise NotConfigured("THINKIFIC_CLIENT_ID and THINKIFIC_CLIENT_SECRET are not set.")
    return Installer(
        database=outside.database,
        oauth=outside.oauth,
        vault=outside.vault,
        redirect_uri=outside.urls.oauth_redirect,
        now=outside.now,
    )


def _secure(request: Request) -> bool:
    outside: Outside = request.app.state.outside
    return outside.settings.app_base_url.startswith("https://")


def _cookie(*, secure: bool) -> str:
    """A cookie that no other host can set, where there is TLS."""
    return "__Host-kelaspay-install" if secure else "kelaspay-install"


def _bare(subdomain: str) -> str:
    try:
        return checked_subdomain(subdomain)
    except SubdomainInvalid:
        return ""


def _told(request: Request, fault: Fault, *, again: str | None) -> HTMLResponse:
    title, explained = WORDS.get(type(fault), OTHERWISE)
    return _page(request, "install.html", status=fault.status, title=title, explained=explained, again=again)


def _page(request: Request, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """In the language that the browser prefers, without the switch to the other: an address here can be used once."""
    return page(name, status=status, language=language_of(request), **values)
