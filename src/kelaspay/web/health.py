"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable

import redis
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from starlette.datastructures import State

from kelaspay.faults import DatabaseUnavailable
from kelaspay.migrations import current, is_newer
from kelaspay.outside import Outside

router = APIRouter(tags=["Operations"])

FINE = frozenset({"ok", "not used", "lost: the database answers", "a later release's"})


@router.get("/healthz", summary="See whether the process lives")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    summary="See whether it can work",
    response_model=dict[str, str],
    responses={503: {"model": dict[str, str]}},
)
async def ready(request: Request) -> JSONResponse:
    """Database, migrations, engine and Redis, each by name; 503 when one of them keeps us from working."""
    checks = await run_sync(_looked, request.app.state, limiter=request.app.state.looking)
    fine = all(state in FINE for state in checks.values())
    return JSONResponse({"status": "ok" if fine else "unavailable", **checks}, status_code=200 if fine else 503)


def _looked(state: State) -> dict[str, str]:
    return {
        "database": _database(state.outside),
        "migrations": _migrations(state.outside),
        "engine": _engine(state.engine),
        "redis": _redis(state.outside),
    }


def _database(outside: Outside) -> str:
    try:
        with outside.database.read() as db:
            db.execute(select(1))
    except DatabaseUnavailable:
        return "away"
    return "ok" if outside.database.writes() else "away"


def _migrations(outside: Outside) -> str:
    try:
        found, newest = current(outside.database)
    except DatabaseUnavailable:
        return "not known"
    if found == newest:
        return "ok"
    return "a later release's" if is_newer(outside.database) else "missing"


def _engine(engine: Callable[[], object] | None) -> str:
    if engine is None:
        return "not used"
    try:
        engine()
    except DatabaseUnavailable:
        return "away"
    except Exception:  # noqa: BLE001 - whatever it is, it keeps us from working
        return "not in order"
    return "ok"


def _redis(outside: Outside) -> str:
    if outside.cache is None:
        return "not used"
    try:
        outside.cache.ping()
    except redis.RedisError:
        return "lost: the database answers"
    return "ok"
