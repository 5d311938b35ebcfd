"""What the environment must say. Read once, by the command line; from there on values are arguments."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

DUITKU_HOSTS = {
    "sandbox": ("https://sandbox.duitku.com", "https://api-sandbox.duitku.com", "https://app-sandbox.duitku.com"),
    "production": ("https://passport.duitku.com", "https://api-prod.duitku.com", "https://app-prod.duitku.com"),
}
"""The v2 API, the POP API and the POP page (duitku.md 1)."""


class SettingsInvalid(Exception):  # noqa: N818 - says what happened
    """A variable is missing or malformed; the text is one line that names it."""


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _http(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", url):
        problem = "must be an http:// or https:// address"
        raise ValueError(problem)
    return _without_slash(url)


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


Url = Annotated[str, AfterValidator(_http)]
Optional = BeforeValidator(_empty_is_none)
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """The environment, checked. Secrets may come from a file: `NAME_FILE`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    app_base_url: Url = "http://localhost:8000"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("data")
    database_url: Annotated[str | None, Optional] = None
    redis_url: Annotated[str | None, Optional] = None
    secret_key: Annotated[SecretStr | None, Optional] = None

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

    confirm_retry_seconds: Seconds = 5.0
    retry_base_seconds: Seconds = 10.0
    retry_max_seconds: Seconds = 3600.0
    reconcile_seconds: Seconds = 300.0

    smtp_url: Annotated[SecretStr | None, Optional] = None
    mail_from: Annotated[str | None, Optional] = None

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

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def load(**values: Any) -> Settings:
    """The settings in the environment, `values` first; raises `SettingsInvalid` with one line."""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsInvalid(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_input=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        text = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{name}: {text}" if name else text)
    return "; ".join(problems)
