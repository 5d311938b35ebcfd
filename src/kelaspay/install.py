"""Connect a school with Thinkific by OAuth: send its owner to the consent page, take the code back, keep the tokens.

The state is random, works once within ten minutes, and only for the subdomain and in the browser with which it began.
The redirect URI is built from APP_BASE_URL alone.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from authlib.common.security import generate_token

from kelaspay.faults import SchoolDisconnected, SchoolNotReady
from kelaspay.install_faults import InstallCanceled, InstallRefused, InstallStateUnknown
from kelaspay.school import DEFAULT
from kelaspay.store import jobs, schools
from kelaspay.store.schools import Attempted, Connected, Connection
from kelaspay.thinkific.oauth import checked_subdomain

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.confirm import Start
    from kelaspay.store.database import Database
    from kelaspay.thinkific.oauth import ThinkificOAuth
    from kelaspay.vault import Vault

log = structlog.get_logger()

LIFETIME = timedelta(minutes=10)
VERIFIER_LENGTH = 64
WAITING = (SchoolDisconnected.code(), SchoolNotReady.code())
"""Faults that end with a connection."""
CANCELED = frozenset({"access denied", "access_denied"})
"""Thinkific's error of a canceled consent has a space (thinkific.md 1.4), the standard's an underscore (RFC 6749)."""


@dataclass(frozen=True, slots=True)
class Installer:
    """What connecting works with."""

    database: Database
    oauth: ThinkificOAuth
    vault: Vault
    redirect_uri: str
    now: Callable[[], datetime]


def begin(subdomain: str, browser: str, installer: Installer) -> str:
    """The address of Thinkific's consent page. `browser` is a secret that only this browser has.

    Raises `SubdomainInvalid`.
    """
    bare = checked_subdomain(subdomain)
    state, verifier = secrets.token_urlsafe(32), generate_token(VERIFIER_LENGTH)
    attempted = Attempted(
        digest=digest(state),
        subdomain=bare,
        browser=digest(browser),
        verifier=installer.vault.seal(verifier, _place(state)),
        expires_at=installer.now() + LIFETIME,
    )
    with installer.database.begin() as db:
        schools.add_attempt(db, attempted, installer.now())
    return installer.oauth.authorize_url(bare, redirect_uri=installer.redirect_uri, state=state, verifier=verifier)


def finish(
    *, code: str, state: str, subdomain: str, error: str, browser: str, installer: Installer, start: Start
) -> str:
    """Keep the school's tokens and set its waiting payments going; returned is the subdomain.

    Raises `InstallCanceled`, `InstallRefused`, `InstallStateUnknown`, `CodeRefused` or `ThinkificUnavailable`. A state
    is used up by the first try that brings a code, whatever comes of it.
    """
    if error in CANCELED:
        raise InstallCanceled
    if error:
        raise InstallRefused(error[:100])
    with installer.database.begin() as db:
        attempted = schools.take_attempt(db, digest(state))
    if attempted is None or attempted.expires_at < installer.now() or not code:
        raise InstallStateUnknown
    if not secrets.compare_digest(attempted.browser, digest(browser)):
        raise InstallStateUnknown
    if subdomain and subdomain.lower() != attempted.subdomain:
        raise InstallStateUnknown
    verifier = installer.vault.open(attempted.verifier, _place(state))
    tokens = installer.oauth.exchange(attempted.subdomain, code, verifier, installer.now())
    school = Connected(
        subdomain=attempted.subdomain,
        state=Connection.CONNECTED,
        gid=tokens.gid,
        access_token=installer.vault.seal(tokens.access_token, token_place(attempted.subdomain, "access_token")),
        refresh_token=installer.vault.seal(tokens.refresh_token, token_place(attempted.subdomain, "refresh_token")),
        expires_at=tokens.expires_at,
        generation=1,
        connected_at=installer.now(),
    )
    with installer.database.begin() as db:
        schools.put_school(db, school)
        # the environment's school may be the one that was connected
        for order_id in jobs.waiting_for(db, WAITING, [attempted.subdomain, DEFAULT]):
            start(db, order_id, installer.now())
    log.info("school_connected", subdomain=attempted.subdomain)
    return attempted.subdomain


def subdomain_of_browser(browser: str, database: Database) -> str | None:
    """Which school this browser was about to connect, to offer another try."""
    with database.read() as db:
        return schools.attempt_of_browser(db, digest(browser))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def token_place(subdomain: str, column: str) -> str:
    return f"schools/{subdomain}/{column}"


def _place(state: str) -> str:
    return f"oauth_states/{digest(state)}/verifier"
