"""Stories of finding the payment that needs a person, reading why, and mending it."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from tests.console.desk import joined
from tests.world import COURSE, OFFER, PRICE

from kelaspay.messages import office, send_due
from kelaspay.payment import Rupiah

if TYPE_CHECKING:
    from starlette.types import Message
    from tests.world import World


def test_an_operator_finds_from_home_who_paid_and_is_not_in_the_course_and_mends_it(world: World) -> None:
    course = world.thinkific.school.add_course(COURSE)
    world.offer(OFFER, "Kelas yang namanya tidak ada di Thinkific")
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    home = desk.open("/console")
    link = re.findall(r'class="counter red" href="([^"]+)"><strong>1</strong> <span>Dibayar, belum terdaftar', home)[0]
    desk.open(link)
    assert order_id in desk.text
    why = desk.open(f"/console/payments/{order_id}")
    assert "Penawaran belum terhubung ke kursus" in why
    assert 'href="https://wa.me/6281234567890"' in why
    world.offer(OFFER, COURSE, course_id=course.id)
    desk.press(f"/console/payments/{order_id}/retry")
    world.work()

    assert world.status(order_id) == "completed"
    assert len(world.enrolled()) == 1
    assert "Terdaftar di kursus" in desk.open(f"/console/payments/{order_id}")
    assert 'class="counter red"' not in desk.open("/console")


def test_the_list_says_payment_and_access_side_by_side(world: World) -> None:
    world.sell()
    waiting, done = world.buy(), world.buy_and_pay(customer_email="budi@example.com")
    world.work()
    desk = joined(world)

    desk.open("/console/payments")
    states = re.findall(r'<a href="/console/payments/([^"]+)">.*?pill (\w+)".*?pill (\w+)"', desk.text, re.DOTALL)

    assert sorted(states) == sorted([(waiting, "pending", "none"), (done, "completed", "enrolled")])


@pytest.mark.parametrize(
    "q", ["SITI@example.com", "0812 3456 7890", "+62812-3456-7890", "rahma", "{order_id}", "{reference}", "{va_number}"]
)
def test_a_payment_is_found_by_whatever_the_buyer_sends_over_whatsapp(world: World, q: str) -> None:
    world.sell()
    order_id = world.buy(payment_method="BC")
    other = world.buy(customer_name="Budi", customer_email="budi@example.com", customer_phone="081299998888")
    payment = world.payment(order_id)
    desk = joined(world)
    words = q.format(order_id=order_id, reference=payment.reference, va_number=payment.va_number)

    found = desk.web.get("/console/payments", params={"q": words}).text

    assert order_id in found
    assert other not in found


def test_what_is_searched_for_is_never_taken_for_a_pattern_or_for_html(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    for words in ("%", "_iti", "<script>alert(1)</script>", "' OR 1=1 --"):
        found = desk.web.get("/console/payments", params={"q": words})

        assert found.status_code == 200
        assert order_id not in found.text
        assert "<script>" not in found.text


def test_pages_follow_each_other_without_gap_or_repeat_even_where_payments_share_a_moment(world: World) -> None:
    world.sell()
    made = {world.buy(customer_email=f"buyer{number}@example.com") for number in range(104)}
    desk = joined(world)

    seen: list[str] = []
    path: str | None = "/console/payments"
    pages = 0
    while path:
        text = desk.open(path)
        pages += 1
        seen += re.findall(r'name="order" value="([^"]+)"', text)
        following = re.findall(r'rel="next" href="([^"]+)"', text)
        path = following[0].replace("&amp;", "&") if following else None

    assert pages == 3
    assert len(seen) == len(set(seen)) == 104
    assert set(seen) == made


def test_a_cursor_that_means_nothing_shows_the_first_page(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    for after in ("x", "2026-11-23~x", "~", "2026-11-23T00:00:00~x", "0001-01-01T00:00:00+14:00~x"):
        found = desk.web.get(
            "/console/payments",
            params={"after": after, "since": "0001-01-01", "until": "9999-12-31", "need": "nothing"},
        )

        assert found.status_code == 200
        assert order_id in found.text


def test_filters_stand_in_the_address_and_work_together(world: World) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python-dasar", price=250_000)
    first = world.buy()
    world.clock.move(days=2)
    second = world.buy(offer="python-dasar")
    desk = joined(world)

    def found(**asked: str) -> set[str]:
        text = desk.web.get("/console/payments", params=asked).text
        return {order_id for order_id in (first, second) if f"/console/payments/{order_id}" in text}

    assert found(offer="python-dasar") == {second}
    assert found(until="2026-11-23") == {first}
    assert found(since="2026-11-24") == {second}
    assert found(status="pending") == {first, second}
    assert found(status="pending", offer=OFFER, since="2026-11-24") == set()
    assert found(access="none") == {first, second}
    assert found(access="enrolled") == set()


def test_the_csv_is_the_present_filter_and_opens_in_a_spreadsheet_without_running_anything(world: World) -> None:
    world.sell()
    order_id = world.buy(customer_name="=HYPERLINK(evil)")
    world.buy(customer_email="budi@example.com")
    desk = joined(world)

    answer = desk.web.get("/console/payments.csv", params={"q": "siti@example.com", "group": ["buyer", "order"]})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"].startswith("text/csv")
    assert [row["merchant_order_id"] for row in rows] == [order_id]
    assert rows[0]["name"] == "'=HYPERLINK(evil)"
    assert "payment_amount" not in rows[0]
    assert "Mengunduh daftar pembayaran" in desk.open("/console/audit")


@pytest.mark.parametrize("name", ["payments", "enrollments"])
def test_whoever_downloads_slowly_keeps_nobody_from_the_database(world: World, name: str) -> None:
    world.sell()
    orders = [world.buy_and_pay(customer_email=f"b{number}@example.com") for number in range(3)]
    world.work()
    desk = joined(world)
    pool = world.database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    before = pool.checkedout()
    told: list[str] = []
    held: list[int] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            told.append(message["body"].decode())
            held.append(pool.checkedout() - before)

    headers = [(each.lower(), value) for each, value in desk.web.build_request("GET", "/").headers.raw]
    scope = {"type": "http", "method": "GET", "path": f"/console/{name}.csv", "query_string": b"", "headers": headers}

    async def downloaded() -> None:
        await world.web.app(scope, receive, send)

    asyncio.run(downloaded())

    assert [order_id for order_id in orders if order_id not in "".join(told)] == []
    assert set(held) == {0}


def test_several_payments_are_asked_after_at_once_after_saying_for_how_many(world: World) -> None:
    world.sell()
    paid, unpaid = world.buy(), world.buy()
    world.duitku.pay(paid)
    desk = joined(world)

    desk.open("/console/payments")
    asked = desk.press("/console/payments/several", order=[paid, unpaid], action="recheck")
    before = world.duitku_asks()
    desk.press("/console/payments/several")
    world.work()

    assert "Cek 2 pembayaran ke Duitku?" in asked
    assert before == 0
    assert world.duitku_asks() == 2
    assert [world.status(paid), world.status(unpaid)] == ["completed", "pending"]


def test_several_payments_are_tried_again_at_once(world: World) -> None:
    course = world.thinkific.school.add_course(COURSE)
    world.offer(OFFER, "Tidak dikenal")
    orders = [world.buy_and_pay(customer_email=f"buyer{number}@example.com") for number in range(3)]
    world.work()
    world.offer(OFFER, COURSE, course_id=course.id)
    desk = joined(world)

    desk.open("/console/payments?need=blocked")
    desk.press("/console/payments/several", order=[*orders, "KP-unknown"], action="retry")
    said = desk.press("/console/payments/several")
    world.work()

    assert "3 pembayaran sedang dicoba lagi" in said
    assert {world.status(order_id) for order_id in orders} == {"completed"}


def test_asking_duitku_now_finds_the_money_that_no_callback_told_of(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    desk.open(f"/console/payments/{order_id}")
    first = desk.press(f"/console/payments/{order_id}/recheck")
    world.duitku.pay(order_id)
    second = desk.press(f"/console/payments/{order_id}/recheck")
    world.work()

    assert "Menurut Duitku: belum dibayar." in first
    assert "Menurut Duitku: sudah dibayar." in second
    assert world.status(order_id) == "completed"


def test_marking_paid_names_its_consequence_wants_a_reason_and_enrolls(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    asked = desk.open(f"/console/payments/{order_id}/mark-paid")
    desk.press(f"/console/payments/{order_id}/mark-paid", reason="  ")
    without = (desk.status, world.status(order_id))
    desk.press(f"/console/payments/{order_id}/mark-paid", reason="Transfer langsung ke rekening, sudah dicek")
    world.work()

    assert "tanpa kepastian dari Duitku" in asked
    assert without == (422, "pending")
    assert world.status(order_id) == "completed"
    shown = desk.open(f"/console/payments/{order_id}")
    assert "Transfer langsung ke rekening, sudah dicek" in shown
    assert "ditandai lunas secara manual" in shown


def test_a_refund_says_that_no_money_moves_and_ends_the_access(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    asked = desk.open(f"/console/payments/{order_id}/refund")
    desk.press(f"/console/payments/{order_id}/refund", reason="Salah beli")
    world.work()
    enrollment = world.enrollment(order_id)

    assert "Duitku tidak punya API pengembalian dana" in asked
    assert "Rp 150.000" in asked
    assert world.status(order_id) == "refunded"
    assert enrollment is not None
    assert enrollment.state == "revoked"
    assert f"{order_id}/refund" not in desk.open(f"/console/payments/{order_id}")


def test_a_refund_that_thinkific_refused_to_end_is_tried_again_from_its_page(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)
    world.thinkific.fail_next("PUT", "/enrollments", "422")
    desk.open(f"/console/payments/{order_id}/refund")
    desk.press(f"/console/payments/{order_id}/refund", reason="Salah beli")
    world.work()

    stuck = desk.open(f"/console/payments/{order_id}")
    desk.press(f"/console/payments/{order_id}/retry")
    world.work()
    ended = desk.open(f"/console/payments/{order_id}")

    assert "Coba akhiri akses lagi" in stuck
    assert "Coba daftarkan lagi" not in stuck.partition('id="actions"')[2]
    assert [row.state for row in [world.enrollment(order_id)] if row] == ["revoked"]
    assert f"{order_id}/retry" not in ended


def test_a_note_is_kept_with_who_wrote_it_and_shown_as_plain_text(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    desk.open(f"/console/payments/{order_id}")
    desk.press(f"/console/payments/{order_id}/note", text="Sudah <b>ditelepon</b>")

    assert "Sudah &lt;b&gt;ditelepon&lt;/b&gt;" in desk.text
    assert "ibu.pemilik" in desk.text


def test_what_a_person_has_seen_to_no_longer_counts_as_needing_one(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.clock.move(hours=25)
    world.reconcile()
    world.duitku.switches.expired_payable = True
    world.call_back(world.duitku.pay(order_id))
    world.work_for(hours=1)
    desk = joined(world)

    counted = '/console/payments?need=paid_late"><strong>1' in desk.open("/console")
    desk.open(f"/console/payments/{order_id}")
    desk.press(f"/console/payments/{order_id}/settle", reason="Pembeli sudah dihubungi")

    assert counted
    assert 'class="counter red"' not in desk.open("/console")


def test_another_amount_than_asked_shows_as_needing_a_person_with_the_difference(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.call_back(world.duitku.pay(order_id, amount=PRICE - 50_000))
    world.work()
    desk = joined(world)

    listed = desk.open("/console/payments?need=paid_twice")
    shown = desk.open(f"/console/payments/{order_id}")

    assert order_id in listed
    assert f"Rp {Rupiah(100_000):,}".replace(",", ".") in shown
    assert "selisih Rp -50.000" in shown
    assert f"{order_id}/retry" not in shown


def test_an_unknown_payment_is_said_to_be_unknown_in_a_page(world: World) -> None:
    desk = joined(world)

    text = desk.open("/console/payments/KP-nothing")

    assert desk.status == 404
    assert "Pembayaran ini tidak ada." in text


def test_the_way_into_the_course_is_asked_to_be_sent_again_and_that_is_written_down(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    desk.open(f"/console/payments/{order_id}")
    too_soon = desk.press(f"/console/payments/{order_id}/resend")
    none_yet = desk.open("/console/audit")
    send_due(office(world.outside.settings, world.outside.schools.profile, world.database, world.clock))
    world.clock.move(minutes=10)
    desk.open(f"/console/payments/{order_id}")
    again = desk.press(f"/console/payments/{order_id}/resend")

    assert "Email akses belum lama ini dikirim" in too_soon
    assert "Mengirim ulang akses" not in none_yet
    assert "Email akses dikirim ulang." in again
    assert "Mengirim ulang akses" in desk.open("/console/audit")
