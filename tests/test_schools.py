"""Two schools in one deployment: their orders, keys, users, catalogues and limits never mix."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from kelaspay.catalogue import sync, sync_all
from kelaspay.faults import InvalidInput
from kelaspay.payment import Offer, Rupiah, Status
from kelaspay.schools import Keys, keep_school
from kelaspay.store import enrollments, offers
from kelaspay.store.tables import schools
from tests.databases import once_on_a_server
from tests.shell import shell
from tests.test_oauth import CLIENT, REDIRECT, SITE, back, begun, consented
from tests.world import COURSE, MERCHANTS, OFFER, WANTED, World, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kelaspay_emulators.thinkific import Course
    from kelaspay_emulators.thinkific.school import School as ThinkificSchool

__all__ = ["shell"]

OTHER = "akademi"
OTHER_OFFER = "budi-fundamentals"


def sell_at(world: World, there: ThinkificSchool, slug: str = OTHER_OFFER, name: str = COURSE) -> Course:
    """An offer of the second school."""
    course = there.add_course(name)
    world.offer(slug, name, course_id=course.id, product_id=course.product_id, school=there.subdomain)
    return course


@pytest.fixture
def two(world: World) -> World:
    """Both schools sell a course of the same name to the same people."""
    world.sell()
    sell_at(world, world.add_school())
    return world


def other(world: World) -> ThinkificSchool:
    return world.thinkific.schools[OTHER]


def test_the_same_person_buys_at_both_schools_and_is_in_both_courses(two: World) -> None:
    here, there = two.buy_and_pay(), two.buy_and_pay(offer=OTHER_OFFER)

    two.work()

    assert [two.status(order_id) for order_id in (here, there)] == ["completed", "completed"]
    assert two.enrolled() == [("siti@example.com", COURSE)]
    assert other(two).enrolled() == [("siti@example.com", COURSE)]
    assert [two.duitku.orders[each].merchant_code for each in (here, there)] == list(MERCHANTS)
    assert [two.payment(each).school for each in (here, there)] == ["", OTHER]
    assert len(two.thinkific.school.external_orders) == len(other(two).external_orders) == 1


def test_each_order_tells_duitku_the_address_of_its_own_school(two: World) -> None:
    here, there = two.buy(), two.buy(offer=OTHER_OFFER)

    assert two.called_back_at(here) == "/webhooks/duitku"
    assert two.called_back_at(there).startswith("/webhooks/duitku/")
    assert len(two.called_back_at(there).rpartition("/")[2]) >= 16


def test_another_schools_key_never_verifies_a_callback(two: World) -> None:
    here, there = two.buy(), two.buy(offer=OTHER_OFFER)
    own, others = two.duitku.pay(here), two.duitku.pay(there)

    swapped = [two.call_back(own, two.called_back_at(there)), two.call_back(others, two.called_back_at(here))]
    two.work()

    assert [answer.status_code for answer in swapped] == [400, 400]
    assert two.refused() == {"wrong_merchant": 2}
    assert [two.status(order_id) for order_id in (here, there)] == ["pending", "pending"]


def test_a_school_that_signs_for_another_schools_order_moves_nothing(two: World) -> None:
    """It knows its own key and its own address, and the order's id from a status page."""
    here, there = two.buy(), two.buy(offer=OTHER_OFFER)
    [merchant_code, api_key] = list(MERCHANTS.items())[1]
    form = two.duitku.pay(here) | {"merchantCode": merchant_code}
    signed = f"{merchant_code}{form['amount']}{here}"
    form["signature"] = hmac.new(api_key.encode(), signed.encode(), hashlib.sha256).hexdigest()

    answer = two.call_back(form, two.called_back_at(there))
    two.work()

    assert answer.status_code == 200
    assert [(event.school, event.outcome) for event in two.events()] == [(OTHER, "other_school")]
    assert two.duitku_asks() == 0
    assert two.status(here) == "pending"


def test_forged_receipts_of_another_school_do_not_make_a_payment_look_paid_twice(two: World) -> None:
    here, there = two.buy_and_pay(), two.buy(offer=OTHER_OFFER)
    [merchant_code, api_key] = list(MERCHANTS.items())[1]
    form = two.duitku.callback_form(here) | {"merchantCode": merchant_code, "publisherOrderId": "forged"}
    signed = f"{merchant_code}{form['amount']}{here}"
    form["signature"] = hmac.new(api_key.encode(), signed.encode(), hashlib.sha256).hexdigest()

    two.call_back(form, two.called_back_at(there))
    two.work()

    assert two.payment(here).attention is None
    assert two.status(here) == "completed"


