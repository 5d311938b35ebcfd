"""Everything outside this process, opened in one place: database, Redis, both clients, the clock. From here on
collaborators are arguments.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx2
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from throttled import RedisStore

from kelaspay import __version__
from kelaspay.checkout import Urls
from kelaspay.customers import Customers
from kelaspay.duitku import Duitku
from kelaspay.duitku.signature import Scheme
from kelaspay.enroll import School
from kelaspay.gate import Gate
from kelaspay.settings import secret_key
from kelaspay.store.database import Database
from kelaspay.thinkific import KeyAuth, Thinkific
from kelaspay.thinkific.oauth import ThinkificOAuth
from kelaspay.tokens import SchoolTokens
from kelaspay.vault import Vault
from kelaspay.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from kelaspay.settings import Settings

USER_AGENT = f"Kelaspay/{__version__}"
REDIS_SECONDS = 1.0


def utc_now() -> datetime:
    """The only place that reads the clock for a business time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Outside:
    """What was opened."""

    settings: Settings
    database: Database
    cache: redis.Redis | None
    duitku: Duitku | None
    thinkific: Thinkific | None
    customers: Customers
    watching: Watching
    gate: Gate
    urls: Urls
    secret_key: SecretStr
    """Signs sessions, encrypts tokens at rest."""
    vault: Vault
    oauth: ThinkificOAuth | None
    now: Callable[[], datetime]
    executor_id: str

    def school(self) -> School:
        """What the workflow works with; raises `MissingSettings` when a part is not configured."""
        if self.duitku is None or self.thinkific is None:
            raise MissingSettings(missing(self.settings))
        return School(
            database=self.database,
            duitku=self.duitku,
            thinkific=self.thinkific,
            customers=self.customers,
            watching=self.watching,
            external_orders=self.settings.thinkific_external_orders,
            now=self.now,
        )


class MissingSettings(Exception):  # noqa: N818 - says what happened
    """Settings without which there is nothing to sell or nowhere to enroll."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"{', '.join(names)}: not set")


def missing(settings: Settings) -> list[str]:
    """The variables that must be set before anything can be sold."""
    wanted = {
        "DUITKU_MERCHANT_CODE": settings.duitku_merchant_code,
        "DUITKU_API_KEY": settings.duitku_api_key,
    }
    if settings.thinkific_client_id is None or settings.thinkific_client_secret is None:
        wanted |= {
            "THINKIFIC_SUBDOMAIN": settings.thinkific_subdomain,
            "THINKIFIC_API_KEY": settings.thinkific_api_key,
        }
    return [name for name, value in wanted.items() if value is None]


@contextmanager
def opened(
    settings: Settings, *, transport: httpx2.BaseTransport | None = None, now: Callable[[], datetime] = utc_now
) -> Iterator[Outside]:
    """Open all of it; `transport` lets the emulators stand in without a socket."""
    with ExitStack() as stack:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database)
        stack.callback(database.close)
        http = stack.enter_context(
            httpx2.Client(transport=transport, headers={"User-Agent": USER_AGENT}, follow_redirects=False)
        )
        cache = _redis(settings)
        if cache is not None:
            stack.callback(cache.close)
        store = RedisStore(server=settings.redis_url, options=_redis_options()) if settings.redis_url else None
        name = f"kelaspay:thinkific:{settings.thinkific_subdomain}"
        gate = Gate(name, settings.thinkific_rate, cache=cache, store=store)
        key = secret_key(settings)
        vault = Vault(key)
        oauth = _oauth(settings, http)
        auth = _auth(settings, oauth, database=database, vault=vault, now=now)
        thinkific = Thinkific(http, api_url=settings.thinkific_api_url, auth=auth, gate=gate) if auth else None
        yield Outside(
            settings=settings,
            database=database,
            cache=cache,
            duitku=_duitku(settings, http),
            thinkific=thinkific,
            customers=Customers(database, cache),
            watching=Watching(cache),
            gate=gate,
            urls=Urls(settings.app_base_url),
            secret_key=key,
            vault=vault,
            oauth=oauth,
            now=now,
            executor_id=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        )


def _redis(settings: Settings) -> redis.Redis | None:
    if settings.redis_url is None:
        return None
    return redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),  # by default it would try for seconds before it says that nobody is there
    )


def _redis_options() -> dict[str, float]:
    return {"SOCKET_TIMEOUT": REDIS_SECONDS, "SOCKET_CONNECT_TIMEOUT": REDIS_SECONDS}


def _duitku(settings: Settings, http: httpx2.Client) -> Duitku | None:
    if settings.duitku_merchant_code is None or settings.duitku_api_key is None:
        return None
    wanted = settings.duitku_signature
    return Duitku(
        http,
        merchant_code=settings.duitku_merchant_code,
        api_key=settings.duitku_api_key.get_secret_value(),
        hosts=settings.duitku_hosts,
        scheme=Scheme.LEGACY if wanted == "legacy" else Scheme.HMAC,
        accepted=frozenset(Scheme) if wanted == "auto" else frozenset({Scheme(wanted)}),
    )


def _oauth(settings: Settings, http: httpx2.Client) -> ThinkificOAuth | None:
    if settings.thinkific_client_id is None or settings.thinkific_client_secret is None:
        return None
    return ThinkificOAuth(
        http,
        client_id=settings.thinkific_client_id,
        client_secret=settings.thinkific_client_secret,
        site_url=settings.thinkific_site_url,
    )


def _auth(
    settings: Settings,
    oauth: ThinkificOAuth | None,
    *,
    database: Database,
    vault: Vault,
    now: Callable[[], datetime],
) -> httpx2.Auth | None:
    """The school's key where there is one, its OAuth connection otherwise."""
    subdomain, key = settings.thinkific_subdomain, settings.thinkific_api_key
    if subdomain is not None and key is not None:
        return KeyAuth(subdomain, key.get_secret_value())
    if oauth is None:
        return None
    return SchoolTokens(subdomain, database=database, oauth=oauth, vault=vault, now=now)
