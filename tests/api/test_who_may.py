"""A key does what its scopes say, for its own school, on every route that there is."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from kelaspay.store.keys import Scope
from tests.api.client import Program
from tests.api.matrix import HOOK, PREFIX, ROUTES, Route, described, filled, things
from tests.world import OFFER

if TYPE_CHECKING:
    import httpx2

    from tests.world import World

OTHERS = "akademi"


@pytest.fixture
def two(embedded: World) -> World:
    """Two schools, each with an offer, a payment that was enrolled, its event, and where that is told."""
    embedded.sell()
    there = embedded.add_school(OTHERS)
    course = there.add_course("Akuntansi")
    embedded.offer("akuntansi", "Akuntansi", course_id=course.id, school=OTHERS)
    for school in ("", OTHERS):
        Program(embedded, school=school).post("/webhook_endpoints", HOOK)
    for slug in (OFFER, "akuntansi"):
        embedded.buy_and_pay(offer=slug)
    embedded.work()
    return embedded


def things_of(world: World, school: str) -> dict[str, str]:
    [payment] = Program(world, school=school).get("/payments").json()["data"]
    return things(world, payment["offer"], payment["merchant_order_id"])


def test_every_route_stands_in_the_table(embedded: World) -> None:
    assert sorted(described(embedded.app)) == sorted(route.name for route in ROUTES)


def test_every_route_describes_the_scope_that_it_asks_for(embedded: World) -> None:
    operations = described(embedded.app)

    assert {name: operation["security"] for name, operation in operations.items()} == {
        route.name: [{"ApiKey": [route.scope] if route.scope else []}] for route in ROUTES
    }


def test_a_route_lets_in_the_scope_that_it_asks_for_and_no_other(two: World) -> None:
    subsets = [scopes for count in range(1, len(Scope) + 1) for scopes in itertools.combinations(Scope, count)]
    programs = {scopes: Program(two, scopes) for scopes in subsets}
    own = things_of(two, "")
    refused = {}
    for route in ROUTES:
        for scopes, program in programs.items():
            answer = asked(program, route, own)
            assert answer.status_code < 500, (route.name, answer.text)
            refused[route.name, scopes] = answer.status_code == 403

    assert refused == {
        (route.name, scopes): route.scope is not None and route.scope not in scopes
        for route in ROUTES
        for scopes in subsets
    }


def test_no_route_lets_anybody_in_without_a_key(two: World) -> None:
    own, nobody = things_of(two, ""), Program(two)
    nobody.key = "kp_test_" + "a" * 32
    said = {route.name: asked(nobody, route, own).status_code for route in ROUTES}
    before = two.kept()
    without = {
        route.name: two.web.request(route.method, f"{PREFIX}{filled(route.path, own)}").status_code for route in ROUTES
    }

    assert set(said.values()) == set(without.values()) == {401}
    assert two.kept() == before


def test_another_schools_things_do_not_exist(two: World) -> None:
    programs = {school: Program(two, school=school) for school in ("", OTHERS)}
    own = {school: things_of(two, school) for school in programs}
    for program in programs.values():
        program.get("/key")  # its first use is written down
    before = two.kept()
    said = {
        (route.name, school): asked(program, route, own["" if school else OTHERS]).status_code
        for route in ROUTES
        if route.one
        for school, program in programs.items()
    }

    assert set(said.values()) == {404}, said
    assert two.kept() == before


def test_a_list_holds_ones_own_alone(two: World) -> None:
    own = {school: set(things_of(two, school).values()) for school in ("", OTHERS)}
    for route in ROUTES:
        for school in ("", OTHERS) if route.lists else ():
            rows = Program(two, school=school).get(route.path).json()["data"]
            named = {str(rows[0].get(key)) for key in ("slug", "merchant_order_id", "id")}

            assert len(rows) == 1, route.name
            assert named & own[school]
            assert not named & own["" if school else OTHERS] - own[school]


def asked(program: Program, route: Route, known: dict[str, str]) -> httpx2.Response:
    return program.ask(route.method, filled(route.path, known), json=filled(route.body, known))


def test_a_key_sells_its_own_schools_offers_alone(two: World) -> None:
    wanted = {"customer_name": "Budi", "customer_email": "b@example.com", "customer_phone": "0812-1111-2222"}
    own = Program(two).post("/payments", wanted | {"offer": OFFER})
    by_slug = Program(two).post("/payments", wanted | {"offer": "akuntansi"})
    by_name = Program(two).post("/payments", wanted | {"course_name": "Akuntansi"})
    taken = Program(two).post("/offers", {"slug": "akuntansi", "name": "Lain", "price": 1})

    assert [each.status_code for each in (own, by_slug, by_name, taken)] == [201, 422, 422, 409]
    assert by_slug.json()["errors"] == [{"field": "offer", "detail": "is not an offer of ours"}]
