"""The bell that saves a run half a turn of the queue's loop, and who lets runs pass."""

from __future__ import annotations

import threading

from kelaspay.work.engine import Bell, Underway


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


def test_who_can_wait_does_until_the_last_run_is_over_and_no_longer_than_agreed() -> None:
    underway = Underway()
    passed = threading.Event()

    def wait() -> None:
        underway.let_pass(60)
        passed.set()

    underway.let_pass(60)
    with underway.executed("KP-1.1"):
        underway.let_pass(0)
        waiting = threading.Thread(target=wait, daemon=True)
        with underway.executed("KP-2.1"):
            waiting.start()
            assert underway.runs() == {"KP-1.1", "KP-2.1"}
        assert underway.runs() == {"KP-1.1"}
        assert not passed.is_set()

    assert passed.wait(30)
    assert underway.runs() == set()
