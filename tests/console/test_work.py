"""Stories of what came in, of the work, and of the audit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.console.desk import joined
from tests.security.test_privacy import thinkific_says_of, tidied
from tests.test_callbacks import signed
from tests.world import COURSE, OFFER

from kelaspay.store import inbox
from kelaspay.store.audit import EVERYWHERE

if TYPE_CHECKING:
    from tests.world import World


def event_of(world: World, order_id: str) -> int:
    with world.database.read() as db:
        return int(inbox.list_events(db, merchant_order_id=order_id, limit=1)[0].id)


def test_a_callback_is_shown_raw_with_its_verification_step_by_step(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    listed = desk.open("/console/events?outcome=started&result=00&source=duitku")
    shown = desk.open(f"/console/events/{event_of(world, order_id)}")

    assert order_id in listed
    assert f"merchantOrderId={order_id}" in shown
    assert shown.count('pill ok"') == 6


def test_a_check_that_cannot_be_made_any_more_is_neither_passed_nor_failed(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)
    at = f"/console/events/{event_of(world, order_id)}"
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE inbox SET school = 'pergi'")
    without_keys = desk.open(at)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE inbox SET school = ''")
    world.clock.move(days=91)
    tidied(world)
    desk.sign_in()
    without_body = desk.open(at)

    assert [page.count("tidak diperiksa") for page in (without_keys, without_body)] == [3, 3]
    assert [page.count('pill ok"') for page in (without_keys, without_body)] == [3, 3]


def test_another_shops_order_of_the_same_merchant_is_not_offered_to_be_taken_up(world: World) -> None:
    world.call_back(signed("INV/2026/17"))
    world.work()
    desk = joined(world)
    event_id = event_of(world, "INV/2026/17")

    assert "/adopt" not in desk.open(f"/console/events/{event_id}")
    desk.open(f"/console/events/{event_id}/adopt")
    assert desk.status == 409


def test_an_event_for_an_order_that_is_not_ours_is_kept_and_listed(world: World) -> None:
    world.sell()
    order_id = world.buy()
    form = world.duitku.pay(order_id)
    world.call_back(form)
    desk = joined(world)

    waiting = desk.open("/console/events?outcome=waiting")
    world.work()
    none_waiting = desk.open("/console/events?outcome=waiting")

    assert order_id in waiting
    assert order_id not in none_waiting


def test_refused_callbacks_are_counted_with_their_reason(world: World) -> None:
    world.sell()
    form = world.duitku.pay(world.buy())
    for _ in range(3):
        world.call_back(form | {"signature": "0" * 64})
    world.inbox.flush_refusals()
    desk = joined(world)

    assert '#refused"><strong>3<' in desk.open("/console")
    assert "Tanda tangannya salah atau tidak ada." in desk.open("/console/events")


def test_a_callback_refused_at_a_schools_own_address_is_counted_for_that_school_alone(embedded: World) -> None:
    embedded.sell()
    embedded.add_school("akademi")
    embedded.offer("lain", "Kelas lain", school="akademi", course_id=1)
    order_id = embedded.buy(offer="lain")
    form = embedded.duitku.pay(order_id)
    path = embedded.called_back_at(order_id)
    for at in (path, path, "/webhooks/duitku", f"{path}x"):
        embedded.call_back(form | {"signature": "0" * 64}, at)
    embedded.inbox.flush_refusals()

    theirs, others = joined(embedded, school="akademi"), joined(embedded, email="utama@example.com", school="")
    everybody = joined(embedded, email="pusat@example.com")

    counted = {desk.open("/console").partition('#refused"><strong>')[2][0] for desk in (theirs,)}
    assert counted == {"2"}
    assert "Tanda tangannya salah" in theirs.open("/console/events")
    assert others.open("/console").partition('#refused"><strong>')[2][0] == "1"
    assert everybody.open("/console").partition('#refused"><strong>')[2][0] == "4"
    assert "Akademi Budi 2" in everybody.open("/console/events")


def test_a_webhook_of_thinkifics_is_shown_with_how_it_was_verified(embedded: World) -> None:
    thinkific_says_of(embedded, "user", "signin", "1", {"id": 7})
    desk = joined(embedded)

    shown = desk.open(f"/console/events/{embedded.events()[0].id}")

    assert "Tanda tangannya cocok saat diterima" in shown
    assert "bukan pembeli kita" in shown


def test_home_says_how_much_of_thinkifics_limit_is_left(world: World) -> None:
    world.sell()
    world.buy_and_pay()
    before = world.outside.schools.gate().left()
    world.work()
    with world.outside.schools.gate().turn(urgent=False):
        pass

    left = world.outside.schools.gate().left()
    shown = joined(world).open("/console")

    assert (before, left) == (600_000, 600_000 - len(world.thinkific_calls()) - 1)
    assert f"tersisa {left} dari 600000 per menit" in shown
    world.outside.schools.gate().close(time.time() + 30)
    assert world.outside.schools.gate().left() == 0


def test_an_event_is_processed_again_or_set_aside_with_a_reason(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    event_id = event_of(world, order_id)
    desk = joined(world)

    desk.open(f"/console/events/{event_id}")
    desk.press(f"/console/events/{event_id}/replay")
    handed_over = world.hand_over()
    desk.press(f"/console/events/{event_id}/ignore", reason="")
    refused = desk.status
    desk.open(f"/console/events/{event_id}")
    desk.press(f"/console/events/{event_id}/ignore", reason="Percobaan dari Duitku")

    assert handed_over == 1
    assert refused == 422
    assert "diabaikan" in desk.text
    assert len(world.enrolled()) == 1
    audit = desk.open("/console/audit")
    assert "Percobaan dari Duitku" in audit
    assert f"event {event_id}" in audit


def test_an_unknown_event_is_a_page_that_says_so(world: World) -> None:
    desk = joined(world)

    for event_id in ("1", "x", "99999999999999999999", "-1", "9" * 5000):
        assert "Peristiwa ini tidak ada." in desk.open(f"/console/events/{event_id}")
        assert desk.status == 404


@pytest.mark.parametrize("path", ["events", "audit", "messages", "webhooks"])
def test_a_page_that_no_list_has_is_its_first(embedded: World, path: str) -> None:
    desk = joined(embedded)
    first = desk.open(f"/console/{path}")

    for before in ("9" * 18, "9" * 19, "9" * 5000, "²", "-1", "x"):
        desk.open(f"/console/{path}?before={before}")
        assert desk.status == 200
    assert first.count("<h1>") == desk.text.count("<h1>")


@pytest.mark.parametrize("name", ["events/{}", "events/{}/adopt", "keys/{}/revoke", "settings/operators/{}/remove"])
@pytest.mark.parametrize("school", [EVERYWHERE, ""])
def test_a_number_that_nothing_can_have_is_no_error_of_ours(embedded: World, name: str, school: str) -> None:
    desk = joined(embedded, school=school)

    for number in ("9" * 18, "9" * 19, "9" * 30, "9" * 5000, "²"):
        desk.open(f"/console/{name.format(number)}")
        assert desk.status == 404, number


def test_work_that_is_tried_again_is_listed_with_its_fault_and_can_be_tried_now(world: World) -> None:
    world.sell()
    world.thinkific.fail_next("POST", "/users", "503", times=3)
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    listed = desk.open("/console/jobs?state=retrying")
    desk.press(f"/console/jobs/{order_id}/now")
    world.work_for(hours=1)

    assert order_id in listed
    assert "Thinkific sedang tidak menjawab." in listed
    assert world.status(order_id) == "completed"


def test_all_work_that_was_given_up_for_one_reason_is_tried_again_at_once(world: World) -> None:
    course = world.thinkific.school.add_course(COURSE)
    world.offer(OFFER, "Tidak dikenal")
    orders = [world.buy_and_pay(customer_email=f"buyer{number}@example.com") for number in range(3)]
    world.work()
    world.offer(OFFER, COURSE, course_id=course.id)
    desk = joined(world)

    listed = desk.open("/console/jobs?state=dead")
    asked = desk.press("/console/jobs/all")
    desk.press("/console/jobs/all")
    world.work()

    assert all(order_id in listed for order_id in orders)
    assert "Coba lagi 3 proses?" in asked
    assert {world.status(order_id) for order_id in orders} == {"completed"}


def test_the_audit_says_who_did_what_and_offers_no_way_to_change_it(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)
    desk.open(f"/console/payments/{order_id}/mark-paid")
    desk.press(f"/console/payments/{order_id}/mark-paid", reason="Tunai")

    text = desk.open(f"/console/audit?subject={order_id}&operator=ibu.pemilik")

    assert "Menandai lunas" in text
    assert "Tunai" in text
    assert desk.open("/console/audit?operator=nobody").count("<tr>") == 0
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert desk.web.request(method, "/console/audit", data={}).status_code == 405