def test_an_address_that_is_no_schools_answers_404(two: World) -> None:
    form = two.duitku.pay(two.buy())

    assert two.call_back(form, "/webhooks/duitku/no-such-school").status_code == 404
    assert two.web.post("/webhooks/thinkific/no-such-school", content=b"{}").status_code == 404
    assert two.call_back(form, "/webhooks/duitku/%00").status_code == 404
    assert two.web.get("/webhooks/duitku/no-such-school").status_code == 405


def test_a_course_is_mapped_by_name_in_its_own_schools_catalogue(world: World) -> None:
    there = world.add_school()
    here, yonder = world.thinkific.school.add_course(COURSE), there.add_course(COURSE)
    world.offer(OFFER, COURSE)
    world.offer(OTHER_OFFER, COURSE, school=OTHER)
    for key in world.outside.schools.selling():
        sync(school=world.outside.schools.of(key))
    orders = [world.buy_and_pay(), world.buy_and_pay(offer=OTHER_OFFER)]

    world.work()

    assert [world.payment(order_id).course_id for order_id in orders] == [here.id, yonder.id]
    assert (world.enrolled(), there.enrolled()) == ([("siti@example.com", COURSE)],) * 2


def test_copying_one_catalogue_takes_nothing_from_the_other(world: World) -> None:
    there = world.add_school()
    world.thinkific.school.add_course("Python dari Dasar")
    there.add_course("Fotografi")
    world.sync()
    world.clock.move(hours=1)

    sync(school=world.outside.schools.of(OTHER))

    with world.database.read() as db:
        listed = [[each.name for each in offers.list_products(db, key)] for key in ("", OTHER)]
    assert listed == [["Python dari Dasar"], ["Fotografi"]]


def test_a_school_that_cannot_be_copied_holds_no_other_up(world: World) -> None:
    there = world.add_school()
    world.thinkific.school.add_course("Python dari Dasar")
    there.add_course("Fotografi")
    keep(world, OTHER, Keys(thinkific_api_key=SecretStr("0" * 32)))

    counts = sync_all([OTHER, ""], world.outside.schools.of)

    assert counts == {"": 1}


def test_a_product_that_cannot_be_read_holds_up_its_own_school_alone(world: World) -> None:
    there = world.add_school()
    world.thinkific.school.add_course("Python dari Dasar")
    there.products[there.add_course("Fotografi").product_id].orphaned = True

    counts = sync_all([OTHER, ""], world.outside.schools.of)

    assert counts == {"": 1}


def test_users_with_the_same_address_are_different_people_to_thinkific(two: World) -> None:
    two.buy_and_pay()
    two.buy_and_pay(offer=OTHER_OFFER)

    two.work()

    with two.database.read() as db:
        known = [enrollments.known_user(db, key, "siti@example.com")[0] for key in ("", OTHER)]
    assert known == [next(iter(two.thinkific.school.users)), next(iter(other(two).users))]


def test_a_purchase_at_one_school_is_no_access_at_the_other(two: World) -> None:
    two.buy_and_pay()
    two.work()

    answer = two.web.post(
        f"/buy/{OTHER_OFFER}", data=WANTED | {"customer_email": "siti@example.com"}, follow_redirects=False
    )

    assert answer.status_code == 303


def test_a_schools_closed_gate_holds_no_other_school_up(two: World) -> None:
    two.outside.schools.gate().close(time.time() + 300)
    held_up, at_once = two.buy_and_pay(), two.buy_and_pay(offer=OTHER_OFFER)

    two.work()

    assert [two.status(order_id) for order_id in (held_up, at_once)] == ["paid", "completed"]


def test_a_school_whose_merchant_is_refused_does_not_stop_the_other_from_being_asked_after(two: World) -> None:
    here, there = two.buy(), two.buy(offer=OTHER_OFFER)
    for order_id in (here, there):
        two.duitku.pay(order_id)
    keep(two, OTHER, Keys(duitku_api_key=SecretStr("a wrong key")))
    two.clock.move(hours=2)

    two.reconcile()
    two.work()

    assert two.status(here) == "completed"
    assert two.status(there) == "pending"


