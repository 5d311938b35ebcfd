"""The web application: every route in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from starlette.routing import Route

from kelaspay import __version__
from kelaspay.web import api, errors, health, hooks, install, pages
from kelaspay.web.console import routers

if TYPE_CHECKING:
    from kelaspay.confirm import Start
    from kelaspay.inbox import Inbox
    from kelaspay.outside import Outside


def create_app(outside: Outside, inbox: Inbox, start: Start) -> FastAPI:
    """The ASGI application over what was opened; it opens and closes nothing itself.

    `start` sets a payment's work going.
    """
    app = FastAPI(
        title="Kelaspay",
        version=__version__,
        summary="Sells Thinkific courses through Duitku and makes sure that whoever paid is in the course.",
        dependencies=[Depends(errors.plain_address)],
    )
    app.state.outside = outside
    app.state.start = start
    allowed = outside.settings.duitku_networks
    hook = hooks.DuitkuHook(duitku=outside.duitku, inbox=inbox, now=outside.now, allowed=allowed)
    app.router.routes.insert(0, Route("/webhooks/duitku", hooks.OnlyPost(hook)))
    app.include_router(api.router)
    app.include_router(pages.router)
    app.include_router(install.router)
    app.include_router(health.router)
    for router in routers:
        app.include_router(router)
    errors.install(app)
    return app
