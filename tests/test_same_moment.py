"""Two who add the same in the same moment. On PostgreSQL: SQLite has one writer at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.client import Program
from tests.console.desk import joined
from tests.databases import BOTH
from tests.meanwhile import before_statement

if TYPE_CHECKING:
    from tests.world import World

pytestmark = pytest.mark.parametrize("urls", BOTH[1:], indirect=True)
OFFER = {"slug": "sql-dasar", "name": "SQL Dasar", "price": 99_000, "course_id": 7}
COUPON = {"code": "HEMAT", "takes": "20 %"}
STAFF = {"email": "staf@example.com", "name": "Staf", "role": "staff"}


def test_of_two_programs_that_add_an_offer_one_is_told_that_it_is_taken(world: World) -> None:
    program = Program(world)
    with before_statement(world, "INSERT INTO offers", lambda: program.post("/offers", OFFER)) as others:
        own = program.post("/offers", OFFER | {"price": 1_000})

    assert [each.status_code for each in (*others, own)] == [201, 409]
    assert own.json()["code"] == "offer_taken"
    assert program.get("/offers/sql-dasar").json()["price"] == OFFER["price"]


def test_of_two_operators_who_add_a_coupon_the_second_corrects_it(world: World) -> None:
    other, own = joined(world), joined(world, email="lain@example.com")
    for desk in (other, own):
        desk.open("/console/coupons")
    with before_statement(world, "INSERT INTO coupons", lambda: other.press("/console/coupons", **COUPON)):
        own.press("/console/coupons", **COUPON | {"takes": "30 %"})

    assert ("Kupon ditambahkan." in other.text, "Kupon diubah." in own.text) == (True, True)


def test_two_owners_who_invite_the_same_person_both_get_a_link(world: World) -> None:
    other, own = joined(world), joined(world, email="lain@example.com")
    for desk in (other, own):
        desk.open("/console/settings")
    there = "/console/settings/operators"
    with before_statement(world, "INSERT INTO operators", lambda: other.press(there, **STAFF)):
        own.press(there, **STAFF)

    assert [desk.text.count("/console/invitation/") for desk in (other, own)] == [1, 1]
