"""Pictures of what is on sale, fetched by us and shown from our own address, so that a buyer's browser asks nobody else
before paying. Whoever keeps the picture learns of none of the buyers.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from cachetools import TTLCache

from kelaspay.endpoint_faults import AddressRefused, EndpointUnreachable

if TYPE_CHECKING:
    from kelaspay.dial import Dialer

log = structlog.get_logger()

TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"})
LARGEST = 2_000_000
"""Bytes."""
MOST = 50
FRESH_SECONDS = 3600.0
FAILED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Picture:
    content: bytes
    media_type: str


class Pictures:
    """Fetches each picture once in a while, one at a time, and remembers what could not be had for a minute."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self._kept: TTLCache[str, Picture] = TTLCache(MOST, FRESH_SECONDS)
        self._failed: TTLCache[str, bool] = TTLCache(1000, FAILED_SECONDS)

    def at(self, url: str) -> Picture | None:
        """The picture at this address; None where there is none to be had just now."""
        with self._lock:
            kept = self._kept.get(url)
            if kept is not None or url in self._failed:
                return kept
        if not self._fetching.acquire(blocking=False):  # nobody waits for a picture
            return None
        try:
            found = self._fetched(url)
        finally:
            self._fetching.release()
        with self._lock:
            if found is None:
                self._failed[url] = True
            else:
                self._kept[url] = found
        return found

    def _fetched(self, url: str) -> Picture | None:
        try:
            answer = self._dialer.get(url, LARGEST)
        except (AddressRefused, EndpointUnreachable) as fault:
            log.warning("picture_not_had", fault=fault.code())
            return None
        media_type = answer.media_type.partition(";")[0].strip().lower()
        if answer.status != 200 or media_type not in TYPES:  # noqa: PLR2004 - HTTP's "here it is"
            log.warning("picture_not_had", status=answer.status, media_type=media_type[:50])
            return None
        return Picture(answer.content, media_type)
