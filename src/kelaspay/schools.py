"""The schools that this deployment serves, each with clients, keys and limits of its own.

The school of the environment's variables has the key `''`; every other one is a row of `schools` with its own Duitku
merchant, and its key is its subdomain. A row without a merchant is only a site that somebody connected.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from kelaspay.cannot_run import CannotRun
from kelaspay.duitku import Duitku
from kelaspay.duitku.block import Block
from kelaspay.duitku.signature import Scheme
from kelaspay.faults import (
    DuitkuUnauthorized,
    NotConfigured,
    SchoolDisconnected,
    SchoolNotReady,
    SchoolUnknown,
    ThinkificUnauthorized,
)
from kelaspay.formats import Seller
from kelaspay.gate import Gate
from kelaspay.install_faults import SubdomainInvalid
from kelaspay.school import DEFAULT, Profile, School
from kelaspay.store import jobs, schools
from kelaspay.thinkific import KeyAuth, Thinkific
from kelaspay.thinkific.oauth import checked_subdomain
from kelaspay.tokens import SchoolTokens
from kelaspay.whatsapp import cloud_api

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import httpx2
    import redis
    from throttled import RedisStore

    from kelaspay.confirm import Start
    from kelaspay.customers import Customers
    from kelaspay.settings import Settings
    from kelaspay.store.database import Database
    from kelaspay.store.schools import Credentials
    from kelaspay.thinkific.oauth import ThinkificOAuth
    from kelaspay.vault import Vault
    from kelaspay.watching import Watching
    from kelaspay.whatsapp import Note

WAITING = tuple(
    fault.code() for fault in (SchoolNotReady, SchoolDisconnected, ThinkificUnauthorized, DuitkuUnauthorized)
)
"""Faults that other keys may cure."""
API_KEY = "api_key"
DUITKU_API_KEY = "duitku_api_key"
WHATSAPP_TOKEN = "whatsapp_token"  # noqa: S105 - a column's name


@dataclass(frozen=True, slots=True)
class Shared:
    """What all schools of a process have in common."""

    settings: Settings
    http: httpx2.Client
    database: Database
    cache: redis.Redis | None
    limits: RedisStore | None
    customers: Customers
    watching: Watching
    vault: Vault
    oauth: ThinkificOAuth | None
    now: Callable[[], datetime]
    enrolled: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Keys:
    """A school's keys as an operator gives them; None leaves what is there."""

    merchant_code: str | None = None
    duitku_api_key: SecretStr | None = None
    thinkific_api_key: SecretStr | None = None
    seller: Seller | None = None
    """Its name may be "", which leaves that too."""
    whatsapp_phone_number_id: str | None = None
    whatsapp_token: SecretStr | None = None


