"""Who may ask Duitku at once. A request that does holds a thread for as long as Duitku takes, which may be a minute; so
they have some of the threads, and wait for one of those without a thread.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
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

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Raises `DuitkuUnavailable` when none is free in time."""
        await self._take()
        try:
            yield
        finally:
            self._places.release()

    async def _take(self) -> None:
        with suppress(anyio.WouldBlock):
            self._places.acquire_nowait()
            return
        try:
            with anyio.fail_after(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise DuitkuUnavailable("Too many are waiting for it.") from None


async def _asking(request: Request) -> AsyncIterator[None]:
    async with request.app.state.at_duitku.one():
        yield


async def _asking_for_its_page(request: Request) -> AsyncIterator[None]:
    if request.app.state.outside.settings.payment_page == "own":
        yield
        return
    async with request.app.state.at_duitku.one():
        yield


asks_duitku = Depends(_asking, scope="function")
"""For each route that asks Duitku while somebody waits for the answer."""
asks_for_its_page = Depends(_asking_for_its_page, scope="function")
"""For one that does so only where Duitku's own page is shown."""
