"""Redis where the service does without it: one that failed is left alone for a while, so that it slows nobody down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

import redis
import structlog
from throttled.exceptions import BaseThrottledError

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C")
T = TypeVar("T")

log = structlog.get_logger()

PAUSE = 5.0
"""Seconds."""


class SparedRedis(Generic[C]):
    def __init__(self, cache: C, part: str) -> None:
        """`cache` is what reaches it, a client or a store of limits; `part` is whose failures the log tells of."""
        self._cache = cache
        self._part = part
        self._paused_until = 0.0

    def ask(self, question: Callable[[C], T], *, otherwise: T) -> T:
        """What it answers; `otherwise` when it does not, or did not a moment ago."""
        if time.monotonic() < self._paused_until:
            return otherwise
        try:
            return question(self._cache)
        except (redis.RedisError, BaseThrottledError):
            log.warning("redis_lost", part=self._part)
            self._paused_until = time.monotonic() + PAUSE
            return otherwise