class MissingSettings(CannotRun):
    """Settings without which there is nothing to sell or nowhere to enroll."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"{', '.join(names)}: not set")


class Schools:
    """Finds a school by its key. Clients are made once and again when the school's keys have changed."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._gates: dict[str, Gate] = {}
        self._made: dict[str, tuple[Credentials, School]] = {}
        self._processes = 1
        self._shut = False
        self.default = self._default()
        """The environment's school; None where its variables are not set."""

    def of(self, key: str = DEFAULT) -> School:
        """The school with this key. Raises `NotConfigured` when its keys are missing, `SchoolUnknown`."""
        if key == DEFAULT:
            if self.default is None:
                raise NotConfigured(f"{', '.join(missing(self._shared.settings))}: not set")
            return self.default
        return self._of(self._row(key))

    def called_back_at(self, path: str) -> School:
        """The school whose callbacks come in under this path. Raises `SchoolUnknown`."""
        if not path.isprintable():
            raise SchoolUnknown
        with self._shared.database.read() as db:
            found = schools.find_by_callback_path(db, path)
        if found is None:
            raise SchoolUnknown
        return self._of(found)

    def selling(self) -> list[str]:
        """The keys of all schools that can sell."""
        with self._shared.database.read() as db:
            others = [each.subdomain for each in schools.list_credentials(db) if _complete(each)]
        return others if self.default is None else [DEFAULT, *others]

    def require(self) -> None:
        """Raises `MissingSettings` when no school can sell."""
        if self.default is None and not self.selling():
            raise MissingSettings(missing(self._shared.settings))

    def profile(self, key: str = DEFAULT) -> Profile:
        """Who sells and where the school is. Raises `SchoolUnknown`."""
        settings = self._shared.settings
        if key == DEFAULT:
            subdomain = settings.thinkific_subdomain or self._first_connected()
            name = settings.seller_name or _titled(subdomain or "Kelaspay")
            seller = Seller(
                name,
                settings.seller_address,
                settings.seller_email,
                settings.seller_phone,
                settings.seller_refund_policy,
            )
            return Profile(seller, site_of(settings, subdomain or "www"))
        found = self._row(key)
        name = found.seller_name or _titled(key)
        contact = (found.seller_address, found.seller_email, found.seller_phone)
        seller = Seller(name, *contact, found.seller_refund_policy)
        return Profile(seller, site_of(settings, key))

    def api_key(self, key: str) -> SecretStr | None:
        """The school's own Thinkific API key; None where it is connected by OAuth."""
        if key == DEFAULT:
            return self._shared.settings.thinkific_api_key
        return self._opened(self._row(key), API_KEY)

    def whatsapp(self, key: str) -> Callable[[Note], None] | None:
        """Sends from the school's own number; None where it has none."""
        settings = self._shared.settings
        if key == DEFAULT:
            number, token = settings.whatsapp_phone_number_id, settings.whatsapp_token
        else:
            found = self._row(key)
            number, token = found.whatsapp_phone_number_id, self._opened(found, WHATSAPP_TOKEN)
        if number is None or token is None:
            return None
        return cloud_api(self._shared.http, url=settings.whatsapp_url, phone_number_id=number, token=token)

    def webhook_keys(self, key: str = DEFAULT) -> list[SecretStr]:
        """What Thinkific may have signed this school's webhooks with (thinkific.md 4.5)."""
        found = [self.api_key(key), self._shared.settings.thinkific_client_secret]
        return [each for each in found if each is not None]

    def gate(self, key: str = DEFAULT) -> Gate:
        """The one gate of a site's calls in this process: whoever sells for it, its limit is one (thinkific.md 6.1)."""
        named = key or self._shared.settings.thinkific_subdomain or DEFAULT
        with self._lock:
            if named not in self._gates:
                gate = Gate(
                    f"kelaspay:thinkific:{named}",
                    self._shared.settings.thinkific_rate,
                    cache=self._shared.cache,
                    store=self._shared.limits,
                )
                gate.processes = self._processes
                if self._shut:
                    gate.shut()
                self._gates[named] = gate
            return self._gates[named]

    def share_limits(self, processes: int) -> None:
        """How many working processes share each school's limit."""
        with self._lock:
            self._processes = processes
            for gate in self._gates.values():
                gate.processes = processes

    def shut(self) -> None:
        """Let no call through any more: the process stops."""
        with self._lock:
            self._shut = True
            for gate in self._gates.values():
                gate.shut()

    def _first_connected(self) -> str | None:
        """Without THINKIFIC_SUBDOMAIN the environment's school is the one that was connected first."""
        with self._shared.database.read() as db:
            connected = schools.first_school(db)
        return connected.subdomain if connected else None

    def _default(self) -> School | None:
        settings = self._shared.settings
        if missing(settings) or settings.duitku_merchant_code is None or settings.duitku_api_key is None:
            return None
        subdomain, key = settings.thinkific_subdomain, settings.thinkific_api_key
        return self._school(
            DEFAULT,
            merchant_code=settings.duitku_merchant_code,
            duitku_api_key=settings.duitku_api_key,
            auth=KeyAuth(subdomain, key.get_secret_value()) if subdomain and key else self._tokens(subdomain),
            path="",
        )

    def _row(self, key: str) -> Credentials:
        """Raises `SchoolUnknown`, for what can be no school's key too."""
        with suppress(SubdomainInvalid), self._shared.database.read() as db:
            found = schools.find_credentials(db, checked_subdomain(key))
            if found is not None and found.subdomain == key:
                return found
        raise SchoolUnknown

    def _of(self, found: Credentials) -> School:
        """The school of a row; its clients are those of before while nothing in the row has changed."""
        with self._lock:
            kept = self._made.get(found.subdomain)
        if kept is not None and kept[0] == found:
            return kept[1]
        school = self._from(found)
        with self._lock:
            self._made[found.subdomain] = (found, school)
        return school

    def _from(self, found: Credentials) -> School:
        duitku_api_key = self._opened(found, DUITKU_API_KEY)
        if found.merchant_code is None or duitku_api_key is None:
            raise NotConfigured(f"School {found.subdomain} has no Duitku merchant yet.")
        api_key = self._opened(found, API_KEY)
        if api_key is None and self._shared.oauth is None:
            raise NotConfigured(f"School {found.subdomain} has no way into Thinkific yet.")
        return self._school(
            found.subdomain,
            merchant_code=found.merchant_code,
            duitku_api_key=duitku_api_key,
            auth=KeyAuth(found.subdomain, api_key.get_secret_value()) if api_key else self._tokens(found.subdomain),
            path=f"/{found.callback_path}",
        )

    def _school(
        self,
        key: str,
        *,
        merchant_code: str,
        duitku_api_key: SecretStr,
        auth: httpx2.Auth,
        path: str,
    ) -> School:
        shared = self._shared
        settings = shared.settings
        wanted = settings.duitku_signature
        duitku = Duitku(
            shared.http,
            merchant_code=merchant_code,
            api_key=duitku_api_key.get_secret_value(),
            hosts=settings.duitku_hosts,
            scheme=Scheme.LEGACY if wanted == "legacy" else Scheme.HMAC,
            accepted=frozenset(Scheme) if wanted == "auto" else frozenset({Scheme(wanted)}),
            block=Block(merchant_code, shared.database, shared.now),
        )
        return School(
            key=key,
            callback_url=f"{settings.app_base_url}/webhooks/duitku{path}",
            webhook_url=f"{settings.app_base_url}/webhooks/thinkific{path}",
            database=shared.database,
            duitku=duitku,
            thinkific=Thinkific(shared.http, api_url=settings.thinkific_api_url, auth=auth, gate=self.gate(key)),
            customers=shared.customers,
            watching=shared.watching,
            external_orders=settings.thinkific_external_orders,
            now=shared.now,
            enrolled=shared.enrolled,
        )

    def _tokens(self, subdomain: str | None) -> httpx2.Auth:
        shared = self._shared
        if shared.oauth is None:
            raise NotConfigured
        return SchoolTokens(subdomain, database=shared.database, oauth=shared.oauth, vault=shared.vault, now=shared.now)

    def _opened(self, found: Credentials, column: str) -> SecretStr | None:
        sealed = getattr(found, column)
        return None if sealed is None else SecretStr(self._shared.vault.open(sealed, place(found.subdomain, column)))


