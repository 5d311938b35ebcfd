"""Stories of many callbacks at once."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kelaspay.inbox import UNCOPIED, Inbox
from kelaspay.store.database import SHORT_LOG
from kelaspay.store.inbox import Event

if TYPE_CHECKING:
    from tests.world import World

MANY = 3 * UNCOPIED


def events(world: World, count: int) -> list[Event]:
    body = b"merchantOrderId=KP-1&resultCode=00"
    return [
        Event("duitku", f"{n:064}", f"KP-{n}", None, "00", None, 150_000, "text/plain", body, world.clock())
        for n in range(count)
    ]


async def keep_all(inbox: Inbox, rush: list[Event]) -> None:
    await asyncio.gather(*(inbox.keep(event) for event in rush))


def kept(path: Path | str) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("SELECT count(*) FROM inbox").fetchone()[0])


def test_a_rush_is_copied_from_the_log_into_the_file_while_it_lasts(embedded: World, tmp_path: Path) -> None:
    inbox = Inbox(embedded.database, embedded.clock)
    asyncio.run(keep_all(inbox, events(embedded, MANY)))
    inbox.close()

    path = embedded.database.url.removeprefix("sqlite:///")
    without_log = shutil.copy(path, tmp_path / "without-log.db")

    assert kept(without_log) >= UNCOPIED
    assert kept(path) == MANY


def test_no_commit_copies_a_long_log_while_callbacks_come_in_a_few_at_a_time(embedded: World) -> None:
    inbox = Inbox(embedded.database, embedded.clock)
    came = events(embedded, 1_600)
    log = Path(embedded.database.url.removeprefix("sqlite:///") + "-wal")
    for first in range(0, len(came), 16):
        asyncio.run(keep_all(inbox, came[first : first + 16]))
    inbox.close()

    assert log.stat().st_size < 2 * SHORT_LOG * 4096


@pytest.mark.parametrize("count", [31, 32, 33, 64, 65])
def test_every_one_of_a_rush_is_answered_once_it_is_kept(world: World, count: int) -> None:
    rush = events(world, count)
    asyncio.run(asyncio.wait_for(keep_all(world.inbox, rush), 5))
    asyncio.run(asyncio.wait_for(keep_all(world.inbox, rush), 5))

    found = world.events()

    assert (len(found), {event.repeats for event in found}) == (count, {1})
