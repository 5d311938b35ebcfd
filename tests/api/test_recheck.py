"""A program asks Duitku by the API, no more often than Duitku bears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.api.client import Program

if TYPE_CHECKING:
    from tests.world import World


def test_a_program_asks_duitku_at_most_once_in_ten_seconds_about_a_payment(world: World) -> None:
    world.sell()
    order_id = world.buy()
    program = Program(world)
    unpaid = [program.post(f"/payments/{order_id}/recheck") for _ in range(3)]
    asks = world.duitku_asks()
    world.duitku.pay(order_id)
    world.clock.move(seconds=10)
    paid = program.post(f"/payments/{order_id}/recheck")

    assert [answer.json()["status"] for answer in (*unpaid, paid)] == ["pending", "pending", "pending", "paid"]
    assert (asks, world.duitku_asks()) == (1, 2)


def test_a_program_that_asks_often_does_not_make_the_callback_wait(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy()
    program = Program(embedded)
    for _ in range(8):
        program.post(f"/payments/{order_id}/recheck")
        embedded.clock.move(seconds=11)
    embedded.call_back(embedded.duitku.pay(order_id))
    embedded.work()

    assert embedded.status(order_id) == "completed"


def test_a_program_that_waits_as_long_as_it_was_told_is_not_sent_away_again(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy()
    program = Program(embedded)
    embedded.duitku.switches.rate_limit = 0  # so that Duitku blocks us for an hour
    program.post(f"/payments/{order_id}/recheck")
    embedded.duitku.switches.rate_limit = None
    embedded.clock.move(seconds=10.5)
    told = program.post(f"/payments/{order_id}/recheck")
    embedded.clock.move(seconds=int(told.headers["Retry-After"]))
    after = program.post(f"/payments/{order_id}/recheck")

    assert (told.status_code, after.status_code) == (503, 200)
