"""Several processes deliver: nothing is lost, and nothing is sent by two at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from kelaspay.deliver import deliver
from kelaspay.store import deliveries
from kelaspay.work.herald import Herald
from tests.webhooks_out.receiver import deliver_due, now_is_real, outbox, receiving, states, tell

if TYPE_CHECKING:
    from tests.webhooks_out.receiver import Receiver
    from tests.world import World


ENDED = -1.0
"""Seconds of a lease that has run out: one of none would run on for what is left of SQLite's millisecond."""


@pytest.mark.usefixtures("ordered")
def test_a_process_that_dies_between_the_commit_and_the_delivery_loses_nothing(
    world: World, receiver: Receiver
) -> None:
    with world.database.read() as db:
        [row] = deliveries.due(db, world.clock(), 10)
    with world.database.begin() as db:
        assert deliveries.claim(db, row, ENDED, world.clock())  # and dies: its lease ends at once

    deliver_due(world)

    assert states(world) == [("order.created", "delivered", 2)]
    assert len(receiver.calls) == 1


@pytest.mark.usefixtures("ordered")
def test_many_processes_at_once_make_one_attempt(world: World, receiver: Receiver) -> None:
    with world.database.read() as db:
        [row] = deliveries.due(db, world.clock(), 10)
    receiver.gate = threading.Event()

    with ThreadPoolExecutor(6) as pool:
        made = [pool.submit(deliver, row, outbox(world)) for _ in range(6)]
        refused = [each for each in made if not each.done() or not each.result()]
        with world.database.read() as db:
            seen_by_others = deliveries.due(db, world.clock(), 10)
        receiver.gate.set()

    assert sorted(each.result() for each in made) == [False] * 5 + [True]
    assert refused
    assert len(receiver.calls) == 1
    assert [row.id for row in seen_by_others] in ([], [row.id])
    assert states(world) == [("order.created", "delivered", 1)]


@pytest.mark.usefixtures("ordered")
def test_one_who_was_paused_writes_nothing_over_the_attempt_that_followed(world: World) -> None:
    with world.database.read() as db:
        [row] = deliveries.due(db, world.clock(), 10)
    with world.database.begin() as db:
        deliveries.claim(db, row, ENDED, world.clock())
    deliver_due(world)

    with world.database.begin() as db:
        late = deliveries.write_down(db, row, state="failed", fault="too late")

    assert not late
    assert states(world) == [("order.created", "delivered", 2)]


def test_the_worker_delivers_and_a_slow_endpoint_holds_up_nobody(world: World, receiver: Receiver) -> None:
    now_is_real(world)
    world.sell()
    with receiving() as slow:
        slow.gate = threading.Event()
        tell(world, slow.url, "order.created")
        _, secret = tell(world, receiver.url, "order.created")
        for number in range(4):
            world.buy(customer_email=f"buyer{number}@example.com")
        all_told = threading.Event()
        results: list[str] = []

        def told(result: str) -> None:
            results.append(result)
            if len(receiver.calls) == 4:
                all_told.set()

        herald = Herald(outbox(world, told=told))
        herald.start()
        came = all_told.wait(20.0)
        under_way = len(slow.calls)
        slow.gate.set()
        herald.stop()

    assert came
    assert receiver.types(secret) == ["order.created"] * 4
    assert under_way <= 2
