"""What was asked of Duitku and Thinkific for a payment, on its page: with everything that helps and nothing secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2
import pytest
from sqlalchemy.exc import IntegrityError
from tests.console.desk import joined
from tests.security.test_privacy import KEEP

from kelaspay import masked
from kelaspay.calls import ABOUT
from kelaspay.retention import tidy
from kelaspay.store import people
from kelaspay.store.calls import Call, add_call, calls_of

if TYPE_CHECKING:
    from tests.world import World

KEY = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
PERSONAL = ("siti@example.com", "Siti", "Rahmawati", "81234567890")


def asked(world: World, order_id: str) -> list[Call]:
    with world.database.read() as db:
        return calls_of(db, order_id)


def test_the_story_of_a_payment_shows_every_request_with_its_answer_and_no_secret(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay(payment_method="BC")
    world.thinkific.fail_next("POST", "/enrollments", "500", 1)
    world.work_for(hours=1)

    made = [(each.whom, each.method, each.path.rpartition("/")[2], each.status) for each in asked(world, order_id)]
    shown = joined(world).open(f"/console/payments/{order_id}")

    assert made[:3] == [
        ("duitku", "POST", "inquiry", 200),
        ("duitku", "POST", "transactionStatus", 200),
        ("thinkific", "POST", "users", 201),
    ]
    assert ("thinkific", "POST", "enrollments", 500) in made
    assert made.count(("thinkific", "POST", "enrollments", 201)) == 1
    assert world.status(order_id) == "completed"
    assert "Thinkific: POST /users" in shown
    assert "&#34;paymentAmount&#34;: 150000" in shown
    kept = repr(asked(world, order_id))
    settings = world.outside.settings
    assert settings.duitku_api_key is not None
    assert settings.thinkific_api_key is not None
    secrets = (settings.duitku_api_key.get_secret_value(), settings.thinkific_api_key.get_secret_value())
    assert [each for each in (*secrets, *PERSONAL, "/webhooks/") if each in kept] == []
    assert '"signature": "•••"' in kept


def test_a_request_that_got_no_answer_says_so(embedded: World) -> None:
    with pytest.raises(httpx2.ConnectError):
        embedded.outside.http.post("http://nowhere.test/api/public/v1/users", extensions={ABOUT: "KP-1"})
    embedded.sell()

    assert [(each.status, each.answer) for each in asked(embedded, "KP-1")] == [(None, "ConnectError")]


def test_what_looks_like_a_key_an_address_or_a_number_is_kept_out_of_what_is_said_in_words() -> None:
    said = {"message": f"{KEY} of budi@example.com, +62 812-3456-789 for KP261123-abcdefghijklmnop", "token": KEY}

    kept = masked.body(json.dumps(said).encode(), "application/json") or ""

    assert json.loads(kept) == {"message": "••• of •••, ••• for KP261123-abcdefghijklmnop", "token": "•••"}
    assert masked.body(b"<html>1.2.3.4</html>", "text/html; charset=utf-8") == "(text/html, 20 bytes)"
    assert (
        masked.body(json.dumps({"message": "a\0b\ud800"}).encode(), "application/json") == '{"message": "a\\u0000b?"}'
    )
    assert masked.address("/users", [("query[email]", "siti@example.com")]) == "/users?query[email]=•••"


def test_what_was_asked_goes_with_the_buyers_data_and_with_time(world: World) -> None:
    world.sell()
    first, second = world.buy(), world.buy(customer_email="budi@example.com")

    with world.database.begin() as db:
        people.forget_person(db, None, "siti@example.com", world.clock(), "operator")
    assert {(each.asked, each.answer) for each in asked(world, first)} == {(None, None)}
    assert asked(world, second)[0].asked is not None
    world.clock.move(days=91)
    tidy(database=world.database, keep=KEEP, now=world.clock)

    assert asked(world, second) == []


def test_what_cannot_be_kept_is_dropped_and_stands_in_nobodys_way(world: World) -> None:
    world.sell()

    def broken(db: object) -> None:
        add_call(db, Call(None, world.clock(), "duitku", "POST", "/", None, 200, None, 1))  # type: ignore[arg-type]  # that it is wrong is the point

    world.database.with_next_commit(broken)
    with pytest.raises(IntegrityError):
        world.sync()
    order_id = world.buy_and_pay()
    world.work()

    assert world.status(order_id) == "completed"
    assert asked(world, order_id) != []
