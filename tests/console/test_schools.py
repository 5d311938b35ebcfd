"""Who belongs to one school sees nothing of another's, by any address that the console has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.console.desk import Desk, joined
from tests.console.test_doors import CLOSED
from tests.console.test_work import event_of
from tests.databases import ON_SQLITE
from tests.world import OFFER

from kelaspay.store import messages, operators, schools
from kelaspay.store.operators import Role

if TYPE_CHECKING:
    from tests.world import World

OTHER = "sekolah-lain"
SITI = "siti@example.com"
OWN = {
    ("POST", "/console/sign-out"),
    ("GET", "/console/password"),
    ("POST", "/console/password"),
    ("GET", "/console/school"),
}
"""Of the operator alone: these hold nothing of any school."""


@pytest.fixture
def ids(world: World) -> dict[str, object]:
    """Something of the first school for every name that an address can hold."""
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    world.sync()
    owner = joined(world)
    owner.open("/console/coupons")
    owner.press("/console/coupons", code="RAHASIA", takes="5%")
    owner.open("/console/keys")
    owner.press("/console/keys", name="RAHASIA")
    owner.open("/console")
    with world.database.begin() as db:
        schools.put_credentials(db, OTHER, "elsewhere", {"merchant_code": "D0001"}, world.clock())
        message = messages.list_messages(db, order_id)[0]
        operator = operators.list_operators(db)[0]
    return {
        "order_id": order_id,
        "event_id": event_of(world, order_id),
        "slug": OFFER,
        "email": SITI,
        "code": "RAHASIA",
        "message_id": message.id,
        "operator_id": operator.id,
        "key_id": 1,
        "subdomain": "acme",
        "kind": "paid",
        "language": "id",
        "endpoint_id": "none",  # tests/webhooks_out has the schools' own
        "delivery_id": "1",
    }


@pytest.fixture
def stranger(world: World, ids: dict[str, object]) -> Desk:
    """An owner of another school: who may do everything, there."""
    assert ids
    return joined(world, email="tetangga@example.com", role=Role.OWNER, school=OTHER)


def filled(path: str, ids: dict[str, object]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: str(ids[found[1]]), path)


def names(path: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", path)) - {"kind", "language"}


def test_every_address_that_names_a_thing_of_another_school_says_that_there_is_none(
    world: World, ids: dict[str, object], stranger: Desk
) -> None:
    csrf = re.findall(r'name="csrf" value="(\w+)"', stranger.open("/console"))[0]
    before = world.kept()
    named = [(method, path) for method, path in CLOSED if names(path)]

    for method, path in named:
        sent = {"csrf": csrf, "sure": "yes", "reason": "x", "typed": SITI} if method == "POST" else None
        answer = stranger.web.request(method, filled(path, ids), data=sent, follow_redirects=False)

        assert answer.status_code == 404, (method, path)
    assert len(named) > 20
    assert world.kept() == before


@ON_SQLITE
def test_every_list_leaves_out_what_is_another_schools(world: World, ids: dict[str, object], stranger: Desk) -> None:
    csrf = re.findall(r'name="csrf" value="(\w+)"', stranger.open("/console"))[0]
    world.clock.move(minutes=1)
    stranger.open("/console")
    order_id = str(ids["order_id"])
    theirs = (order_id, SITI, "Siti Rahmawati", "Web Development Fundamentals", "RAHASIA", "ibu.pemilik@example.com")
    before = world.kept()
    asked = {"q": SITI, "order": order_id, "subject": order_id, "operator": "", "target": "Course:1"}
    sent = {"csrf": csrf, "sure": "yes", "order": order_id, "state": "dead", "fault": "course_unmapped"}

    for method, path in CLOSED:
        if names(path) or (method, path) in OWN:
            continue
        for action in ("recheck", "retry", "resend") if path.endswith("/several") else ("",):
            if method == "GET":
                answers = [stranger.web.get(filled(path, ids)), stranger.web.get(filled(path, ids), params=asked)]
            else:
                answers = [stranger.web.post(filled(path, ids), data=sent | {"action": action})]
            for answer in answers:
                told = re.sub(r"\?[^\"]*|value=\"[^\"]*\"", "", answer.text)  # what was asked for may stand there again

                assert answer.status_code < 500, (method, path)
                assert [word for word in theirs if word in told] == [], (method, path)
    changed = {name for name, rows in world.kept().items() if rows != before[name]}
    assert changed <= {"attempts", "audit", "sessions", "wordings", "preferences", "schools"}


def test_what_several_schools_have_is_chosen_between_by_who_sees_them_all(world: World, ids: dict[str, object]) -> None:
    desk = joined(world, email="pusat@example.com")

    everything = desk.open("/console/payments")
    desk.press("/console/school", key=f"={OTHER}")
    theirs = desk.open("/console/payments")
    desk.press("/console/school", key="=")
    own = desk.open("/console/payments")

    assert str(ids["order_id"]) in everything
    assert str(ids["order_id"]) not in theirs
    assert str(ids["order_id"]) in own


def test_who_belongs_to_a_school_cannot_choose_another_nor_let_somebody_in_there(world: World, stranger: Desk) -> None:
    stranger.open("/console/school?key==")
    listed = stranger.open("/console/payments")
    stranger.open("/console/settings")
    stranger.press("/console/settings/operators", email="teman@example.com", school="", role="owner")
    invited = stranger.text
    stranger.press("/console/settings/operators", email="ibu.pemilik@example.com", school="", role="owner")
    with world.database.read() as db:
        friend = operators.find_by_email(db, "teman@example.com")

    assert SITI not in listed
    assert "/console/invitation/" in invited
    assert friend is not None
    assert friend.school == OTHER
    assert stranger.status == 422
    assert "/console/invitation/" not in stranger.text


def test_a_school_is_given_its_keys_which_no_page_shows(world: World, stranger: Desk) -> None:
    stranger.open("/console/settings")
    stranger.press(
        "/console/settings/keys", merchant_code="D7777", duitku_api_key="kunci-duitku", thinkific_api_key="kunci-situs"
    )
    shown = stranger.open("/console/settings")
    with world.database.read() as db:
        kept = schools.find_credentials(db, OTHER)

    assert kept is not None
    assert kept.merchant_code == "D7777"
    assert "D7777" in shown
    assert "kunci-duitku" not in shown + str(kept)
    assert world.outside.schools.of(OTHER).duitku.merchant_code == "D7777"
