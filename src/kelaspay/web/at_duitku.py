"""Who may ask Duitku at once. A request that does holds a thread for as long as Duitku takes, which may be a minute; so
they have some of the threads, and wait for one of those without a thread.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from fastapi import Depends, Request

from kelaspay.faults import DuitkuUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLACES = 20
"""Half of the framework's threads."""
PATIENCE = 10.0
"""Seconds to wait for a place."""


class Places:
    def __init__(self, places: int = PLACES, *, patience: float = PATIENCE) -> None:
        self._places = anyio.CapacityLimiter(places)
        self._patience = patience

    async def take(self) -> None:
        """Raises `DuitkuUnavailable` when none is free in time."""
        with suppress(anyio.WouldBlock):
            self._places.acquire_nowait()
            return
        try:
            with anyio.fail_after(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise DuitkuUnavailable("Too many are waiting for it.") from None

    def give_back(self) -> None:
        self._places.release()


async def _place(request: Request) -> AsyncIterator[None]:
    places: Places = request.app.state.at_duitku
    await places.take()
    try:
        yield
    finally:
        places.give_back()


asks_duitku = Depends(_place, scope="function")
"""For each route that asks Duitku while somebody waits for the answer."""