def test_a_payment_whose_schools_duitku_key_was_refused_goes_on_as_soon_as_it_has_another(two: World) -> None:
    order_id = two.buy_and_pay(offer=OTHER_OFFER)
    two.duitku.switches.accept = set()
    two.work_for(days=2)
    before = two.status(order_id)
    two.duitku.switches.accept = {"hmac"}

    keep(two, OTHER, Keys(duitku_api_key=SecretStr(MERCHANTS["D0002"])))
    two.work()

    assert before == "pending"
    assert two.status(order_id) == "completed"


def test_a_payment_waits_while_its_school_has_no_keys_and_goes_on_when_it_has_them(two: World) -> None:
    order_id = two.buy_and_pay(offer=OTHER_OFFER)
    merchant_code = list(MERCHANTS)[1]
    with two.database.begin() as db:
        db.execute(schools.update().values(merchant_code=None))
    two.work_for(days=3)

    assert two.status(order_id) == "pending"
    keep(two, OTHER, Keys(merchant_code))
    two.work()
    assert two.payment(order_id).status is Status.COMPLETED


def test_a_slug_belongs_to_one_school(two: World) -> None:
    with pytest.raises(InvalidInput), two.database.begin() as db:
        offers.put_offer(db, Offer(OFFER, "Mine now", Rupiah(1), school=OTHER), two.clock())

    assert two.web.get(f"/buy/{OFFER}").status_code == 200


def test_pages_and_receipts_name_the_school_that_sells(two: World) -> None:
    page = two.web.get(f"/buy/{OTHER_OFFER}")

    assert "Akademi Budi" in page.text
    assert "https://akademi.thinkific.com" in page.headers["Content-Security-Policy"]
    assert "Akademi Budi" not in two.web.get(f"/buy/{OFFER}").text


def test_a_school_shows_its_own_offers_alone(two: World) -> None:
    listed = [two.web.get("/courses", params=asked).json() for asked in ({}, {"school": OTHER})]
    pages = [two.web.get("/", params=asked).text for asked in ({}, {"school": OTHER})]

    assert [[each["slug"] for each in found] for found in listed] == [[OFFER], [OTHER_OFFER]]
    assert [(f"/buy/{OFFER}" in page, f"/buy/{OTHER_OFFER}" in page) for page in pages] == [
        (True, False),
        (False, True),
    ]
    for nowhere in ("nowhere", "\0", "a b", "AKADEMI", "akademi\n"):
        assert [two.web.get(path, params={"school": nowhere}).status_code for path in ("/", "/courses")] == [404, 404]


def webhook(world: World, there: ThinkificSchool, topic: str, payload: dict[str, Any], key: str, path: str) -> int:
    resource, action = topic.split(".")
    envelope = {"id": topic + path, "resource": resource, "action": action, "payload": payload}
    body = json.dumps(envelope | {"tenant_global_id": there.gid}).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return world.web.post(path, content=body, headers={"X-Thinkific-Hmac-Sha256": signature}).status_code


def test_what_thinkific_tells_of_one_school_changes_nothing_at_the_other(two: World) -> None:
    two.buy_and_pay()
    theirs = two.buy_and_pay(offer=OTHER_OFFER)
    two.work()
    there = other(two)
    path = urlsplit(two.outside.schools.of(OTHER).webhook_url).path
    found = two.enrollment(theirs)
    assert found is not None
    payload = {"user": {"id": found.user_id}, "course": {"id": found.course_id}, "percentage_completed": "0.5"}

    foreign = webhook(two, there, "enrollment.progress", payload, two.thinkific.school.api_key, path)
    before = two.enrollment(theirs)
    elsewhere = webhook(two, there, "enrollment.progress", payload, two.thinkific.school.api_key, "/webhooks/thinkific")
    two.work()
    not_theirs = two.enrollment(theirs)
    own = webhook(two, there, "enrollment.progress", payload, there.api_key, path)
    two.work()
    after = two.enrollment(theirs)

    assert (foreign, elsewhere, own) == (400, 200, 200)
    assert before is not None
    assert not_theirs is not None
    assert after is not None
    assert (before.percentage_completed, not_theirs.percentage_completed) == (None, None)
    assert after.percentage_completed == "0.5"


