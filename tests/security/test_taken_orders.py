"""Who knows somebody's e-mail address gets no hold of their orders, and cannot have them pay one of theirs; and whose
address an order had by mistake keeps no hold of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kelaspay.correct import ask_to_correct, correct_email
from kelaspay.faults import MoveRefused
from kelaspay.web.signed import seal
from tests.pages.browser import BUYER, choose, hidden, ordered, text
from tests.pages.test_me import ask, code_sent, enter, letters
from tests.pages.test_paying import payment_of
from tests.pages.test_status import bought
from tests.test_change_email import give
from tests.world import OFFER, world_on

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

    from tests.world import World

MISTYPED, RIGHT, THIEF = "siti@example.com", "siti.rahma@example.com", "maling@example.com"


def proved(world: World, email: str = MISTYPED) -> TestClient:
    """Another browser, signed in with the code that went to the address."""
    letters(world)
    browser = world.another_browser()
    ask(browser, email)
    assert enter(browser, code_sent(world), email).url.path == "/me"
    return browser


def correct(browser: TestClient, public_id: str, email: str) -> httpx2.Response:
    return browser.post(f"/o/{public_id}/email", data={"customer_email": email})


def test_whose_address_an_order_had_by_mistake_cannot_take_it_back_once_it_is_corrected(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    stranger = proved(world)
    assert f'value="{MISTYPED}"' in stranger.get(f"/o/{public_id}/email").text

    correct(world.web, public_id, RIGHT)
    seen = [stranger.get(f"/o/{public_id}{page}").text for page in ("", "/email", "/method")]
    correct(stranger, public_id, THIEF)

    assert [RIGHT in page or "Siti" in page or f"/o/{public_id}/email" in page for page in seen] == [False] * 3
    assert public_id not in stranger.get("/me").text
    assert f'value="{RIGHT}"' in world.web.get(f"/o/{public_id}/email").text
    world.call_back(world.duitku.pay(payment_of(world, public_id).merchant_order_id))
    world.work()
    assert world.enrolled() == [(RIGHT, "Web Development Fundamentals")]


def test_nor_by_having_taken_the_order_up_at_the_order_form_before(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    stranger = proved(world)
    form = hidden(stranger.get(f"/buy/{OFFER}"))
    taken_up = stranger.post(f"/buy/{OFFER}", data=form | BUYER, follow_redirects=False)
    assert taken_up.headers["location"] == f"/o/{public_id}"

    correct(world.web, public_id, RIGHT)
    correct(stranger, public_id, THIEF)

    assert RIGHT not in stranger.get(f"/o/{public_id}").text
    assert f'value="{RIGHT}"' in world.web.get(f"/o/{public_id}/email").text


def test_nor_in_the_moment_in_which_it_is_corrected(embedded: World) -> None:
    embedded.sell()
    unpaid, paid = embedded.buy(), embedded.buy_and_pay()
    embedded.work()
    for order_id in (unpaid, paid):
        give(embedded, order_id, RIGHT)
    embedded.work()

    with pytest.raises(MoveRefused):
        correct_email(
            unpaid,
            THIEF,
            proved=MISTYPED,
            database=embedded.database,
            customers=embedded.outside.customers,
            now=embedded.clock,
        )
    with pytest.raises(MoveRefused):
        ask_to_correct(paid, THIEF, proved=MISTYPED, database=embedded.database, now=embedded.clock)


def test_whose_address_a_paid_order_was_given_away_from_has_no_part_in_it_any_more(
    sqlite_url: str, tmp_path: Path
) -> None:
    with world_on(tmp_path, sqlite_url, None, thinkific_sso=True) as world:
        world.sell()
        public_id = bought(world)
        world.work()
        stranger = proved(world)
        assert "Siti Rahmawati" in stranger.get(f"/o/{public_id}/receipt").text
        order_id = payment_of(world, public_id).merchant_order_id

        give(world, order_id, RIGHT)
        world.work()
        correct(stranger, public_id, THIEF)
        stranger.post(f"/me/resend/{public_id}")

        assert world.payment(order_id).attention is None
        assert "Siti Rahmawati" not in stranger.get(f"/o/{public_id}/receipt").text
        assert RIGHT not in stranger.get(f"/o/{public_id}").text
        assert "jwt=" not in stranger.get(f"/o/{public_id}/class", follow_redirects=False).headers["location"]
        assert THIEF not in {letter.to for letter in letters(world)}


def test_whoever_proves_the_address_that_it_has_now_sees_it_as_their_own(world: World) -> None:
    world.sell()
    public_id = ordered(world)
    choose(world, public_id)
    correct(world.web, public_id, RIGHT)

    assert f'value="{RIGHT}"' in proved(world, RIGHT).get(f"/o/{public_id}/email").text


def test_what_a_browser_was_given_under_the_former_cookie_opens_nothing(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    stranger = embedded.another_browser()
    kept = seal([public_id], key=embedded.outside.secret_key, purpose="orders")
    for name in ("__Host-orders", "__Host-made"):
        stranger.cookies.set(name, kept)
    correct(stranger, public_id, THIEF)

    assert "Perbaiki" not in text(stranger.get(f"/o/{public_id}"))
    assert f'value="{MISTYPED}"' in embedded.web.get(f"/o/{public_id}/email").text


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
