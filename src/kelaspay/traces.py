"""Whether the environment asks for traces, by OpenTelemetry's standard variables; only then is its SDK loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from kelaspay.tracing import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kelaspay.tracing import Tracing

log = structlog.get_logger()

WAYS = ("http/protobuf", "")
"""How spans can be sent."""


def asked_for(environment: Mapping[str, str]) -> Tracing:
    """What traces as the environment says. What it asks for and cannot be had is logged, and sales go on untraced."""
    if not wanted(environment):
        return UNTRACED
    exporter = _said(environment, "OTEL_TRACES_EXPORTER")
    way = _said(environment, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or _said(environment, "OTEL_EXPORTER_OTLP_PROTOCOL")
    if exporter not in {"otlp", ""} or way not in WAYS:
        log.error("traces_not_sent", reason="only OTEL_TRACES_EXPORTER=otlp over http/protobuf is supported")
        return UNTRACED
    try:
        from kelaspay.spans import to_collector  # noqa: PLC0415 - loaded only where somebody asks for it
    except ImportError:
        log.error("traces_not_sent", reason="install kelaspay[traces]")  # noqa: TRY400 - the reason is all
        return UNTRACED
    return to_collector()


def wanted(environment: Mapping[str, str]) -> bool:
    if _said(environment, "OTEL_SDK_DISABLED") == "true":
        return False
    if exporter := _said(environment, "OTEL_TRACES_EXPORTER"):
        return exporter != "none"
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return any(_said(environment, name) for name in endpoints)


def _said(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip().lower()
