"""Duitku taking its time while many buyers ask for an invoice: they wait for it, and nobody else does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.web.at_duitku import PLACES, Places
from tests.world import OFFER, WANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import httpx2

    from tests.world import World

FORM = {name: WANTED[name] for name in WANTED if name != "offer"} | {"key": "one"}
MORE_THAN_THREADS = 60
LONG = 20
"""Seconds after which somebody is said to wait for ever."""


class Slow:
    """The emulator behind a door that stays shut until it is opened."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._open = threading.Event()
        self._knocks = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._knocks.release()
        assert self._open.wait(3 * LONG)
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def open(self) -> None:
        self._open.set()

    def asked(self, times: int) -> bool:
        """Whether so many have come to the door, once they have."""
        return all(self._knocks.acquire(timeout=LONG) for _ in range(times))


@pytest.fixture
def slow(world: World) -> Iterator[Slow]:
    world.sell()
    made = Slow(world.duitku)
    world.hosts.put("duitku", made)
    yield made
    made.open()


def _buyer(world: World, number: int) -> httpx2.Response:
    return world.ask_to_buy(customer_email=f"siti{number}@example.com")


def test_a_slow_duitku_keeps_only_those_waiting_who_ask_it(world: World, slow: Slow) -> None:
    world.add_school()
    path = world.outside.schools.of("akademi").callback_url.removeprefix("https://pay.example.com")
    others: list[Callable[[], httpx2.Response]] = [
        lambda: world.web.get("/healthz"),
        lambda: world.web.get("/readyz"),
        lambda: world.web.get("/courses"),
        lambda: world.web.get("/console/sign-in"),
        lambda: world.web.post(f"/buy/{OFFER}", data=FORM, follow_redirects=False),
        lambda: world.web.post(path, data={}),
    ]
    with ThreadPoolExecutor(MORE_THAN_THREADS + len(others)) as people:
        buyers = [people.submit(_buyer, world, number) for number in range(MORE_THAN_THREADS)]
        assert slow.asked(PLACES)

        try:
            answers = [people.submit(each) for each in others]
            codes = [each.result(LONG).status_code for each in answers]
        finally:
            slow.open()
        bought = {each.result(LONG).status_code for each in buyers}

    assert codes == [200, 200, 200, 200, 303, 400]
    assert bought == {201}


def test_whoever_waits_too_long_for_a_place_at_duitku_is_told_to_come_again(world: World, slow: Slow) -> None:
    world.app.state.at_duitku = Places(1, patience=0.0)
    with ThreadPoolExecutor() as people:
        first = people.submit(_buyer, world, 1)
        assert slow.asked(1)

        second = _buyer(world, 2)
        slow.open()

    assert (second.status_code, second.json()["code"]) == (503, "duitku_unavailable")
    assert second.headers["Retry-After"]
    assert first.result(LONG).status_code == 201
    assert _buyer(world, 2).status_code == 201