def keep_school(
    subdomain: str, keys: Keys, *, database: Database, vault: Vault, start: Start, now: Callable[[], datetime]
) -> Credentials:
    """Add a school, or give one other keys; what is None stays, and so does its callback path. Its payments that waited
    for keys go on. Safe to repeat.
    """
    values: dict[str, object] = {"merchant_code": keys.merchant_code}
    values["whatsapp_phone_number_id"] = keys.whatsapp_phone_number_id
    for column, key in (
        (DUITKU_API_KEY, keys.duitku_api_key),
        (API_KEY, keys.thinkific_api_key),
        (WHATSAPP_TOKEN, keys.whatsapp_token),
    ):
        values[column] = vault.seal(key.get_secret_value(), place(subdomain, column)) if key is not None else None
    if keys.seller is not None:
        seller = keys.seller
        values |= {"seller_name": seller.name or None, "seller_address": seller.address}
        values |= {"seller_email": seller.email, "seller_phone": seller.phone}
        values["seller_refund_policy"] = seller.refund_policy
    given = {name: value for name, value in values.items() if value is not None}
    with database.begin() as db:
        kept = schools.put_credentials(db, subdomain, secrets.token_urlsafe(12), given, now())
        for order_id in jobs.waiting_for(db, WAITING, [subdomain]):
            start(db, order_id, now())
    return kept


def missing(settings: Settings) -> list[str]:
    """The variables that the environment's school lacks before it can sell."""
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


def site_of(settings: Settings, subdomain: str) -> str:
    """A school's own address."""
    return settings.thinkific_site_url.replace("{subdomain}", subdomain)


def place(subdomain: str, column: str) -> str:
    """Where a school's sealed value stands."""
    return f"schools/{subdomain}/{column}"


def _complete(found: Credentials) -> bool:
    return found.merchant_code is not None and found.duitku_api_key is not None


def _titled(subdomain: str) -> str:
    return subdomain.replace("-", " ").title()
