"""Log lines: an event, its ids and nothing of a person. Columns in a terminal, JSON elsewhere.

An error is told by its kind and its place, never in its own words: those may hold what a buyer typed, or a key.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

NEVER = frozenset({"name", "email", "phone", "customer", "body", "api_key", "token", "secret", "password", "signature"})
"""Keys whose values must not reach a log, whatever a caller does."""

HANDLER = "kelaspay"


def configure(*, verbose: bool = False, quiet: bool = False) -> None:
    """Set up this process's logs, libraries' lines included; asked once, by the command line."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    form = _columns() if sys.stderr.isatty() else _json()
    structlog.configure(
        processors=[*BEFORE, *form],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    _take_in_libraries(form, max(level, logging.WARNING))


class Unfailing:
    """A stream that drops what it cannot write: a full disk must not stop whoever wants to tell of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _columns() -> list[Processor]:
    return [_errors(), structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]


def _json() -> list[Processor]:
    return [_errors(), structlog.processors.JSONRenderer(ensure_ascii=False)]


def _errors() -> Processor:
    return structlog.processors.ExceptionRenderer(lambda error: _kind_and_place(error[1]))


def _kind_and_place(error: BaseException) -> str:
    """Where it was raised, after what it came from, and which errors these were; what they say is left out."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    inside = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    parts = [_kind_and_place(each) for each in (before, *inside) if each is not None]
    kind = f"{type(error).__module__}.{type(error).__qualname__}\n"
    return "\n".join([*parts, "".join([*traceback.format_tb(error.__traceback__), kind])])


def _take_in_libraries(form: list[Processor], level: int) -> None:
    """Print what libraries log in the same form, from `level` on; a second call replaces the first."""
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(HANDLER)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *form], foreign_pre_chain=BEFORE
        )
    )
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if each.get_name() != HANDLER] + [handler]
    root.setLevel(level)
    for noisy in ("dbos", "httpx2", "httpcore2", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def drop_personal(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what must never be logged; a second line of defence behind not passing it."""
    return {key: "[hidden]" if key in NEVER else value for key, value in event.items()}


BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    drop_personal,
]
"""What every line goes through before it is printed."""