@pytest.fixture
def connected(urls: tuple[str, str | None], tmp_path: Path) -> Iterator[World]:
    """The environment's school has its API key; a second one connects by OAuth."""
    more: dict[str, Any] = {
        "thinkific_client_id": CLIENT[0],
        "thinkific_client_secret": CLIENT[1],
        "thinkific_site_url": SITE,
    }
    with world_on(tmp_path, *urls, **more) as world:
        world.thinkific.add_app(*CLIENT, [REDIRECT])
        yield world


def test_a_second_school_that_connects_by_oauth_sells_beside_the_first(connected: World) -> None:
    world = connected
    there = world.add_school(keyed=False)
    world.sell()
    sell_at(world, there)
    here, waiting = world.buy_and_pay(), world.buy_and_pay(offer=OTHER_OFFER)
    world.work()
    before = (world.status(here), world.status(waiting))

    back(world, consented(world, begun(world, OTHER)))
    world.work()

    assert before == ("completed", "paid")
    assert world.status(waiting) == "completed"
    assert there.enrolled() == [("siti@example.com", COURSE)]


def test_the_apps_webhooks_of_all_schools_come_in_at_one_address(connected: World) -> None:
    world = connected
    there = world.add_school(keyed=False)
    sell_at(world, there)
    back(world, consented(world, begun(world, OTHER)))
    order_id = world.buy_and_pay(offer=OTHER_OFFER)
    world.work()
    found = world.enrollment(order_id)
    assert found is not None
    payload = {"user": {"id": found.user_id}, "course": {"id": found.course_id}, "percentage_completed": "1.0"}

    status = webhook(world, there, "enrollment.completed", payload, CLIENT[1], "/webhooks/thinkific")
    world.work()

    after = world.enrollment(order_id)
    assert after is not None
    assert (status, after.percentage_completed) == (200, "1.0")


def test_thinkifics_administration_shows_how_the_school_stands(connected: World) -> None:
    entry = connected.thinkific.embedded_query(CLIENT[0])
    before = connected.web.get("/oauth/embedded", params=entry)
    back(connected, consented(connected, begun(connected)))
    after = connected.web.get("/oauth/embedded", params=entry)
    english = connected.web.get("/oauth/embedded", params=entry, headers={"Accept-Language": "en"})
    refused = connected.web.get("/oauth/embedded", headers={"Accept-Language": "en"})

    assert "kelas.thinkific.com is connected with Kelaspay" in english.text
    assert (refused.status_code, "Open it again from Thinkific" in refused.text) == (403, True)
    assert (before.status_code, after.status_code) == (200, 200)
    assert "Hubungkan sekolah Anda" in before.text
    assert "Sekolah terhubung" in after.text
    assert "frame-ancestors 'self' http://thinkific.test" in after.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("urls", "change"),
    once_on_a_server("subdomain", "tgid", "timestamp", "hmac", "stale", "nothing"),
    indirect=["urls"],
)
def test_an_entry_that_thinkific_did_not_make_just_now_is_refused_in_words(connected: World, change: str) -> None:
    entry = connected.thinkific.embedded_query(CLIENT[0])
    if change == "stale":
        connected.clock.move(minutes=11)
    elif change == "nothing":
        entry = {}
    else:
        entry[change] = {"subdomain": "akademi", "timestamp": str(int(entry["timestamp"]) + 1)}.get(change, "0" * 64)

    answer = connected.web.get("/oauth/embedded", params=entry)

    assert answer.status_code == 403
    assert "Buka lagi dari Thinkific" in answer.text


def keep(world: World, subdomain: str, keys: Keys) -> None:
    outside = world.outside
    keep_school(
        subdomain, keys, database=world.database, vault=outside.vault, start=world.engine.start, now=world.clock
    )


def test_a_school_cannot_say_that_another_took_the_app_off(connected: World) -> None:
    there = connected.add_school("tetangga")
    path = urlsplit(connected.outside.schools.of("tetangga").webhook_url).path
    victim = connected.thinkific.add_school(OTHER, "6" * 32)
    back(connected, consented(connected, begun(connected, OTHER)))

    status = webhook(connected, victim, "app.uninstalled", {"subdomain": OTHER}, there.api_key, path)
    connected.work()

    assert status == 200
    assert connected.web.get(f"/oauth/status/{OTHER}").json()["connected"] is True
    webhook(connected, victim, "app.uninstalled", {}, CLIENT[1], "/webhooks/thinkific")
    connected.work()
    assert connected.web.get(f"/oauth/status/{OTHER}").json()["connected"] is False
