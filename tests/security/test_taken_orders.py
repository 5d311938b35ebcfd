"""Who knows somebody's e-mail address gets no hold of their orders, and cannot have them pay one of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.pages.browser import BUYER, choose, hidden, ordered
from tests.pages.test_me import ask, code_sent, enter, letters
from tests.pages.test_status import bought
from tests.world import OFFER, world_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import World


def test_who_types_in_anothers_address_gets_no_hold_of_their_order(world: World) -> None:
    world.sell()
    first = ordered(world)
    choose(world, first)
    thief = world.another_browser()
    form = hidden(thief.get(f"/buy/{OFFER}"))
    thief.post(f"/buy/{OFFER}", data=form | BUYER, follow_redirects=False)

    thief.post(f"/o/{first}/email", data={"customer_email": "maling@example.com"})

    assert "siti@example.com" not in thief.get(f"/o/{first}").text
    assert "siti@example.com" in world.web.get(f"/o/{first}").text


def test_an_order_that_somebody_else_made_with_the_address_is_not_what_its_owner_pays(world: World) -> None:
    world.sell()
    thief = world.another_browser()
    form = hidden(thief.get(f"/buy/{OFFER}"))
    trap = thief.post(f"/buy/{OFFER}", data=form | BUYER, follow_redirects=False).headers["location"].split("/")[2]

    assert ordered(world) != trap


def test_who_has_proved_the_address_takes_the_order_up_in_any_browser(world: World) -> None:
    world.sell()
    first = ordered(world)
    choose(world, first)
    letters(world)
    other = world.another_browser()
    ask(other)
    enter(other, code_sent(world))
    answer = other.post(f"/buy/{OFFER}", data=hidden(other.get(f"/buy/{OFFER}")) | BUYER, follow_redirects=False)

    assert answer.headers["location"] == f"/o/{first}"


def test_who_orders_in_anothers_name_is_not_let_in_to_what_that_one_buys_later(sqlite_url: str, tmp_path: Path) -> None:
    with world_on(tmp_path, sqlite_url, None, thinkific_sso=True) as world:
        world.sell()
        world.sell("Kelas kedua", slug="kedua")
        first = bought(world)
        world.work()
        before = world.web.get(f"/o/{first}/class", follow_redirects=False).headers["location"]
        world.buy_and_pay(offer="kedua")
        world.work()
        after = world.web.get(f"/o/{first}/class", follow_redirects=False).headers["location"]

    assert "jwt=" in before
    assert "jwt=" not in after
