"""The table of who may call what, tried with everybody at every route."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from kelaspay.store.operators import Role
from tests.api.client import Program
from tests.console.desk import joined
from tests.security.matrix import in_the_table, of_the_service, routes_for
from tests.world import OFFER

if TYPE_CHECKING:
    import httpx2
    from starlette.testclient import TestClient

    from tests.security.matrix import Route
    from tests.world import World

SIGN_IN = "/console/sign-in"
ENVIRONMENTS = {"/console/settings/keys"}
"""Closed to all for the environment's school, whose keys are its variables."""
LEAVING = {"/console/sign-out", "/console/password", "/me/sign-out"}
"""Routes that end a session: tried by nobody who is needed afterwards."""


@pytest.fixture
def sold(embedded: World) -> World:
    embedded.sell()
    embedded.work()
    return embedded


def filled(path: str, **places: str) -> str:
    """The path with something in each of its places."""
    known = {"slug": OFFER, "email": "siti@example.com", "subdomain": "kelas", "name": "style.css", "kind": "svg"}
    return re.sub(r"\{(\w+)\}", lambda found: str((known | places).get(found[1], "x")), path)


def asked(browser: TestClient, route: Route, csrf: str = "", **places: str) -> httpx2.Response:
    method, path = route
    data = {"csrf": csrf} if method == "POST" else None
    return browser.request(method, filled(path, **places), data=data, follow_redirects=False)


def turned_away(answer: httpx2.Response) -> bool:
    return answer.status_code in {401, 403} or answer.headers.get("location", "").startswith(SIGN_IN)


def test_every_route_has_its_row_and_every_row_its_route(embedded: World) -> None:
    told = Counter(in_the_table())

    assert sorted(of_the_service(embedded.app) - set(told)) == []
    assert sorted(set(told) - of_the_service(embedded.app)) == []
    assert [route for route, times in told.items() if times > 1] == []


@pytest.mark.parametrize("who", ["staff", "owner"])
def test_nobody_and_no_buyer_gets_in_where_an_operator_must_sign_in(sold: World, who: str) -> None:
    order_id = sold.buy()
    buyer = sold.another_browser()
    buyer.get(f"/o/{sold.payment(order_id).public_id}")
    before = sold.kept()

    for browser in (sold.another_browser(), buyer):
        let_in = [route for route in routes_for(who) if not turned_away(asked(browser, route, order_id=order_id))]

        assert [route for route in let_in if route[1] != "/oauth/revoke"] == []
    assert sold.kept() == before


def test_staff_get_in_to_what_is_theirs_and_not_to_what_is_an_owners(sold: World) -> None:
    order_id = sold.buy()
    joined(sold)
    staff = joined(sold, email="staf@example.com", role=Role.STAFF)
    csrf = re.findall(r'name="csrf" value="(\w+)"', staff.open("/console"))[0]

    kept_out = [
        route
        for route in routes_for("staff")
        if route[1] not in LEAVING and turned_away(asked(staff.web, route, csrf, order_id=order_id))
    ]
    let_in = [
        route
        for route in routes_for("owner")
        if route[1] != "/oauth/revoke" and not turned_away(asked(staff.web, route, csrf, order_id=order_id))
    ]

    assert (kept_out, let_in) == ([], [])


def test_an_owner_gets_in_everywhere_in_the_console(sold: World) -> None:
    order_id = sold.buy()
    owner = joined(sold)
    csrf = re.findall(r'name="csrf" value="(\w+)"', owner.open("/console"))[0]
    wanted = [
        route for who in ("staff", "owner") for route in routes_for(who) if route[1] not in LEAVING | ENVIRONMENTS
    ]

    kept_out = [route for route in wanted if turned_away(asked(owner.web, route, csrf, order_id=order_id))]

    assert kept_out == []


def test_only_who_has_the_link_sees_an_order(sold: World) -> None:
    public_id = sold.payment(sold.buy()).public_id
    stranger = sold.another_browser()

    for guess in ("x", public_id[:-1] + "x", public_id.swapcase()):
        seen = [route for route in routes_for("link") if asked(stranger, route, public_id=guess).status_code != 404]
        assert seen == []
    assert asked(stranger, ("GET", "/o/{public_id}"), public_id=public_id).status_code in {200, 303}


def test_whoever_has_not_proved_an_address_has_nothing_sent_to_it(sold: World) -> None:
    public_id = sold.payment(sold.buy()).public_id
    before = sold.kept()["messages"]

    for route in routes_for("proved"):
        asked(sold.another_browser(), route, public_id=public_id)

    assert sold.kept()["messages"] == before


@pytest.mark.parametrize("route", routes_for("signed"), ids=lambda route: route[1])
def test_nothing_is_taken_from_who_does_not_sign(sold: World, route: Route) -> None:
    before = sold.kept()
    answers = [
        sold.web.post(filled(route[1]), content=body, headers={"Content-Type": kind})
        for body, kind in ((b"", "text/plain"), (b"{}", "application/json"), (b"merchantCode=x", "text/plain"))
    ]

    assert {answer.status_code for answer in answers} <= {400, 404}
    assert sold.kept() == before


@pytest.mark.parametrize("role", [Role.STAFF, Role.OWNER])
def test_for_an_operator_of_another_school_nothing_of_this_one_is_there(sold: World, role: Role) -> None:
    order_id = sold.buy()
    sold.add_school("akademi")
    joined(sold)
    stranger = joined(sold, email="lain@example.com", role=role, school="akademi")
    csrf = re.findall(r'name="csrf" value="(\w+)"', stranger.open("/console"))[0]
    before = sold.kept()["payments"], sold.kept()["offers"], sold.kept()["customers"]
    about_one = [
        route
        for who in ("staff", "owner")
        for route in routes_for(who)
        if any(place in route[1] for place in ("{order_id}", "{slug}", "{email}"))
    ]

    said = {route: asked(stranger.web, route, csrf, order_id=order_id).status_code for route in about_one}

    assert {route: status for route, status in said.items() if status not in {403, 404}} == {}
    assert (sold.kept()["payments"], sold.kept()["offers"], sold.kept()["customers"]) == before


def test_who_has_no_token_measures_nothing(sold: World) -> None:
    assert {asked(sold.another_browser(), route).status_code for route in routes_for("token")} <= {401, 404}


def test_a_key_opens_no_page_and_a_session_opens_no_api(sold: World) -> None:
    program, owner = Program(sold).web, joined(sold)
    program.headers["Authorization"] = f"Bearer {Program(sold, name='another').key}"
    pages = [route for who in ("staff", "owner") for route in routes_for(who) if route[1] != "/oauth/revoke"]
    api = [route for route in in_the_table() if route[1].startswith("/api/v1")]

    assert [route for route in pages if not turned_away(asked(program, route))] == []
    assert [route for route in api if asked(owner.web, route).status_code not in {401, 415}] == []
