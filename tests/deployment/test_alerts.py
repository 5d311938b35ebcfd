"""The alerts as Prometheus itself reads them, and what they say of a good day and of a bad one."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.deployment.compose import ROOT

MONITORING = ROOT / "deploy" / "monitoring"


@pytest.mark.parametrize(
    "words",
    [("check", "rules", "alerts.yaml"), ("check", "config", "--syntax-only", "prometheus.yaml")],
    ids=["rules", "configuration"],
)
def test_prometheus_reads_our_files(words: tuple[str, ...]) -> None:
    promtool(*words)


def test_every_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", "alerts.test.yaml")


def promtool(*words: str) -> None:
    """It comes with Prometheus; where CI cannot fetch that either, nothing is said of the alerts."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    ran = subprocess.run([found, *words], cwd=MONITORING, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
