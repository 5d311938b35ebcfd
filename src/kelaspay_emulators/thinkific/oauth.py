"""OAuth 2 as Thinkific does it: exact redirect addresses, PKCE, short single-use codes, refresh tokens that rotate
(thinkific.md 1.4 to 1.8). Here are the desk's books; what a browser and a client see is in `consent` and `tokens`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.records import App, Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CODE_LIFETIME = timedelta(seconds=60)
TOKEN_SECONDS = 86_399
_RESOURCES = (
    "users",
    "users_profile",
    "enrollments",
    "external_orders",
    "orders",
    "courses",
    "products",
    "bundles",
    "coupons",
    "promotions",
    "categories",
    "groups",
    "instructors",
    "lessons",
    "communities",
    "site_scripts",
)
ALL_SCOPES = frozenset(f"{verb}:{resource}" for verb in ("read", "write") for resource in _RESOURCES)


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, good once and for sixty seconds."""

    app: App
    subdomain: str
    redirect_uri: str
    challenge: str | None
    dies_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """A pair of tokens; `refresh_token` only where the client's secret was used."""

    access_token: str
    refresh_token: str | None
    app: App
    subdomain: str
    scopes: frozenset[str]
    dies_at: datetime


class Office:
    """Keeps the apps, codes and tokens of all schools."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.apps: dict[str, App] = {}
        self.codes: dict[str, Code] = {}
        self.grants: dict[str, Grant] = {}
        """By access token."""
        self._by_refresh: dict[str, Grant] = {}

    def add_app(self, client_id: str, client_secret: str, redirect_uris: Iterable[str], scopes: Iterable[str]) -> App:
        app = App(client_id, client_secret, list(redirect_uris), frozenset(scopes))
        self.apps[client_id] = app
        return app

    def key(self, access_token: str) -> Key | None:
        grant = self.grants.get(access_token)
        if grant is None or grant.dies_at <= self._now():
            return None
        return Key(grant.subdomain, grant.app, grant.scopes)

    def new_code(self, app: App, subdomain: str, redirect_uri: str, challenge: str | None) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[code] = Code(app, subdomain, redirect_uri, challenge, self._now() + CODE_LIFETIME)
        return code

    def redeem(self, code: str, app: App, subdomain: str, verifier: str | None) -> bool:
        """Whether the code is this app's, of this school, in time and proven; it is used up either way."""
        kept = self.codes.pop(code, None)
        if kept is None or kept.app is not app or kept.subdomain != subdomain or kept.dies_at <= self._now():
            return False
        return kept.challenge is None or (verifier is not None and challenge_of(verifier) == kept.challenge)

    def grant(self, app: App, subdomain: str, *, renewable: bool) -> Grant:
        grant = Grant(
            f"{uuid.uuid4()}.{secrets.token_urlsafe(24)}",
            secrets.token_urlsafe(32) if renewable else None,
            app,
            subdomain,
            app.scopes,
            self._now() + timedelta(seconds=TOKEN_SECONDS),
        )
        self.grants[grant.access_token] = grant
        if grant.refresh_token is not None:
            self._by_refresh[grant.refresh_token] = grant
        return grant

    def renew(self, refresh_token: str, app: App, subdomain: str) -> Grant | None:
        """A new pair for a refresh token that was never used; the old access token lives out its day."""
        kept = self._by_refresh.get(refresh_token)
        if kept is None or kept.app is not app or kept.subdomain != subdomain:
            return None
        del self._by_refresh[refresh_token]
        return self.grant(app, subdomain, renewable=True)

    def revoke(self, token: str) -> None:
        """Both tokens of the pair die."""
        grant = self.grants.get(token) or self._by_refresh.get(token)
        if grant is not None:
            self._forget(grant)

    def uninstall(self, app: App, subdomain: str) -> None:
        """Every token and code of an app in one school dies."""
        for grant in [each for each in self.grants.values() if each.app is app and each.subdomain == subdomain]:
            self._forget(grant)
        self.codes = {
            code: kept for code, kept in self.codes.items() if kept.app is not app or kept.subdomain != subdomain
        }

    def _forget(self, grant: Grant) -> None:
        self.grants.pop(grant.access_token, None)
        if grant.refresh_token is not None:
            self._by_refresh.pop(grant.refresh_token, None)


def challenge_of(verifier: str) -> str:
    """S256: base64url(SHA-256(verifier)) without padding."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
