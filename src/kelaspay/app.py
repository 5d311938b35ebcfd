"""The web application: every route in one place."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI

from kelaspay import __version__
from kelaspay.pictures import Pictures
from kelaspay.web import (
    api,
    button,
    counted,
    docs,
    door,
    errors,
    files,
    headers,
    health,
    hooks,
    install,
    mails,
    me,
    metrics,
    paying,
    ready,
    receipt,
    shop,
    status,
    traced,
)
from kelaspay.web.at_duitku import Places
from kelaspay.web.console import routers
from kelaspay.web.console.closed_days import ClosedDays
from kelaspay.web.described import DESCRIPTION, TAGS, Described
from kelaspay.web.origins import front_ends
from kelaspay.web.v1 import acts, enrollments, events, offers, own_key, payments, webhook_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.telemetry import TelemetryConfig
    from starlette.routing import BaseRoute

    from kelaspay.confirm import Start
    from kelaspay.inbox import Inbox
    from kelaspay.outside import Outside


NONE_OF_ITS_OWN: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""The framework's spans hold whole addresses and who asked, its logs what was typed."""


def create_watch(outside: Outside, engine: Callable[[], object]) -> FastAPI:
    """For a process without a web: how it is, and nothing else."""
    app = FastAPI(openapi_url=None, telemetry=NONE_OF_ITS_OWN)
    app.state.outside = outside
    app.state.engine = engine
    app.state.looking = CapacityLimiter(1)
    for part in (health, metrics):
        app.include_router(part.router)
    errors.install(app)
    return app


def create_app(outside: Outside, inbox: Inbox, start: Start, *, engine: Callable[[], object] | None = None) -> FastAPI:
    """The ASGI application over what was opened; it opens and closes nothing itself.

    `start` sets a payment's work going; `engine` raises when the durable engine cannot be reached.
    """
    app = Described(
        title="Kelaspay",
        version=__version__,
        summary="Sells Thinkific courses through Duitku and makes sure that whoever paid is in the course.",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,  # its page asks others for its script; `docs` is ours
        redoc_url=None,
        redirect_slashes=False,  # its redirects are built from the Host header
        telemetry=NONE_OF_ITS_OWN,
    )
    app.state.outside = outside
    app.state.start = start
    app.state.engine = engine
    app.state.methods = {}
    app.state.at_duitku = Places()
    app.state.looking = CapacityLimiter(1)  # whoever asks how it is has a thread, and waits for no buyer
    app.state.pictures = Pictures(outside.dialer)
    app.state.closed_days = ClosedDays(outside.now)
    app.router.routes[:0] = hooks.hooks_of(outside.schools, inbox, outside.settings, outside.now, outside.tracing)
    app.router.routes += routes()
    errors.install(app)
    app.add_middleware(headers.Cors, origins=front_ends(outside))
    app.add_middleware(door.Door)
    app.add_middleware(headers.Headers, https=outside.settings.app_base_url.startswith("https://"))
    app.add_middleware(counted.Counted, metrics=outside.metrics)
    if outside.tracing.on:
        app.add_middleware(traced.Traced, tracing=outside.tracing)
    return app


@cache
def routes() -> tuple[BaseRoute, ...]:
    """Every route but the hooks. One application's are as good as another's, and what each asks for is worked out but
    once: at its first request, in some hundred milliseconds for all.
    """
    whole = APIRouter(dependencies=[Depends(errors.plain_address)])
    for part in (api, files, shop, paying, status, ready, receipt, me, button, mails, install, health, docs, metrics):
        whole.include_router(part.router)
    for part in (own_key, offers, payments, acts, enrollments, events, webhook_endpoints):
        whole.include_router(part.router, prefix="/api/v1")
    for router in routers:
        whole.include_router(router)
    return tuple(whole.routes)
