"""What a buyer had before an order, by none of ours, is theirs when the order's access ends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kelaspay.change_email import change_email
from kelaspay.revoke import ask_to_end
from kelaspay.store import payments
from kelaspay.thinkific import FOR_EVER
from tests.console.desk import joined
from tests.databases import once_on_a_server
from tests.pages.browser import text
from tests.pages.test_messages import deliver, rows
from tests.test_change_email import RIGHT
from tests.test_refunds import aimed_at, bought, refund, refunded
from tests.world import START, WANTED

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.payment import MerchantOrderId
    from kelaspay_emulators.thinkific import Course, Enrollment
    from tests.world import World

HAD = START + timedelta(days=100)
LONG_AGO = START - timedelta(days=300)
KEPT = "Akses yang sudah Anda miliki sebelumnya tetap berlaku."
BY_ANOTHER = "lewat pesanan Anda yang lain"


def had(
    world: World,
    course: Course,
    until: datetime | None = None,
    *,
    email: str = WANTED["customer_email"],
    activated_at: datetime | None = LONG_AGO,
) -> Enrollment:
    """An access that the school gave by hand."""
    school = world.thinkific.school
    user = school.user_by_email(email) or school.add_user(email, "Siti", "Rahmawati")
    return school.add_enrollment(user.id, course.id, activated_at=activated_at, expiry_date=until)


def in_the_bundle_before(world: World, until: datetime | None) -> tuple[Enrollment, list[Enrollment]]:
    """The bundle's own enrollment and its courses', given by hand; the bundle is on sale for 30 days."""
    school = world.thinkific.school
    courses = [school.add_course(name) for name in ("Satu", "Dua")]
    bundle = school.add_bundle("Paket", [each.id for each in courses])
    world.offer("paket", bundle.name, bundle_id=bundle.id, product_id=bundle.product_id, access_days=30)
    inside = [had(world, each, until) for each in courses]
    whole = school.add_bundle_enrollment(inside[0].user_id, bundle.id, activated_at=LONG_AGO, expiry_date=until)
    return whole, inside


def told(world: World, order_id: MerchantOrderId) -> str | None:
    """What the operator reads of how it ended."""
    with world.database.read() as db:
        [line] = [row for row in payments.read_story(db, order_id) if row.what == "revoked"]
    return None if line.text is None else str(line.text)


def page_of(world: World, order_id: MerchantOrderId) -> str:
    return text(world.web.get(f"/o/{world.payment(order_id).public_id}"))


@pytest.mark.parametrize(("urls", "until"), once_on_a_server(None, HAD), indirect=["urls"])
@pytest.mark.parametrize("access_days", [None, 30])
def test_a_refund_leaves_what_the_buyer_had_before(
    world: World, until: datetime | None, access_days: int | None
) -> None:
    there = had(world, world.sell(access_days=access_days), until)
    order_id = bought(world)
    with_it = there.expiry_date

    refunded(world, order_id)

    assert with_it == (None if until is None else FOR_EVER if access_days is None else until + timedelta(days=30))
    assert there.expiry_date == until
    assert told(world, order_id) == "the buyer had access before the order, so that stays" + (
        " until 2027-03-03" if until else ""
    )


def test_who_had_it_before_reads_so_and_of_no_other_order(world: World) -> None:
    had(world, world.sell(access_days=30), HAD)
    order_id = bought(world)
    refunded(world, order_id)
    page, later = page_of(world, order_id), deliver(world)
    (letter,) = [row.text for row in rows(world) if row.kind == "refunded_kept"]
    english = text(world.web.get(f"/o/{world.payment(order_id).public_id}", headers={"Accept-Language": "en"}))
    world.clock.move(days=101)

    assert KEPT in page
    assert "The access that you had before stays." in english
    assert "refunded_kept" in later
    assert "Akses yang Anda miliki di luar pesanan ini tetap berlaku." in letter
    assert not any(said in each for said in (BY_ANOTHER, "diakhiri") for each in (page, letter))
    assert "aksesnya sudah diakhiri" in page_of(world, order_id)


@pytest.mark.parametrize(("urls", "what"), once_on_a_server("refund", "end"), indirect=["urls"])
def test_the_operator_is_told_beforehand_what_stays(world: World, what: str) -> None:
    course = world.sell(access_days=30)
    had(world, course, HAD)
    with_it, without = bought(world), bought(world, customer_email="budi@example.com")
    desk = joined(world)

    pages = [desk.open(f"/console/payments/{each}/{what}") for each in (with_it, without)]

    said = "Akses yang sudah dimiliki pembeli sebelum pesanan ini tetap berlaku."
    assert [said in page for page in pages] == [True, False]


def test_access_that_alone_is_ended_leaves_what_was_there_before(world: World) -> None:
    there = had(world, world.sell(access_days=30), HAD)
    order_id = bought(world)
    ask_to_end(
        order_id, database=world.database, start=world.engine.start, now=world.clock, reason="x", actor="operator"
    )
    world.work()

    assert there.expiry_date == HAD
    assert "akses yang sudah Anda miliki sebelumnya tetap berlaku." in page_of(world, order_id)


@pytest.mark.parametrize(
    ("until", "activated_at"), [(None, None), (START - timedelta(days=3), LONG_AGO)], ids=["trial", "expired"]
)
def test_a_trial_or_an_access_that_is_over_is_none_from_before(
    world: World, until: datetime | None, activated_at: datetime | None
) -> None:
    there = had(world, world.sell(access_days=30), until, activated_at=activated_at)
    order_id = bought(world)
    refunded(world, order_id)

    assert there.expiry_date == world.clock() - timedelta(days=1)
    assert "aksesnya sudah diakhiri" in page_of(world, order_id)


def test_what_had_passed_by_itself_before_the_refund_is_over(world: World) -> None:
    there = had(world, world.sell(access_days=30), HAD)
    order_id = bought(world)
    world.clock.move(days=110)
    refunded(world, order_id)

    assert there.expiry_date == world.clock() - timedelta(days=1)
    assert told(world, order_id) is None


def test_a_refund_puts_nothing_off_that_ends_earlier_at_thinkific_since(world: World) -> None:
    there = had(world, world.sell(access_days=30))
    order_id = bought(world)
    there.expiry_date = START + timedelta(days=20)
    refunded(world, order_id)

    assert there.expiry_date == START + timedelta(days=20)
    assert told(world, order_id) == "the buyer had access before the order, so that stays until 2026-12-13"


def test_what_thinkific_has_ended_since_is_not_said_to_stay(world: World) -> None:
    there = had(world, world.sell(access_days=30))
    order_id = bought(world)
    there.expiry_date = START - timedelta(days=20)
    refunded(world, order_id)

    assert world.enrolled() == []
    assert told(world, order_id) is None
    assert "aksesnya sudah diakhiri" in page_of(world, order_id)


@pytest.mark.parametrize(("urls", "first"), once_on_a_server(0, 1), indirect=["urls"])
def test_what_was_there_before_two_orders_is_left_when_both_are_refunded(world: World, first: int) -> None:
    there = had(world, world.sell(access_days=30), HAD)
    orders = [bought(world), bought(world)]
    orders.insert(0, orders.pop(first))
    refunded(world, orders[0])
    covered = there.expiry_date
    by_another = page_of(world, orders[0])
    refunded(world, orders[1])

    assert covered == aimed_at(world, orders[1])
    assert BY_ANOTHER in by_another
    assert there.expiry_date == HAD
    assert all(KEPT in page_of(world, each) and BY_ANOTHER not in page_of(world, each) for each in orders)


def test_what_a_refunded_order_gave_is_no_access_from_before(world: World) -> None:
    course = world.sell(access_days=30)
    first, second = bought(world), bought(world)
    refund(world, first)
    third = bought(world)
    for each in (second, third):
        refunded(world, each)

    assert {each.course_id for each in world.thinkific.school.enrollments.values()} == {course.id}
    assert world.enrolled() == []


def test_what_a_bundle_of_ours_gave_is_no_access_from_before(world: World) -> None:
    course = world.sell(access_days=30)
    bundle = world.thinkific.school.add_bundle("Paket", [course.id])
    world.offer("paket", bundle.name, bundle_id=bundle.id, product_id=bundle.product_id)
    orders = [bought(world, offer="paket"), bought(world)]
    for each in orders:
        refunded(world, each)

    assert world.enrolled() == []


@pytest.mark.parametrize(("urls", "access_days"), once_on_a_server(None, 365), indirect=["urls"])
@pytest.mark.parametrize("until", [HAD, START + timedelta(days=20)])
def test_a_bundle_of_ours_that_does_not_hold_the_course_has_not_given_it(
    world: World, until: datetime, access_days: int | None
) -> None:
    there = had(world, world.sell(access_days=30), until)
    school = world.thinkific.school
    bundle = school.add_bundle("Paket", [school.add_course("Lain").id])
    world.offer("paket", bundle.name, bundle_id=bundle.id, product_id=bundle.product_id, access_days=access_days)
    bought(world, offer="paket")
    refunded(world, bought(world))

    assert there.expiry_date == until


@pytest.mark.parametrize(("urls", "until"), once_on_a_server(HAD, None), indirect=["urls"])
def test_what_was_added_by_hand_to_what_an_order_gave_stays_when_a_later_one_is_refunded(
    world: World, until: datetime | None
) -> None:
    world.sell(access_days=30)
    bought(world)
    [there] = world.thinkific.school.enrollments.values()
    there.expiry_date = until
    refunded(world, bought(world))

    assert there.expiry_date == until


def test_an_order_that_was_refused_has_given_nothing_that_a_later_one_finds(world: World) -> None:
    course = world.sell()
    world.thinkific.fail_next("POST", "/enrollments", "422")
    order_id = world.buy_and_pay()
    world.work()
    before = world.status(order_id)
    there = had(world, course)
    refunded(world, bought(world))

    assert before == "review"
    assert there.expiry_date is None


def test_an_order_that_was_refused_adds_its_days_to_what_there_is_when_it_is_tried_again(world: World) -> None:
    course = world.sell(access_days=30)
    world.thinkific.fail_next("POST", "/enrollments", "422")
    order_id = world.buy_and_pay()
    world.work()
    there = had(world, course, HAD)
    world.clock.move(days=3)
    world.retry(order_id)
    world.work()
    after = there.expiry_date
    refunded(world, order_id)

    assert after == HAD + timedelta(days=30)
    assert there.expiry_date == HAD


@pytest.mark.parametrize(("urls", "until"), once_on_a_server(None, HAD), indirect=["urls"])
def test_a_refunded_bundle_leaves_the_bundle_that_was_there_before(world: World, until: datetime | None) -> None:
    whole, inside = in_the_bundle_before(world, until)
    order_id = bought(world, offer="paket")
    refunded(world, order_id)

    assert [each.expiry_date for each in (whole, *inside)] == [until] * 3
    assert KEPT in page_of(world, order_id)


def test_a_repeat_after_a_lost_answer_keeps_what_was_there_before(world: World) -> None:
    there = had(world, world.sell(access_days=30), HAD)
    world.thinkific.fail_next("PUT", "/enrollments", "timeout-after")
    order_id = world.buy_and_pay()
    world.work_for(hours=1)
    world.thinkific.fail_next("PUT", "/enrollments", "timeout-after")
    refund(world, order_id)
    world.work_for(hours=1)

    assert there.expiry_date == HAD
    assert KEPT in page_of(world, order_id)


def test_an_order_that_never_gave_anything_ends_nothing(world: World) -> None:
    there = had(world, world.sell(access_days=30), HAD)
    world.thinkific.fail_next("GET", "/enrollments", "422")
    order_id = world.buy_and_pay()
    world.work()
    before = world.status(order_id)
    refunded(world, order_id)

    assert before == "review"
    assert there.expiry_date == HAD


@pytest.mark.parametrize(("urls", "until"), once_on_a_server(HAD, HAD + timedelta(days=200), None), indirect=["urls"])
def test_an_order_that_goes_to_another_address_leaves_each_what_they_had(world: World, until: datetime | None) -> None:
    course = world.sell(access_days=30)
    old, new = had(world, course, HAD), had(world, course, until, email=RIGHT)
    order_id = bought(world)
    change_email(order_id, RIGHT, school=world.school, start=world.engine.start, actor="operator")
    world.work()
    after = (old.expiry_date, new.expiry_date)
    refunded(world, order_id)

    assert after == (HAD, None if until is None else max(until, HAD + timedelta(days=30)))
    assert (old.expiry_date, new.expiry_date) == (HAD, until)


def test_an_order_that_comes_back_to_the_user_who_had_it_ends_what_it_gave(world: World) -> None:
    there = had(world, world.sell(access_days=30), HAD)
    order_id = bought(world)
    world.thinkific.school.change_email(world.thinkific.school.users[there.user_id], RIGHT)
    change_email(order_id, RIGHT, school=world.school, start=world.engine.start, actor="operator")
    world.work()
    after = there.expiry_date
    refunded(world, order_id)

    assert after == HAD + timedelta(days=30)
    assert there.expiry_date == HAD
