"""Thinkific's OAuth 2 endpoints of one app (thinkific.md 1.4, 1.6): authorization code with PKCE, rotating tokens.

Request and grant parameters are built by Authlib, so that nothing of the protocol is spelled by hand.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx2
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from kelaspay.faults import Fault, ThinkificUnauthorized, ThinkificUnavailable, ThinkificUnreachable
from kelaspay.install_faults import CodeRefused, EntryRefused, RefreshRefused, SubdomainInvalid

if TYPE_CHECKING:
    from pydantic import SecretStr

TIMEOUT = httpx2.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
DAY = 86_399
"""Seconds that an access token lives when the answer does not say (thinkific.md 1.6)."""
ENTRY_SECONDS = 600
"""How old an entry may be: Thinkific sets no limit, and one that leaks must not last."""
REFUSALS = frozenset({400, 401})
"""What a refused grant is answered with; which of the two is not known."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """A pair of tokens; never shown."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    gid: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What Thinkific's administration gives our page that it shows in its frame."""

    subdomain: str
    tgid: str
    timestamp: str
    hmac: str


def checked_subdomain(subdomain: str) -> str:
    """The bare subdomain, lower-cased; raises `SubdomainInvalid`. Nothing else may ever become part of a host name."""
    bare = subdomain.strip().lower()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", bare):
        raise SubdomainInvalid
    return bare


class ThinkificOAuth:
    def __init__(self, http: httpx2.Client, *, client_id: str, client_secret: SecretStr, site_url: str) -> None:
        """`site_url` holds `{subdomain}` where the host needs it."""
        self._http = http
        self._client_id = client_id
        self._client_secret = client_secret
        self._site_url = site_url

    def authorize_url(self, subdomain: str, *, redirect_uri: str, state: str, verifier: str) -> str:
        """Where the school's owner consents; every value percent-encoded, PKCE S256."""
        return str(
            prepare_grant_uri(
                self._url(subdomain, "authorize"),
                self._client_id,
                "code",
                redirect_uri,
                state=state,
                response_mode="query",
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    def exchange(self, subdomain: str, code: str, verifier: str, now: datetime) -> Tokens:
        """The first pair of tokens; raises `CodeRefused`. A code works once, within a minute."""
        body = prepare_token_request("authorization_code", code=code, code_verifier=verifier)
        response = self._post(subdomain, "token", body)
        if response.is_client_error:
            raise CodeRefused
        return _tokens(response, now)

    def refresh(self, subdomain: str, refresh_token: str, now: datetime) -> Tokens:
        """The next pair of tokens. NOT safe to repeat: the old pair is gone once this has been answered.

        Raises `RefreshRefused` when the token itself was refused, `ThinkificUnauthorized` when the app was,
        `ThinkificUnreachable` when it surely was not looked at, `ThinkificUnavailable` when that is not known.
        """
        response = self._post(subdomain, "token", prepare_token_request("refresh_token", refresh_token=refresh_token))
        if response.is_client_error:
            raise _refusal(response)
        return _tokens(response, now)

    def revoke(self, subdomain: str, token: str) -> None:
        """End a token at Thinkific; repeating it is harmless."""
        self._post(subdomain, "revoke", str(httpx2.QueryParams({"token": token})))

    def check_entry(self, entry: Entry, now: datetime) -> None:
        """Whether Thinkific's administration opened our page, and only just; raises `EntryRefused`.

        It signs the three values in this order with the client secret, in hex (thinkific.md 1.9).
        """
        signed = f"subdomain={entry.subdomain}&tgid={entry.tgid}&timestamp={entry.timestamp}"
        key = self._client_secret.get_secret_value().encode()
        expected = hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), entry.hmac.strip().lower().encode()):
            raise EntryRefused
        if not entry.timestamp.isascii() or not entry.timestamp.isdigit():
            raise EntryRefused
        if abs(now.timestamp() - int(entry.timestamp)) > ENTRY_SECONDS:
            raise EntryRefused

    def _post(self, subdomain: str, endpoint: str, body: str) -> httpx2.Response:
        basic = httpx2.BasicAuth(self._client_id, self._client_secret.get_secret_value())
        url = self._url(subdomain, endpoint)
        try:
            response = self._http.post(url, content=body, headers=FORM, auth=basic, timeout=TIMEOUT)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise ThinkificUnreachable from error
        except httpx2.RequestError as error:  # no answer, or one that cannot be decoded: what was done is not known
            raise ThinkificUnavailable(type(error).__name__) from error
        if response.is_success or response.is_client_error:
            return response
        raise ThinkificUnavailable(f"HTTP {response.status_code}.")

    def _url(self, subdomain: str, endpoint: str) -> str:
        return f"{self._site_url.replace('{subdomain}', checked_subdomain(subdomain))}/oauth2/{endpoint}"


def _refusal(response: httpx2.Response) -> Fault:
    """What a refresh that was not granted means: only a word about the token ends a connection (thinkific.md 1.6). A
    limit, or a page of the edge's, says nothing of it (6.1, 6.3).
    """
    error = _error(response) if response.status_code in REFUSALS else ""
    if error == "invalid_client":
        return ThinkificUnauthorized("Check THINKIFIC_CLIENT_ID and THINKIFIC_CLIENT_SECRET.")
    return RefreshRefused() if error else ThinkificUnreachable(f"HTTP {response.status_code}.")


def _error(response: httpx2.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _tokens(response: httpx2.Response, now: datetime) -> Tokens:
    try:
        body: dict[str, Any] = response.json()
        return Tokens(
            access_token=str(body["access_token"]),
            refresh_token=str(body["refresh_token"]),
            expires_at=now + timedelta(seconds=int(body.get("expires_in", DAY))),
            gid=str(body["gid"]) if body.get("gid") else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ThinkificUnavailable("Its tokens cannot be read.") from error
