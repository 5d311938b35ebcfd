"""Stories of many callbacks at once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kelaspay.inbox import Inbox
from kelaspay.store import arrivals, inbox
from kelaspay.store.database import LOG_PAGES
from kelaspay.store.inbox import Event
from tests.world import world_on

if TYPE_CHECKING:
    from tests.world import World

MANY = 5_000
LONGEST_LOG = 2 * LOG_PAGES * 4096
"""Twice the pages after which SQLite copies its log, for the group that is on the way then."""


def events(world: World, count: int) -> list[Event]:
    body = b"merchantOrderId=KP-1&resultCode=00"
    return [
        Event("duitku", f"{n:064}", f"KP-{n}", None, "00", None, 150_000, "text/plain", body, world.clock())
        for n in range(count)
    ]


async def keep_all(keeper: Inbox, rush: list[Event]) -> None:
    await asyncio.gather(*(keeper.keep(event) for event in rush))


def test_sqlites_log_stays_short_while_callbacks_rush_in(embedded: World) -> None:
    """What came in is copied from the log into the file now and then, or each start would have to read all of it."""
    keeper = Inbox(embedded.database, embedded.clock)
    rush = [event._replace(body=b"x" * 1_100) for event in events(embedded, MANY)]
    asyncio.run(keep_all(keeper, rush[: MANY // 2]))
    asyncio.run(keep_all(keeper, rush[MANY // 2 :]))
    log = Path(embedded.database.url.removeprefix("sqlite:///") + "-wal")

    written = log.stat().st_size
    keeper.close()

    assert len(rush) * 1_100 > 2 * LONGEST_LOG
    assert written < LONGEST_LOG


@pytest.mark.parametrize("count", [31, 32, 33, 64, 65])
def test_every_one_of_a_rush_is_answered_once_it_is_kept(world: World, count: int) -> None:
    rush = events(world, count)
    asyncio.run(asyncio.wait_for(keep_all(world.inbox, rush), 5))
    world.work()
    asyncio.run(asyncio.wait_for(keep_all(world.inbox, rush), 5))
    world.work()

    found = world.events()

    assert (len(found), {event.repeats for event in found}) == (count, {1})


def test_what_comes_again_while_it_is_looked_at_once_more_stays_one_event(world: World) -> None:
    """An operator opens an event again, and before it is looked at Duitku repeats it."""
    [event] = events(world, 1)
    asyncio.run(world.inbox.keep(event))
    world.work()
    [first] = world.events()
    with world.database.begin() as db:
        inbox.reopen(db, first.id)
    asyncio.run(world.inbox.keep(event))

    world.work()

    assert [(each.id, each.repeats, each.outcome) for each in world.events()] == [(first.id, 1, "unknown_order")]


def test_a_repeat_that_is_set_aside_before_it_is_looked_at_is_one_with_the_first(world: World) -> None:
    [event] = events(world, 1)
    asyncio.run(world.inbox.keep(event))
    world.work()
    asyncio.run(world.inbox.keep(event))
    first, again = world.events()

    with world.database.begin() as db:
        assert arrivals.set_aside(db, again.id, world.clock())

    assert [(each.id, each.repeats, each.outcome) for each in world.events()] == [(first.id, 1, "ignored")]
    with world.database.begin() as db:
        assert not arrivals.set_aside(db, again.id, world.clock())


def test_two_processes_that_take_the_same_event_at_once_make_one_of_it(
    postgres_url: str, fresh_redis: str, tmp_path: Path
) -> None:
    """The second waits for the first's commit, finds that it was the same, and looks once more."""
    with world_on(tmp_path, postgres_url, fresh_redis) as world, ThreadPoolExecutor(1) as pool:
        [event] = events(world, 1)
        asyncio.run(keep_all(world.inbox, [event, event]))
        first, _again = world.events()
        with world.database.begin() as db:
            [mine] = inbox.waiting(db, 1)
            inbox.take(db, mine, None, "unknown_order", world.clock())
            second = pool.submit(world.hand_over)
            while not stands_in_line(world):
                assert not second.done()
        assert second.result(timeout=10) == 1

        assert [(each.id, each.repeats) for each in world.events()] == [(first.id, 1)]


def stands_in_line(world: World) -> bool:
    """Whether a session of this database waits for another's lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with world.database.read() as db:
        return bool(db.exec_driver_sql(asked).scalar_one())
