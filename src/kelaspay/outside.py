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
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from throttled import RedisStore

from kelaspay import __version__
from kelaspay.calls import CountedClient
from kelaspay.cannot_run import CannotRun
from kelaspay.checkout import Urls
from kelaspay.customers import Customers
from kelaspay.dial import Dialer
from kelaspay.limits import Limits
from kelaspay.metrics import Metrics
from kelaspay.schools import Schools, Shared
from kelaspay.settings import secret_key
from kelaspay.store.calls import add_call
from kelaspay.store.database import Database
from kelaspay.thinkific.oauth import ThinkificOAuth
from kelaspay.traces import asked_for
from kelaspay.turnstile import Turnstile
from kelaspay.vault import Vault
from kelaspay.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2
    from pydantic import SecretStr

    from kelaspay.settings import Settings
    from kelaspay.tracing import Tracing

USER_AGENT = f"Kelaspay/{__version__}"
REDIS_SECONDS = 1.0
SQLITE = b"SQLite format 3\0"
"""How every file of SQLite's begins that holds anything."""


def utc_now() -> datetime:
    """The only place that reads the clock for a business time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Outside:
    """What was opened."""

    settings: Settings
    database: Database
    cache: redis.Redis | None
    http: httpx2.Client
    schools: Schools
    customers: Customers
    watching: Watching
    limits: Limits
    turnstile: Turnstile
    urls: Urls
    secret_key: SecretStr
    """Signs sessions, encrypts tokens at rest."""
    vault: Vault
    oauth: ThinkificOAuth | None
    dialer: Dialer
    metrics: Metrics
    tracing: Tracing
    now: Callable[[], datetime]
    executor_id: str


@contextmanager
def opened(
    settings: Settings,
    *,
    transport: httpx2.BaseTransport | None = None,
    now: Callable[[], datetime] = utc_now,
    tracing: Tracing | None = None,
    database: Database | None = None,
) -> Iterator[Outside]:
    """Open all of it; `transport` lets the emulators stand in without a socket, `tracing` another than the environment
    asks for, and `database` is one that is open already. All of it is closed at the end.
    """
    with ExitStack() as stack:
        _make_folder(settings.data_dir)
        database = database or _database(settings.database)
        stack.callback(database.close)
        metrics = Metrics(database, now)
        tracing = tracing or asked_for(os.environ)
        stack.callback(tracing.close)
        http = stack.enter_context(_client(database, metrics, now, tracing, transport))
        cache = _redis(settings)
        if cache is not None:
            stack.callback(cache.close)
        limits = RedisStore(server=settings.redis_url, options=_redis_options()) if settings.redis_url else None
        key = secret_key(settings)
        shared = Shared(
            settings=settings,
            http=http,
            database=database,
            cache=cache,
            limits=limits,
            customers=Customers(database, cache),
            watching=Watching(cache),
            vault=Vault(key, settings.secret_key_old),
            oauth=_oauth(settings, http),
            now=now,
            enrolled=metrics.enrolled.observe,
        )
        yield Outside(
            settings=settings,
            database=database,
            cache=cache,
            http=http,
            schools=Schools(shared),
            customers=shared.customers,
            watching=shared.watching,
            limits=Limits(limits),
            turnstile=Turnstile(settings.api_rate, limits),
            urls=Urls(settings.app_base_url),
            secret_key=key,
            vault=shared.vault,
            oauth=shared.oauth,
            metrics=metrics,
            tracing=tracing,
            dialer=Dialer(private=settings.webhooks_to_private, https=settings.duitku_environment == "production"),
            now=now,
            executor_id=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotRun(f"DATA_DIR: {folder} cannot be made ({error.strerror})") from None


def _database(url: str) -> Database:
    """Whatever else lies where SQLite's file is to be is said at once: each read of it would raise."""
    path = Path(url.removeprefix("sqlite:///"))
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(len(SQLITE))
        if head not in {b"", SQLITE}:
            raise CannotRun(f"{path} is no SQLite database; move it away, or choose another DATA_DIR")
    return Database(url)


def _client(
    database: Database,
    metrics: Metrics,
    now: Callable[[], datetime],
    tracing: Tracing,
    transport: httpx2.BaseTransport | None,
) -> CountedClient:
    return CountedClient(
        metrics,
        now=now,
        told=lambda call: database.with_next_commit(lambda db: add_call(db, call)),
        tracing=tracing,
        transport=transport,
        headers={"User-Agent": USER_AGENT},
        follow_redirects=False,
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


def _oauth(settings: Settings, http: httpx2.Client) -> ThinkificOAuth | None:
    if settings.thinkific_client_id is None or settings.thinkific_client_secret is None:
        return None
    return ThinkificOAuth(
        http,
        client_id=settings.thinkific_client_id,
        client_secret=settings.thinkific_client_secret,
        site_url=settings.thinkific_site_url,
    )
