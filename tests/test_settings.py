"""Every variable of the environment: its default, what is malformed, secrets from files, and the key that is made."""

from __future__ import annotations

import re
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kelaspay.faults import NotConfigured
from kelaspay.outside import opened
from kelaspay.settings import Settings, SettingsInvalid, load, secret_key

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Sets variables, in an environment without any of ours and in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        for variable in (name.upper(), f"{name.upper()}_FILE", name):
            monkeypatch.delenv(variable, raising=False)

    def put(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


def test_nothing_needs_to_be_set(environment: Callable[..., None]) -> None:
    environment()
    settings = load()

    assert settings.app_base_url == "http://localhost:8000"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database == "sqlite:///data/kelaspay.db"
    assert settings.redis_url is None
    assert settings.duitku_hosts == (
        "https://sandbox.duitku.com",
        "https://api-sandbox.duitku.com",
        "https://app-sandbox.duitku.com",
    )
    assert settings.duitku_signature == "auto"
    assert settings.duitku_networks is None
    assert settings.thinkific_api_url == "https://api.thinkific.com"
    assert settings.thinkific_site_url == "https://{subdomain}.thinkific.com"
    assert settings.thinkific_rate == 120
    assert settings.thinkific_external_orders
    assert settings.smtp_url is None


EVERY: dict[str, tuple[str, object]] = {
    "APP_BASE_URL": ("https://pay.example.com/", "https://pay.example.com"),
    "HOST": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value like any other
    "PORT": ("80", 80),
    "DATABASE_URL": ("postgresql://kelas@db/kelas", "postgresql://kelas@db/kelas"),
    "DATA_DIR": ("/var/lib/kelaspay", Path("/var/lib/kelaspay")),
    "REDIS_URL": ("redis://cache:6379/1", "redis://cache:6379/1"),
    "SECRET_KEY": ("0123456789abcdef", "0123456789abcdef"),
    "DUITKU_MERCHANT_CODE": ("D0001", "D0001"),
    "DUITKU_API_KEY": ("732B39FC", "732B39FC"),
    "DUITKU_ENVIRONMENT": ("production", "production"),
    "DUITKU_V2_URL": ("http://127.0.0.1:9001/", "http://127.0.0.1:9001"),
    "DUITKU_POP_URL": ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
    "DUITKU_SIGNATURE": ("legacy", "legacy"),
    "DUITKU_CALLBACK_IPS": ("official", "official"),
    "THINKIFIC_SUBDOMAIN": ("kelas-saya", "kelas-saya"),
    "THINKIFIC_API_KEY": ("0123", "0123"),
    "THINKIFIC_CLIENT_ID": ("client", "client"),
    "THINKIFIC_CLIENT_SECRET": ("secret", "secret"),
    "THINKIFIC_API_URL": ("http://127.0.0.1:9002", "http://127.0.0.1:9002"),
    "THINKIFIC_SITE_URL": ("http://127.0.0.1:9002/sites/{subdomain}/", "http://127.0.0.1:9002/sites/{subdomain}"),
    "THINKIFIC_RATE": ("1000", 1000),
    "API_RATE": ("60", 60),
    "SECRET_KEY_OLD": ("fedcba9876543210", "fedcba9876543210"),
    "TRUSTED_PROXIES": ("10.0.0.1, 10.1.0.0/16", "10.0.0.1/32,10.1.0.0/16"),
    "KEEP_EVENTS_DAYS": ("30", 30),
    "KEEP_MESSAGES_DAYS": ("31", 31),
    "KEEP_LAPSED_DAYS": ("32", 32),
    "KEEP_AUDIT_DAYS": ("33", 33),
    "THINKIFIC_EXTERNAL_ORDERS": ("off", False),
    "THINKIFIC_SSO": ("on", True),
    "DEMO": ("on", True),
    "PAYMENT_PAGE": ("duitku", "duitku"),
    "EMBED_ORIGINS": (
        "https://kelas.example.com, https://example.com",
        "https://kelas.example.com https://example.com",
    ),
    "SELLER_NAME": ("Kelas Siti", "Kelas Siti"),
    "SELLER_ADDRESS": ("Jl. Melati 1, Bandung", "Jl. Melati 1, Bandung"),
    "SELLER_EMAIL": ("halo@example.com", "halo@example.com"),
    "SELLER_PHONE": ("+62 812-3456-7890", "+62 812-3456-7890"),
    "SELLER_REFUND_POLICY": ("Dana kembali penuh dalam 7 hari.", "Dana kembali penuh dalam 7 hari."),
    "CONFIRM_RETRY_SECONDS": ("0.1", 0.1),
    "RETRY_BASE_SECONDS": ("0.2", 0.2),
    "RETRY_MAX_SECONDS": ("0.3", 0.3),
    "RECONCILE_SECONDS": ("0.4", 0.4),
    "SMTP_URL": ("smtp://user:pass@mail.example.com:587", "smtp://user:pass@mail.example.com:587"),
    "MAIL_FROM": ("Kelas <kelas@example.com>", "kelas@example.com"),
    "WEBHOOKS_TO_PRIVATE": ("on", True),
    "METRICS_TOKEN": ("a token", "a token"),
    "WORK_PORT": ("8001", 8001),
    "WHATSAPP_TOKEN": ("EAAG1234", "EAAG1234"),
    "WHATSAPP_PHONE_NUMBER_ID": ("106540352242922", "106540352242922"),
    "WHATSAPP_URL": ("http://127.0.0.1:9003/v23.0/", "http://127.0.0.1:9003/v23.0"),
}


BESIDE = {"SECRET_KEY": "0123456789abcdef", "THINKIFIC_CLIENT_ID": "app", "THINKIFIC_CLIENT_SECRET": "its secret"}
"""What some variables are not set without."""


def plain(value: object) -> object:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def test_the_list_of_variables_is_whole() -> None:
    assert {name.upper() for name in Settings.model_fields} == set(EVERY)


def test_the_example_can_be_read_by_a_shell_with_the_values_that_it_suggests(tmp_path: Path) -> None:
    example = (Path(__file__).parents[1] / ".env.example").read_text(encoding="utf-8")
    suggested = re.findall(r"([A-Z_]+)='(.*?)'", example)
    written = "".join(f"{name}='{value}'\n" for name, value in suggested)
    (tmp_path / ".env").write_text(example + written, encoding="utf-8")

    names = " ".join(f'"${name}"' for name, _ in suggested)
    said = subprocess.run(
        ["/bin/sh", "-c", f"set -a; . ./.env; set +a; printf '%s\\n' {names}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert {name for name, _ in suggested} >= {"SELLER_NAME", "SELLER_REFUND_POLICY"}
    assert (said.stdout.splitlines(), said.stderr) == ([value for _, value in suggested], "")


def test_the_example_names_every_variable() -> None:
    example = (Path(__file__).parents[1] / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^([A-Z_0-9]+)=", example, re.MULTILINE)) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_every_variable_is_read(environment: Callable[..., None], name: str) -> None:
    given, meant = EVERY[name]
    environment(**BESIDE | {name: given})

    assert plain(getattr(load(), name.lower())) == meant


@pytest.mark.parametrize("name", EVERY)
def test_every_variable_may_stand_in_a_file(environment: Callable[..., None], tmp_path: Path, name: str) -> None:
    given, meant = EVERY[name]
    (tmp_path / "value").write_text(f"{given}\n")
    environment(**{other: value for other, value in BESIDE.items() if other != name})
    environment(**{f"{name}_FILE": str(tmp_path / "value")})

    assert plain(getattr(load(), name.lower())) == meant


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("APP_BASE_URL", "pay.example.com", "http:// or https://"),
        ("APP_BASE_URL", "https://pay.example.com?x=1", "http:// or https://"),
        ("APP_BASE_URL", "", "http:// or https://"),
        ("PORT", "http", "integer"),
        ("PORT", "65536", "65535"),
        ("DATABASE_URL", "mysql://x", "sqlite:/// or postgresql://"),
        ("DATABASE_URL", "postgres://user:hidden-word@db/x", "sqlite:/// or postgresql://"),
        ("REDIS_URL", "cache:6379", "redis://"),
        ("SECRET_KEY", "short", "16 characters"),
        ("DUITKU_ENVIRONMENT", "live", "'sandbox' or 'production'"),
        ("DUITKU_V2_URL", "127.0.0.1:9001", "http:// or https://"),
        ("DUITKU_POP_URL", "ftp://x", "http:// or https://"),
        ("DUITKU_SIGNATURE", "md5", "'hmac', 'legacy' or 'auto'"),
        ("DUITKU_CALLBACK_IPS", "182.23.85.0/40", "any, official, or a comma list"),
        ("DUITKU_CALLBACK_IPS", "182.23.85.8,,", "any, official, or a comma list"),
        ("DUITKU_CALLBACK_IPS", "everyone", "any, official, or a comma list"),
        ("THINKIFIC_SUBDOMAIN", "kelas.thinkific.com", "bare name"),
        ("THINKIFIC_SUBDOMAIN", "https://kelas", "bare name"),
        ("THINKIFIC_API_URL", "api.thinkific.com", "http:// or https://"),
        ("THINKIFIC_SITE_URL", "{subdomain}.thinkific.com", "http:// or https://"),
        ("THINKIFIC_RATE", "0", "greater"),
        ("THINKIFIC_EXTERNAL_ORDERS", "perhaps", "boolean"),
        ("CONFIRM_RETRY_SECONDS", "0", "greater"),
        ("RETRY_BASE_SECONDS", "soon", "number"),
        ("RETRY_MAX_SECONDS", "-1", "greater"),
        ("RECONCILE_SECONDS", "", "number"),
        ("SMTP_URL", "mail.example.com", "smtp:// or smtps://"),
        ("SMTP_URL", "http://mail:25", "smtp:// or smtps://"),
        ("SMTP_URL", "smtp://", "smtp:// or smtps://"),
        ("SMTP_URL", "smtp://user:hidden-word@mail:abc", "smtp:// or smtps://"),
        ("SMTP_URL", "smtp://user:hidden-word@mail:70000", "smtp:// or smtps://"),
        ("MAIL_FROM", "Kelas Siti", "e-mail address"),
        ("MAIL_FROM", "kelas@", "e-mail address"),
        ("THINKIFIC_CLIENT_ID", "client", "THINKIFIC_CLIENT_SECRET"),
        ("THINKIFIC_CLIENT_SECRET", "hidden-word", "THINKIFIC_CLIENT_ID"),
    ],
)
def test_a_malformed_variable_is_one_line_that_names_it_and_not_its_value(
    environment: Callable[..., None], name: str, value: str, words: str
) -> None:
    environment(**{name: value})
    with pytest.raises(SettingsInvalid) as refused:
        load()
    line = str(refused.value)

    assert line.startswith(f"{name}: ")
    assert words in line
    assert "\n" not in line
    assert "hidden-word" not in line


def test_several_malformed_variables_are_all_named(environment: Callable[..., None]) -> None:
    environment(PORT="x", DUITKU_SIGNATURE="y", THINKIFIC_RATE="z")
    with pytest.raises(SettingsInvalid) as refused:
        load()

    assert all(name in str(refused.value) for name in ("PORT", "DUITKU_SIGNATURE", "THINKIFIC_RATE"))


@pytest.mark.parametrize("contents", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(
    environment: Callable[..., None], tmp_path: Path, contents: bytes | None
) -> None:
    path = tmp_path / "key"
    if contents is not None:
        path.write_bytes(contents)
    environment(DUITKU_API_KEY_FILE=str(path))
    with pytest.raises(SettingsInvalid, match=r"^DUITKU_API_KEY_FILE: .*key ") as refused:
        load()

    assert "\n" not in str(refused.value)


def test_the_variable_itself_comes_before_its_file(environment: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "code").write_text("D0002")
    environment(DUITKU_MERCHANT_CODE="D0001", DUITKU_MERCHANT_CODE_FILE=str(tmp_path / "code"))

    assert load().duitku_merchant_code == "D0001"


@pytest.mark.parametrize("name", ["DUITKU_API_KEY", "THINKIFIC_API_KEY", "REDIS_URL", "DATABASE_URL", "SMTP_URL"])
def test_an_empty_variable_is_one_that_is_not_set(environment: Callable[..., None], name: str) -> None:
    environment(**{name: ""})

    assert getattr(load(), name.lower()) is None


def test_what_compose_passes_on_empty_is_what_it_is_without(environment: Callable[..., None]) -> None:
    environment(HOST="", PORT="", DUITKU_CALLBACK_IPS="")

    found = load()

    assert (found.host, found.port, found.duitku_networks) == ("127.0.0.1", 8000, None)


def test_what_is_needed_to_sell_is_named_when_it_is_missing(environment: Callable[..., None]) -> None:
    environment(DUITKU_MERCHANT_CODE="D0001", THINKIFIC_SUBDOMAIN="kelas")
    with opened(load()) as outside, pytest.raises(NotConfigured) as missing:
        outside.schools.of()

    assert missing.value.detail == "DUITKU_API_KEY, THINKIFIC_API_KEY: not set"


@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_a_trailing_slash_of_the_address_is_tolerated(environment: Callable[..., None], slashes: str) -> None:
    keys = {"DUITKU_MERCHANT_CODE": "D0001", "DUITKU_API_KEY": "x", "THINKIFIC_SUBDOMAIN": "kelas"}
    environment(APP_BASE_URL=f"https://pay.example.com{slashes}", THINKIFIC_API_KEY="y", **keys)
    with opened(load()) as outside:
        assert outside.schools.of().callback_url == "https://pay.example.com/webhooks/duitku"


def test_production_has_hosts_of_its_own_and_an_override_counts(environment: Callable[..., None]) -> None:
    environment(DUITKU_ENVIRONMENT="production")
    production = load().duitku_hosts
    environment(DUITKU_POP_URL="http://127.0.0.1:9001")

    assert production == ("https://passport.duitku.com", "https://api-prod.duitku.com", "https://app-prod.duitku.com")
    assert load().duitku_hosts == ("https://passport.duitku.com", "http://127.0.0.1:9001", "http://127.0.0.1:9001")


def test_no_secret_shows(environment: Callable[..., None]) -> None:
    secrets = {
        "SECRET_KEY": "hidden-secret-key-0",
        "DUITKU_API_KEY": "hidden-duitku",
        "THINKIFIC_API_KEY": "hidden-thinkific",
        "THINKIFIC_CLIENT_ID": "app",
        "THINKIFIC_CLIENT_SECRET": "hidden-client",
        "SMTP_URL": "smtp://user:hidden-smtp@mail",
        "DATABASE_URL": "postgresql://user:hidden-database@db/x",
        "REDIS_URL": "redis://:hidden-redis@cache",
    }
    environment(**secrets)
    settings = load()

    assert "hidden" not in repr(settings)
    assert "hidden" not in str(settings)


def test_with_postgresql_the_secret_key_must_be_set(environment: Callable[..., None]) -> None:
    environment(DATABASE_URL="postgresql://kelas@db/kelas")
    with pytest.raises(SettingsInvalid, match=r"^SECRET_KEY is required with PostgreSQL$"):
        load()


def test_the_embedded_default_makes_a_secret_key_and_keeps_it(environment: Callable[..., None], tmp_path: Path) -> None:
    environment(DATA_DIR=str(tmp_path / "new" / "folder"))
    first, second = secret_key(load()), secret_key(load())
    path = tmp_path / "new" / "folder" / "secret.key"

    assert first.get_secret_value() == second.get_secret_value() == path.read_text()
    assert len(first.get_secret_value()) >= 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert "**" in repr(first)


def test_a_key_of_ones_own_is_kept_nowhere(environment: Callable[..., None], tmp_path: Path) -> None:
    environment(DATA_DIR=str(tmp_path / "data"), SECRET_KEY="0123456789abcdef")

    assert secret_key(load()).get_secret_value() == "0123456789abcdef"
    assert not (tmp_path / "data").exists()


def test_two_installations_make_different_keys(environment: Callable[..., None], tmp_path: Path) -> None:
    environment()
    keys = {secret_key(load(data_dir=tmp_path / name)).get_secret_value() for name in ("one", "other")}

    assert len(keys) == 2


def test_processes_that_start_at_the_same_moment_get_the_same_key(
    environment: Callable[..., None], tmp_path: Path
) -> None:
    environment()
    settings = load(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as starting:
        keys = set(starting.map(lambda _: secret_key(settings).get_secret_value(), range(32)))

    assert len(keys) == 1


@pytest.mark.parametrize("contents", [b"", b"short", b"\xff" * 40])
def test_a_key_that_was_damaged_is_not_replaced(
    environment: Callable[..., None], tmp_path: Path, contents: bytes
) -> None:
    path = tmp_path / "data" / "secret.key"
    path.parent.mkdir()
    path.write_bytes(contents)
    environment()
    with pytest.raises(SettingsInvalid, match=r"^SECRET_KEY: .*secret\.key"):
        secret_key(load())

    assert path.read_bytes() == contents


def test_what_is_opened_carries_the_key(environment: Callable[..., None]) -> None:
    environment()
    with opened(load()) as outside:
        assert outside.secret_key.get_secret_value() == Path("data/secret.key").read_text()
        assert outside.secret_key.get_secret_value() not in repr(outside)
