"""Every page of the console, for whom it opens, and what it may hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute
from tests.console.desk import joined
from tests.console.test_work import event_of
from tests.world import OFFER

from kelaspay.store import messages
from kelaspay.store.operators import Role
from kelaspay.web.console import routers

if TYPE_CHECKING:
    from tests.world import World

ROUTES = [
    (method, route.path)
    for router in routers
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
OPEN = {
    ("GET", "/console/language/{language}"),
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
    ("GET", "/console/sign-in/code"),
    ("POST", "/console/sign-in/code"),
    ("GET", "/console/invitation/{token}"),
    ("POST", "/console/invitation/{token}"),
}
OWNERS = {
    ("GET", "/console/customers/{email}/export"),
    ("GET", "/console/customers/{email}/erase"),
    ("POST", "/console/customers/{email}/erase"),
    ("POST", "/console/settings/test"),
    ("POST", "/console/settings/keys"),
    ("POST", "/console/webhooks/{endpoint_id}/enable"),
    ("POST", "/console/settings/operators"),
    ("GET", "/console/settings/operators/{operator_id}/remove"),
    ("POST", "/console/settings/operators/{operator_id}/remove"),
    ("GET", "/console/settings/operators/{operator_id}/second-factor"),
    ("POST", "/console/settings/operators/{operator_id}/second-factor"),
    ("POST", "/console/settings/second-factor"),
    ("GET", "/console/settings/schools/{subdomain}/revoke"),
    ("POST", "/console/settings/schools/{subdomain}/revoke"),
    ("GET", "/console/settings/texts"),
    ("GET", "/console/settings/texts/{kind}/{language}"),
    ("POST", "/console/settings/texts/{kind}/{language}"),
    ("GET", "/console/settings/texts/{kind}/{language}/default"),
    ("POST", "/console/settings/texts/{kind}/{language}/default"),
    ("GET", "/console/settings/times"),
    ("POST", "/console/settings/quiet"),
    ("POST", "/console/settings/retention"),
    ("GET", "/console/keys"),
    ("POST", "/console/keys"),
    ("GET", "/console/keys/{key_id}/revoke"),
    ("POST", "/console/keys/{key_id}/revoke"),
}
CLOSED = [route for route in ROUTES if route not in OPEN]


def filled(path: str, **ids: object) -> str:
    """The path with something in each of its places."""
    known = {
        "operator_id": 1,
        "key_id": 1,
        "slug": OFFER,
        "email": "siti@example.com",
        "subdomain": "acme",
        "code": "DOOR",
        "kind": "paid",
        "language": "id",
    } | ids
    return re.sub(r"\{(\w+)\}", lambda found: str(known.get(found[1], "x")), path)


def test_no_page_opens_to_whoever_is_not_signed_in(world: World) -> None:
    assert len(CLOSED) > 30
    for method, path in CLOSED:
        answer = world.web.request(method, filled(path), data={} if method == "POST" else None, follow_redirects=False)

        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/console/sign-in"), (method, path)


def test_no_form_does_anything_without_our_token(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)
    before = world.kept()

    for method, path in CLOSED:
        if method == "POST":
            answer = desk.web.post(filled(path, order_id=order_id), data={"csrf": "x", "reason": "x", "sure": "yes"})

            assert answer.status_code in {403, 422}, path
    assert world.kept() == before


def test_staff_are_kept_out_of_what_is_the_owners(world: World) -> None:
    world.sell()
    world.buy()
    joined(world)
    staff = joined(world, email="staf@example.com", role=Role.STAFF)
    staff.open("/console")
    csrf = re.findall(r'name="csrf" value="(\w+)"', staff.text)[0]

    refused = {
        (method, path)
        for method, path in CLOSED
        if path != "/console/sign-out"
        and staff.web.request(method, filled(path), data={"csrf": csrf} if method == "POST" else None).status_code
        == 403
    }

    assert refused == OWNERS


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_page_shows_without_script_and_within_its_policy(world: World, language: str) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    world.sync()
    desk = joined(world)
    desk.open("/console/coupons")
    desk.press("/console/coupons", code="DOOR", takes="5%")
    desk.open("/console/keys")
    desk.press("/console/keys", name="Toko web")
    desk.open(f"/console/language/{language}")
    event_id = event_of(world, order_id)
    with world.database.read() as db:
        message_id = messages.list_messages(db, order_id)[0].id

    for path in [path for method, path in CLOSED if method == "GET" and not path.endswith((".csv", "/export"))]:
        text = desk.open(filled(path, order_id=order_id, event_id=event_id, message_id=message_id))
        page = desk.page

        assert page is not None
        assert page.status_code == 200, path
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=", text), path
        assert len(re.findall(r"<h1", text)) == 1, path
        assert f'<html lang="{language}">' in text
        assert "SANDBOX" in text


def test_every_field_has_a_label(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    for path in [path for method, path in CLOSED if method == "GET" and not path.endswith((".csv", "/export"))]:
        text = desk.open(filled(path, order_id=order_id))
        labels = set(re.findall(r'<label for="([^"]+)"', text))
        for field in re.findall(r"<(?:input|select|textarea)([^>]*)>", text):
            inside_label = re.search(
                rf"<label[^>]*>[^<]*(?:<br>)?\s*<(?:input|select|textarea){re.escape(field)}>", text
            )
            named = re.search(r'id="([^"]+)"', field)

            assert (
                'type="hidden"' in field or "aria-label=" in field or inside_label or (named and named[1] in labels)
            ), (path, field)


def test_the_home_page_shows_what_is_left_to_set_up_and_what_was_sold(world: World) -> None:
    desk = joined(world)
    before = desk.open("/console")
    world.sell()
    world.sync()
    world.buy_and_pay()
    world.work()

    after = desk.open("/console")

    assert before.count('class="todo"') > after.count('class="todo"') == 1
    assert "Rp 150.000" in after
    assert "1 / 1" in after
    assert after.count('<rect class="bar"') == 30
