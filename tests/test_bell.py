"""The bell that saves a run half a turn of the queue's loop."""

from __future__ import annotations

import threading

from kelaspay.work.engine import Bell


def test_a_ring_ends_one_wait_and_a_stop_ends_all() -> None:
    bell = Bell()
    bell.ring()

    assert bell.wait(60) is False
    assert bell.wait(0) is False
    bell.set()
    assert bell.wait(60) is True
    assert bell.wait(60) is True


def test_a_ring_reaches_whoever_waits_already() -> None:
    bell = Bell()
    ended = threading.Event()

    def loop() -> None:
        while not bell.wait(60):
            ended.set()

    waiting = threading.Thread(target=loop, daemon=True)
    waiting.start()
    bell.ring()

    assert ended.wait(30)
    bell.set()
    waiting.join(30)
    assert not waiting.is_alive()
