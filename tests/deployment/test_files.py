"""What compose.yaml promises of every container, and what nobody may slip into an image or into the files."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from tools.pin_images import DIGEST, pinned

from kelaspay.settings import Settings
from tests.deployment.compose import ROOT, read_image

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = COMPOSE["services"]
EXACT = re.compile(r"[\w./-]+:\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_writes_nowhere_and_gains_no_right(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_an_environment(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    secret = {each.upper() for each, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}

    assert not {*environment} & (secret | {"DATABASE_URL", "POSTGRES_PASSWORD"})
    files = {value.removeprefix("/run/secrets/") for key, value in environment.items() if key.endswith("_FILE")}
    assert files <= set(SERVICES[name].get("secrets", ()))
    assert files <= set(COMPOSE["secrets"])


def test_images_are_pinned_by_an_exact_tag_and_a_digest() -> None:
    pinned = [service["image"] for service in SERVICES.values() if "build" not in service]
    based_on = re.findall(r"^ARG \w+_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)

    assert len(pinned) >= 3
    assert [image for image in pinned + based_on if not EXACT.fullmatch(image)] == []


def test_pinning_anew_changes_the_digests_of_others_images_and_nothing_else() -> None:
    asked: list[str] = []

    def digest_of(image: str) -> str:
        asked.append(image)
        return f"sha256:{len(asked):064x}"

    files = [DOCKERFILE, (ROOT / "compose.yaml").read_text(encoding="utf-8")]
    anew = [pinned(text, digest_of) for text in files]

    assert [image.partition(":")[0] for image in asked] == [
        "python",
        "ghcr.io/astral-sh/uv",
        "caddy",
        "postgres",
        "redis",
    ]
    assert [DIGEST.sub("", text) for text in anew] == [DIGEST.sub("", text) for text in files]
    assert len({each for text in anew for each in DIGEST.findall(text)}) == len(asked)


def test_there_are_two_of_each_and_only_caddy_can_be_reached() -> None:
    commands = [tuple(service.get("command", ())) for service in SERVICES.values()]

    assert commands.count(("serve", "--no-work")) == 2
    assert commands.count(("work",)) == 2
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert COMPOSE["networks"]["store"]["internal"] is True


def test_the_image_runs_as_nobody_in_particular() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert read_image(ROOT / "Dockerfile").entrypoint == ["kelaspay"]


def test_the_programs_for_postgresql_are_of_the_servers_version() -> None:
    client = re.search(r"postgresql-client-(\d+)", DOCKERFILE)

    assert client is not None
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{client[1]}.")
