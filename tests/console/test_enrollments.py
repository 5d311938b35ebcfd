"""Who is in which course: listed, filtered, as far as Thinkific tells, and as a file."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import TYPE_CHECKING

from tests.console.desk import joined
from tests.security.test_privacy import thinkific_says_of

if TYPE_CHECKING:
    from tests.world import World


def test_an_enrollment_is_listed_with_what_thinkific_tells_of_it(world: World) -> None:
    world.sell(access_days=30)
    order_id = world.buy_and_pay()
    world.work()
    enrollment = world.enrollment(order_id)
    assert enrollment is not None
    told = {
        "user": {"id": enrollment.user_id},
        "course": {"id": enrollment.course_id},
        "percentage_completed": "0.42",
        "activated_at": "2026-11-23T02:00:00Z",
        "expiry_date": "2027-03-01T00:00:00Z",
        "updated_at": "2026-11-24T00:00:00Z",
    }
    thinkific_says_of(world, "enrollment", "progress", "1", told)
    thinkific_says_of(
        world, "enrollment", "progress", "2", told | {"expiry_date": None, "updated_at": "2026-11-23T00:00:00Z"}
    )
    desk = joined(world)

    listed = desk.open("/console/enrollments")

    assert "siti@example.com" in listed
    assert "42 %" in listed
    assert "1 Mar 2027" in listed
    assert f"/console/payments/{order_id}" in listed
    aimed = world.enrollment(order_id)
    assert aimed is not None
    assert aimed.expiry_date == enrollment.expiry_date


def test_enrollments_are_filtered_paged_and_downloaded(embedded: World) -> None:
    embedded.sell()
    orders = [embedded.buy_and_pay(customer_email=f"b{number}@example.com") for number in range(51)]
    embedded.work()
    desk = joined(embedded)

    first = desk.open("/console/enrollments")
    following = re.findall(r'rel="next" href="([^"]+)"', first)[0]
    more = desk.open(unescape(following))
    found = desk.open("/console/enrollments?q=b7%40example.com&state=enrolled")
    none = desk.open("/console/enrollments?state=blocked")
    rows = list(csv.DictReader(io.StringIO(desk.open("/console/enrollments.csv?state=enrolled").lstrip("\ufeff"))))

    pages = [{order for order in orders if f"/payments/{order}" in text} for text in (first, more)]
    assert (len(pages[0]), len(pages[1]), pages[0] | pages[1]) == (50, 1, set(orders))
    assert [order for order in orders if order in found] == [orders[7]]
    assert "Tidak ada pendaftaran yang cocok" in none
    assert {row["merchant_order_id"] for row in rows} == set(orders)
    assert {row["state"] for row in rows} == {"enrolled"}
    assert "Mengunduh daftar pendaftaran" in desk.open("/console/audit")


def test_who_belongs_to_a_school_sees_its_enrollments_and_messages_alone(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy_and_pay()
    embedded.work()
    embedded.add_school("akademi")
    desk = joined(embedded, school="akademi")

    for path in ("/console/enrollments", "/console/enrollments.csv", "/console/messages"):
        assert order_id not in desk.open(path), path
        assert desk.status == 200
