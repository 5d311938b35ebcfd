"""What the environment must say. Read once, by the command line; from there on values are arguments."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import tempfile
from contextlib import suppress
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from kelaspay.cannot_run import CannotRun

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

DUITKU_HOSTS = {
    "sandbox": ("https://sandbox.duitku.com", "https://api-sandbox.duitku.com", "https://app-sandbox.duitku.com"),
    "production": ("https://passport.duitku.com", "https://api-prod.duitku.com", "https://app-prod.duitku.com"),
}
"""The v2 API, the POP API and the POP page (duitku.md 1)."""

DUITKU_ADDRESSES = (
    *(f"182.23.85.{host}" for host in (8, 9, 10, 11, 12, 13, 14)),
    *(f"103.177.101.{host}" for host in (184, 185, 186, 187, 188, 189, 190)),
)
"""Where Duitku calls from, production and sandbox (duitku.md 3.5)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SHORTEST_SECRET_KEY = 16
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a file's name


class SettingsInvalid(CannotRun):
    """A variable is missing or malformed; the text is one line that names it."""


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _http(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", url):
        problem = "must be an http:// or https:// address"
        raise ValueError(problem)
    return _without_slash(url)


def _is_mail_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


Url = Annotated[str, AfterValidator(_http)]
Optional = BeforeValidator(_empty_is_none)
Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[int, Field(ge=7, le=36_500)]


class Settings(BaseSettings):
    """The environment, checked. Secrets may come from a file: `NAME_FILE`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    app_base_url: Url = "http://localhost:8000"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("data")
    database_url: Annotated[str | None, Optional, Field(repr=False)] = None
    redis_url: Annotated[str | None, Optional, Field(repr=False)] = None
    secret_key: Annotated[SecretStr | None, Optional] = None
    secret_key_old: Annotated[SecretStr | None, Optional] = None

    duitku_merchant_code: Annotated[str | None, Optional] = None
    duitku_api_key: Annotated[SecretStr | None, Optional] = None
    duitku_environment: Literal["sandbox", "production"] = "sandbox"
    duitku_v2_url: Annotated[Url | None, Optional] = None
    duitku_pop_url: Annotated[Url | None, Optional] = None
    duitku_signature: Literal["hmac", "legacy", "auto"] = "auto"
    duitku_callback_ips: str = "any"

    thinkific_subdomain: Annotated[str | None, Optional] = None
    thinkific_api_key: Annotated[SecretStr | None, Optional] = None
    thinkific_client_id: Annotated[str | None, Optional] = None
    thinkific_client_secret: Annotated[SecretStr | None, Optional] = None
    thinkific_api_url: Url = "https://api.thinkific.com"
    thinkific_site_url: str = "https://{subdomain}.thinkific.com"
    thinkific_rate: Annotated[int, Field(ge=4)] = 120
    thinkific_external_orders: bool = True

    api_rate: Annotated[int, Field(ge=1)] = 600

    confirm_retry_seconds: Seconds = 5.0
    retry_base_seconds: Seconds = 10.0
    retry_max_seconds: Seconds = 3600.0
    reconcile_seconds: Seconds = 300.0

    keep_events_days: Days = 90
    keep_messages_days: Days = 90
    keep_lapsed_days: Days = 30
    keep_audit_days: Days = 730

    demo: bool = False
    payment_page: Literal["own", "duitku"] = "own"
    embed_origins: str = ""
    trusted_proxies: str = "127.0.0.1,::1"
    seller_name: Annotated[str | None, Optional] = None
    seller_address: Annotated[str | None, Optional] = None
    seller_email: Annotated[str | None, Optional] = None
    seller_phone: Annotated[str | None, Optional] = None
    seller_refund_policy: Annotated[str | None, Optional] = None
    thinkific_sso: bool = False

    smtp_url: Annotated[SecretStr | None, Optional] = None
    mail_from: Annotated[str | None, Optional] = None
    whatsapp_token: Annotated[SecretStr | None, Optional] = None
    whatsapp_phone_number_id: Annotated[str | None, Optional] = None
    whatsapp_url: Url = "https://graph.facebook.com/v23.0"

    webhooks_to_private: bool = False
    metrics_token: Annotated[SecretStr | None, Optional] = None
    work_port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, Optional] = None

    @field_validator("host", "port", "duitku_callback_ips", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        """Compose passes a variable on empty that nobody has set."""
        return cls.model_fields[info.field_name or ""].default if value == "" else value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("sqlite:///", "postgresql://")):
            problem = "must start with sqlite:/// or postgresql://"
            raise ValueError(problem)
        return url

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            problem = "must start with redis://"
            raise ValueError(problem)
        return url

    @field_validator("secret_key", "secret_key_old")
    @classmethod
    def _long_secret_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < SHORTEST_SECRET_KEY:
            problem = f"must have at least {SHORTEST_SECRET_KEY} characters"
            raise ValueError(problem)
        return key

    @field_validator("embed_origins")
    @classmethod
    def _origins(cls, listed: str) -> str:
        origins = listed.replace(",", " ").split()
        if not all(re.fullmatch(r"https?://[A-Za-z0-9.*:-]+", origin) for origin in origins):
            problem = "must list origins, like https://www.example.com"
            raise ValueError(problem)
        return " ".join(origins)

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, listed: str) -> str:
        try:
            return ",".join(str(ipaddress.ip_network(each)) for each in listed.replace(",", " ").split())
        except ValueError as error:
            problem = f"must be a comma list of addresses or networks ({error})"
            raise ValueError(problem) from None

    @field_validator("duitku_callback_ips")
    @classmethod
    def _known_networks(cls, listed: str) -> str:
        try:
            _networks(listed)
        except ValueError as error:
            problem = f"must be any, official, or a comma list of networks ({error})"
            raise ValueError(problem) from None
        return listed.strip()

    @field_validator("smtp_url")
    @classmethod
    def _known_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _is_mail_server(url.get_secret_value()):
            problem = "must be smtp:// or smtps:// with a host, like smtp://user:password@mail.example.com:587"
            raise ValueError(problem)
        return url

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, sender: str | None) -> str | None:
        """The address alone: the name beside it is the seller's."""
        address = parseaddr(sender or "")[1]
        if sender is not None and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
            problem = "must be an e-mail address, like kelas@example.com"
            raise ValueError(problem)
        return address or None

    @field_validator("thinkific_site_url")
    @classmethod
    def _site(cls, url: str) -> str:
        return _http(url.replace("{subdomain}", "subdomain")) and _without_slash(url)

    @field_validator("thinkific_subdomain")
    @classmethod
    def _bare_subdomain(cls, subdomain: str | None) -> str | None:
        if subdomain is not None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", subdomain):
            problem = "must be the bare name, like acme for acme.thinkific.com"
            raise ValueError(problem)
        return subdomain

    @model_validator(mode="after")
    def _secret_key_with_postgresql(self) -> Settings:
        if self.postgresql and self.secret_key is None:
            problem = "SECRET_KEY is required with PostgreSQL"
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _app_with_its_secret(self) -> Settings:
        app = {
            "THINKIFIC_CLIENT_ID": self.thinkific_client_id,
            "THINKIFIC_CLIENT_SECRET": self.thinkific_client_secret,
        }
        there = [name for name, value in app.items() if value is not None]
        if len(there) == 1:
            [lacking] = app.keys() - there
            raise ValueError(f"{there[0]}: {lacking} is not set, and an OAuth app needs both")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base's form
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base's form
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, NamedFiles(settings_cls)

    @property
    def postgresql(self) -> bool:
        return (self.database_url or "").startswith("postgresql://")

    @property
    def database(self) -> str:
        """The database's address; by default an SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'kelaspay.db'}"

    @property
    def duitku_networks(self) -> tuple[Network, ...] | None:
        """The networks that callbacks are taken from; None for any."""
        return _networks(self.duitku_callback_ips)

    @property
    def duitku_hosts(self) -> tuple[str, str, str]:
        """The v2 API, the POP API and the POP page; an overridden POP host serves its page too."""
        v2, pop, page = DUITKU_HOSTS[self.duitku_environment]
        return self.duitku_v2_url or v2, self.duitku_pop_url or pop, self.duitku_pop_url or page


class NamedFiles(PydanticBaseSettingsSource):
    """Secrets kept in files: the value of `NAME` is what stands in the file that `NAME_FILE` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base's form
        name = f"{field_name.upper()}_FILE"
        path = os.environ.get(name)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise SettingsInvalid(f"{name}: {path} cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise SettingsInvalid(f"{name}: {path} is no text") from None

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def load(**values: Any) -> Settings:
    """The settings in the environment, `values` first; raises `SettingsInvalid` with one line."""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsInvalid(_one_line(error)) from None


def secret_key(settings: Settings) -> SecretStr:
    """The key that signs sessions and encrypts tokens: the configured one, or for the embedded default the one that the
    first start made and kept in the data folder, readable by its owner alone.

    Processes that start at the same moment get the same one: it appears under its name whole or not at all.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data_dir / SECRET_KEY_FILE
    try:
        if not path.exists():
            _make_secret_key(path)
        kept = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"SECRET_KEY: {path} cannot be kept ({error})") from None
    if len(kept) < SHORTEST_SECRET_KEY:
        raise SettingsInvalid(f"SECRET_KEY: {path} holds no key; restore it, for what it encrypted needs it")
    return SecretStr(kept)


def _make_secret_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-", encoding="utf-8") as made:  # mode 0600
        made.write(secrets.token_urlsafe(48))
        made.flush()
        os.fsync(made.fileno())
        with suppress(FileExistsError):  # another process was first
            path.hardlink_to(made.name)


def _networks(listed: str) -> tuple[Network, ...] | None:
    if listed.strip() == "any":
        return None
    named = DUITKU_ADDRESSES if listed.strip() == "official" else listed.split(",")
    return tuple(ipaddress.ip_network(each.strip()) for each in named)


def _one_line(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_input=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        text = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{name}: {text}" if name else text)
    return "; ".join(problems)
