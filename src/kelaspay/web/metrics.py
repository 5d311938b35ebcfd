"""`/metrics` for Prometheus, for whoever shows METRICS_TOKEN; without that setting there is no such page, so that none
is public by accident behind whatever proxy.
"""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from kelaspay.api_faults import KeyMissing, KeyRefused
from kelaspay.faults import NotConfigured
from kelaspay.outside import Outside

router = APIRouter(include_in_schema=False)

BEARER = "bearer "


@router.get("/metrics")
def show(request: Request) -> Response:
    outside: Outside = request.app.state.outside
    wanted = outside.settings.metrics_token
    if wanted is None:
        raise NotConfigured("METRICS_TOKEN is not set.")
    given = request.headers.get("authorization", "")
    if not given.lower().startswith(BEARER):
        raise KeyMissing
    if not hmac.compare_digest(given[len(BEARER) :].strip().encode(), wanted.get_secret_value().encode()):
        raise KeyRefused
    return Response(outside.metrics.text(), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
