"""The systemd units: what they start exists, what they hold back stays held back, and systemd has nothing to say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import typer

from kelaspay.cli import app
from kelaspay.settings import Settings
from tests.deployment.compose import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
ASKED = frozenset(
    {
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "MemoryDenyWriteExecute=yes",
        "RestrictSUIDSGID=yes",
        "UMask=0077",
    }
)


def lines(unit: Path) -> list[str]:
    return [line for line in unit.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def values(unit: Path, name: str) -> list[str]:
    return [line.split("=", 1)[1] for line in lines(unit) if line.startswith(f"{name}=")]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_starts_a_command_with_options_that_there_are(unit: Path) -> None:
    [(program, name, *words)] = [value.split() for value in values(unit, "ExecStart")]
    command = vars(typer.main.get_command(app))["commands"][name]
    options = {option for parameter in command.params for option in parameter.opts}

    assert program == "/opt/kelaspay/bin/kelaspay"
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_sets_only_what_is_a_setting(unit: Path) -> None:
    named = re.findall(r"([A-Z_]+)=", " ".join(values(unit, "Environment")))
    ours = {name.upper() for name in Settings.model_fields}
    of_python = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    example = [line.split("=")[0] for line in lines(UNITS / "kelaspay.env")]

    assert {name.removesuffix("_FILE") for name in named} - of_python <= ours
    assert set(example) <= ours


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_can_do_nothing_else_to_the_machine(unit: Path) -> None:
    assert set(lines(unit)) >= ASKED


def test_a_command_that_is_typed_has_the_keys_the_folder_and_the_user_of_the_service() -> None:
    text = (UNITS / "kelaspay").read_text(encoding="utf-8").replace("\\\n", " ")
    [words] = [shlex.split(line) for line in text.splitlines() if line.startswith("exec ")]
    given = {word for option, word in pairwise(words) if option == "-p"}
    service = set(lines(UNITS / "kelaspay.service"))
    keys = {line for line in service if line.startswith("LoadCredential=") and "metrics_token" not in line}
    names = re.findall(r"(\w+)_FILE=%d/(\w+)", " ".join(given))

    assert given >= keys | {"User=kelaspay", "DynamicUser=yes", "StateDirectory=kelaspay", "UMask=0077"}
    assert {name.lower(): file for name, file in names} == {file: file for _, file in names}
    assert len(names) == len(keys)
    assert "--pipe" in words  # a copy to restore comes that way


@pytest.mark.parametrize("unit", [*SERVICES, *UNITS.glob("*.timer")], ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    """With a program where the units look for it: that there is one on this machine is not asked."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    for each in UNITS.iterdir():
        text = each.read_text(encoding="utf-8").replace("/opt/kelaspay/bin/kelaspay", "/bin/true")
        (tmp_path / each.name).write_text(text, encoding="utf-8")

    ran = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit.name)], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
