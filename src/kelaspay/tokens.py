"""A connected school's access token: fresh whenever it is asked for, refreshed once however many ask.

A refresh token works once (thinkific.md 1.6): a second refresh with the old one would log the school out. So whoever is
to refresh takes a lease on the pair's row; all others, in every process, wait for the new pair.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2
import structlog

from kelaspay.faults import SchoolDisconnected, ThinkificUnauthorized, ThinkificUnreachable
from kelaspay.install import token_place
from kelaspay.install_faults import RefreshRefused
from kelaspay.store import schools
from kelaspay.store.schools import Connected, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import datetime

    from kelaspay.store.database import Database
    from kelaspay.thinkific.oauth import ThinkificOAuth
    from kelaspay.vault import Vault

log = structlog.get_logger()

SPARE = timedelta(minutes=5)
"""A token that ends sooner is refreshed before it is used."""
LEASE_SECONDS = 40.0
"""Longer than Thinkific may take to answer."""
STEP_SECONDS = 0.05
UNAUTHORIZED = 401


class SchoolTokens(httpx2.Auth):
    """Authenticates a school's requests: Bearer, refreshed before it ends and after a 401."""

    def __init__(
        self,
        subdomain: str | None,
        *,
        database: Database,
        oauth: ThinkificOAuth,
        vault: Vault,
        now: Callable[[], datetime],
    ) -> None:
        """Without a `subdomain` it is the school that was connected first."""
        self._subdomain = subdomain
        self._database = database
        self._oauth = oauth
        self._vault = vault
        self._now = now

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        school = self._fresh()
        request.headers["Authorization"] = f"Bearer {self._access_token(school)}"
        response = yield request
        if response.status_code == UNAUTHORIZED:
            renewed = self._renewed(school)
            request.headers["Authorization"] = f"Bearer {self._access_token(renewed)}"
            yield request

    def check(self) -> None:
        """Raises `SchoolDisconnected` when there is no connection to work with."""
        self._fresh()

    def _fresh(self) -> Connected:
        school = self._school()
        if school.expires_at is not None and school.expires_at - SPARE <= self._now():
            return self._renewed(school)
        return school

    def _school(self) -> Connected:
        with self._database.read() as db:
            school = schools.find_school(db, self._subdomain) if self._subdomain else schools.first_school(db)
        if school is None or school.state is not Connection.CONNECTED:
            raise SchoolDisconnected
        return school

    def _renewed(self, stale: Connected) -> Connected:
        """The connection with a pair of tokens newer than `stale`'s, refreshed here or by whoever was first."""
        while True:
            school = self._school()
            if school.generation != stale.generation:
                return school
            with self._database.begin() as db:
                first = schools.claim_refresh(db, school.subdomain, school.generation, LEASE_SECONDS)
            if first:
                self._refresh(school)
            else:
                time.sleep(STEP_SECONDS)

    def _refresh(self, school: Connected) -> None:
        place = token_place(school.subdomain, "refresh_token")
        refresh_token = self._vault.open(school.refresh_token or b"", place)
        try:
            tokens = self._oauth.refresh(school.subdomain, refresh_token, self._now())
        except (ThinkificUnreachable, ThinkificUnauthorized):
            with self._database.begin() as db:
                schools.release_refresh(db, school.subdomain, school.generation)
            raise
        except RefreshRefused as refusal:
            with self._database.begin() as db:
                schools.disconnect(db, school.subdomain, school.generation, Connection.RECONNECT)
            log.warning("school_must_reconnect", subdomain=school.subdomain)
            raise SchoolDisconnected from refusal
        with self._database.begin() as db:
            schools.set_tokens(
                db,
                school.subdomain,
                school.generation,
                access_token=self._vault.seal(tokens.access_token, token_place(school.subdomain, "access_token")),
                refresh_token=self._vault.seal(tokens.refresh_token, place),
                expires_at=tokens.expires_at,
            )
        log.info("tokens_refreshed", subdomain=school.subdomain)

    def _access_token(self, school: Connected) -> str:
        return self._vault.open(school.access_token or b"", token_place(school.subdomain, "access_token"))


def revoke(subdomain: str, *, database: Database, oauth: ThinkificOAuth, vault: Vault) -> bool:
    """End a school's connection here, then at Thinkific; False when there was none. Safe to repeat."""
    while True:
        with database.begin() as db:
            school = schools.find_school(db, subdomain)
            if school is None or school.state is Connection.REVOKED:
                return False
            if schools.disconnect(db, subdomain, school.generation, Connection.REVOKED):
                break  # else its tokens were refreshed in between, and the new ones are to end
    if school.refresh_token is not None:
        oauth.revoke(subdomain, vault.open(school.refresh_token, token_place(subdomain, "refresh_token")))
    return True
