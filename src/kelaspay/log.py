"""Log lines: an event, its ids and nothing of a person. Columns in a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

NEVER = frozenset({"name", "email", "phone", "customer", "body", "api_key", "token", "secret", "password", "signature"})
"""Keys whose values must not reach a log, whatever a caller does."""


def configure(*, verbose: bool = False, quiet: bool = False) -> None:
    """Set up structlog for this process; asked once, by the command line."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_personal,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for noisy in ("dbos", "httpx2", "httpcore2", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def drop_personal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what must never be logged; a second line of defence behind not passing it."""
    return {key: "[hidden]" if key in NEVER else value for key, value in event.items()}
