"""Stories of what is on sale, of a customer's data, and of the settings."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.console.desk import PASSWORD, Desk, joined
from tests.world import COURSE, OFFER
from werkzeug.wrappers import Request, Response

from kelaspay.formats import WIB
from kelaspay.store import syncs
from kelaspay.store.operators import Role

if TYPE_CHECKING:
    from tests.world import World


def test_a_course_is_synced_offered_and_bought_without_leaving_the_console(world: World) -> None:
    course = world.thinkific.school.add_course(COURSE)
    desk = joined(world)

    desk.open("/console/catalogue")
    desk.press("/console/catalogue/sync")
    link = re.findall(r'href="(/console/catalogue/~new\?target=[^"]+)"', desk.text)[0]
    desk.open(link)
    saved = desk.press("/console/catalogue/~new", new_slug=OFFER, price="Rp 150.000", access_days="90")
    order_id = world.buy_and_pay()
    world.work()

    assert "Penawaran ditambahkan." in saved
    assert f"/buy/{OFFER}" in saved
    assert world.status(order_id) == "completed"
    assert world.payment(order_id).course_id == course.id
    assert world.payment(order_id).access_days == 90


def test_a_copy_under_way_is_shown_to_everybody_and_not_begun_twice(world: World) -> None:
    world.thinkific.school.add_course(COURSE)
    desk = joined(world)
    with world.database.begin() as db:
        assert syncs.claim_sync(db, "", world.clock(), 60.0)
        syncs.note_seen(db, "", 42, 60.0)

    shown = desk.open("/console/catalogue")
    calls = len(world.thinkific_calls())
    pressed = desk.web.post("/console/catalogue/sync", data={"csrf": re.findall(r'csrf" value="(\w+)"', shown)[0]})
    with world.database.begin() as db:
        syncs.note_seen(db, "", 43, -1.0)
    broken_off = desk.open("/console/catalogue")
    desk.press("/console/catalogue/sync")

    assert "42 produk sejauh ini" in shown
    assert 'data-renew="2"' in shown
    assert "Katalog sedang disalin" in pressed.text
    assert len(world.thinkific_calls()) == calls + 1
    assert "terputus sebelum selesai" in broken_off
    assert "1 produk disinkronkan" in desk.text


def test_a_copy_that_fails_says_why_and_leaves_the_catalogue(embedded: World) -> None:
    embedded.thinkific.school.add_course(COURSE)
    embedded.sync()
    embedded.thinkific.fail_next("GET", "/products", "503", 1)
    desk = joined(embedded)

    desk.open("/console/catalogue")
    desk.press("/console/catalogue/sync")

    assert "Penyalinan terakhir gagal" in desk.text
    assert "Thinkific sedang tidak menjawab." in desk.text
    assert COURSE in desk.text


def test_a_product_that_cannot_be_read_is_counted_for_who_looks(world: World) -> None:
    broken, _ = (world.thinkific.school.add_course(name) for name in ("Kelas Yatim", COURSE))
    world.sync()
    desk = joined(world)
    world.thinkific.school.products[broken.product_id].orphaned = True

    desk.open("/console/catalogue")
    with_it = desk.press("/console/catalogue/sync")
    world.thinkific.school.products[broken.product_id].orphaned = False
    without = desk.press("/console/catalogue/sync")

    assert "1 produk disinkronkan" in with_it
    assert "1 produk tidak dapat dibaca dan dilewati" in with_it
    assert "Kelas Yatim" in with_it
    assert "2 produk disinkronkan" in without
    assert "tidak dapat dibaca" not in without


def test_the_offers_mapping_is_mended_from_the_payment_that_it_stopped(world: World) -> None:
    world.thinkific.school.add_course(COURSE)
    world.sync()
    world.offer(OFFER, "Nama lain sama sekali")
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    assert 'catalogue#offers"><strong>1<' in desk.open("/console")
    payment = desk.open(f"/console/payments/{order_id}")
    assert "Tidak ada kursus Thinkific yang cocok dengan penawaran ini. Tidak ada yang bernama “Nama lain" in payment
    assert "Tandai lunas" not in payment
    desk.open(re.findall(r'href="(/console/catalogue/[^"]+)">Periksa kursus', payment)[0])
    target = re.findall(r'<option value="(Course:\d+)"', desk.text)[0]
    desk.press("/console/catalogue/", target=target)
    desk.open(f"/console/payments/{order_id}")
    desk.press(f"/console/payments/{order_id}/retry")
    world.work()

    assert world.status(order_id) == "completed"
    assert "target: - → Course:" in desk.open("/console/audit")


@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("new_slug", "Bukan Slug"),
        ("new_slug", OFFER),
        ("name", "  "),
        ("price", "0"),
        ("price", "12,5"),
        ("price", "-1"),
        ("price", "99999999999999"),
        ("access_days", "x"),
        ("access_days", "0"),
        ("target", "Course:x"),
        ("price_before", "10.000"),
        ("description", "x" * 201),
        ("picture", "gambar.png"),
        ("on_sale_from", "besok"),
        ("on_sale_until", "2026-12-01T08:00"),
    ],
)
def test_an_offer_that_cannot_be_is_refused_with_what_was_entered_kept(
    embedded: World, field: str, entered: str
) -> None:
    world = embedded
    world.sell()
    before = world.kept()["offers"]
    desk = joined(world)
    filled = {"new_slug": "baru", "name": "Kelas baru", "price": "10.000", "on_sale_from": "2026-12-02T08:00"}

    desk.open("/console/catalogue/~new")
    text = desk.press("/console/catalogue/~new", **filled | {field: entered})

    assert desk.status == 422
    assert "Ada isian yang belum benar." in text
    assert 'value="10.000"' in text or field == "price"
    assert f'id="{field.removeprefix("new_")}-help" class="wrong"' in text or field == "target"
    assert entered in text
    assert world.kept()["offers"] == before


def test_an_offer_says_what_it_cost_before_and_is_on_sale_in_its_days_alone(embedded: World) -> None:
    world = embedded
    world.sell()
    desk = joined(world)
    told = {
        "price_before": "Rp 250.000",
        "description": "Dari nol\nsampai bisa.",
        "picture": "https://school.example/a.png",
    }
    starts = (world.clock() + timedelta(hours=1)).astimezone(WIB)

    desk.open(f"/console/catalogue/{OFFER}")
    desk.press("/console/catalogue/", **told, on_sale_from=f"{starts:%Y-%m-%dT%H:%M}")
    early = world.ask_to_buy()
    world.clock.move(hours=1)
    shown = world.web.get(f"/buy/{OFFER}").text
    desk.press("/console/catalogue/", name="Nama lain")

    assert early.status_code == 422
    assert "Rp 250.000" in shown
    assert "Dari nol sampai bisa." in shown
    assert f"/buy/{OFFER}/picture" in shown
    assert f'value="{starts:%Y-%m-%dT%H:%M}"' in desk.text
    assert desk.text.count("Dari nol sampai bisa.") == 1


def test_correcting_an_offer_leaves_the_product_whose_sales_are_recorded_and_says_where_it_changes(
    world: World,
) -> None:
    course = world.sell()
    products = world.thinkific.school.products
    sold = products[course.product_id]
    products[7] = replace(sold, id=7, name="A product of the same course, first by its name")
    other = world.thinkific.school.add_course("Python dari Dasar")
    desk = joined(world)
    told = []
    for before in ("an empty catalogue", "one with both products"):
        desk.open(f"/console/catalogue/{OFFER}")
        desk.press("/console/catalogue/", name=f"After {before}", price="120.000")
        told.append(world.payment(world.buy()).product_id)
        world.sync()
    for target in (other.id, course.id):
        desk.open(f"/console/catalogue/{OFFER}")
        desk.press("/console/catalogue/", target=f"Course:{target}")
        told.append(world.payment(world.buy()).product_id)

    audit = desk.open("/console/audit")
    assert told == [sold.id, sold.id, other.product_id, None]
    assert f"product_id: {sold.id} → {other.product_id}" in audit
    assert f"product_id: {other.product_id} → -" in audit
    assert audit.count("product_id") == 2


def test_an_offer_is_taken_off_sale_after_saying_what_that_means(world: World) -> None:
    world.sell()
    order_id = world.buy()
    desk = joined(world)

    asked = desk.open(f"/console/catalogue/{OFFER}/retire")
    desk.press(f"/console/catalogue/{OFFER}/retire")
    world.call_back(world.duitku.pay(order_id))
    world.work()

    assert "Pesanan yang sudah dibuat tetap bisa dibayar" in asked
    assert world.ask_to_buy().status_code != 201
    assert world.status(order_id) == "completed"


def test_a_customer_is_seen_over_all_orders_with_who_may_be_the_same_person(world: World) -> None:
    world.sell()
    first, second = world.buy(), world.buy(customer_email="siti@gmail.com")
    desk = joined(world)

    desk.open("/console/customers?q=siti@example.com")
    assert "siti@example.com" in desk.text
    text = desk.open("/console/customers/siti@example.com")

    assert first in text
    assert second not in text
    assert "siti@gmail.com" in text


def test_a_customers_data_is_handed_out_as_a_file(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)

    body = json.loads(desk.open("/console/customers/siti@example.com/export"))

    assert [order["merchant_order_id"] for order in body["orders"]] == [order_id]
    assert body["orders"][0]["name"] == "Siti Rahmawati"
    assert "enrolled" in [line["what"] for line in body["orders"][0]["story"]]
    assert "paid" in [message["kind"] for message in body["orders"][0]["messages"]]
    assert body["orders"][0]["learning"]["activated_at"] is not None


def test_an_erased_customer_is_nowhere_but_the_amounts_stay(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    desk = joined(world)
    desk.open(f"/console/payments/{order_id}")
    desk.press(f"/console/payments/{order_id}/note", text="Siti Rahmawati menelepon")

    desk.open("/console/customers/siti@example.com/erase")
    desk.press("/console/customers/", typed="other@example.com")
    refused = desk.status
    desk.press("/console/customers/", typed="siti@example.com")
    kept = str(world.kept())

    assert refused == 422
    assert "Data pribadi sudah dihapus" in desk.text
    assert [word for word in ("Siti", "siti@example.com", "81234567890") if word in kept] == []
    assert world.payment(order_id).payment_amount == 150_000
    assert world.school.customers.recall(order_id).name == "-"
    assert desk.open(f"/console/payments/{order_id}").count("Data pribadi dihapus") == 1


def test_nobody_is_erased_while_an_order_of_theirs_is_under_way(world: World) -> None:
    world.sell()
    world.buy()
    desk = joined(world)
    desk.open("/console")
    csrf = re.findall(r'name="csrf" value="(\w+)"', desk.text)[0]

    shown = desk.open("/console/customers/siti@example.com/erase")
    answer = desk.web.post(
        "/console/customers/siti@example.com/erase", data={"csrf": csrf, "typed": "siti@example.com"}
    )

    assert "Belum bisa: 1 pesanan masih berjalan." in shown
    assert answer.status_code == 409


def test_the_connections_are_tested_with_real_calls_and_keys_are_never_shown(world: World) -> None:
    desk = joined(world)
    desk.open("/console/settings")
    asks, calls = world.duitku_asks(), len(world.thinkific_calls())
    text = desk.press("/console/settings/test")
    settings = world.outside.settings

    assert text.count("Tersambung: kuncinya diterima.") == 2
    assert world.duitku_asks() == asks + 1
    assert len(world.thinkific_calls()) == calls + 1
    for key in (settings.duitku_api_key, settings.thinkific_api_key):
        assert key is not None
        assert key.get_secret_value() not in text


def test_a_duitku_that_knows_an_order_which_cannot_exist_is_not_called_connected(world: World) -> None:
    @Request.application
    def another(request: Request) -> Response:
        asked = request.get_json()["merchantOrderId"]
        return Response(
            json.dumps({"merchantOrderId": asked, "amount": "1", "statusCode": "00"}), mimetype="application/json"
        )

    desk = joined(world)
    desk.open("/console/settings")
    world.hosts.put("duitku", another)
    text = desk.press("/console/settings/test")

    assert text.count("Tersambung: kuncinya diterima.") == 1


def test_an_owner_invites_and_removes_an_operator_whose_session_ends_at_once(world: World) -> None:
    desk, staff = joined(world), Desk(world)

    desk.open("/console/settings")
    desk.press("/console/settings/operators", email="staf@example.com", name="Staf", role="staff")
    link = re.findall(r'value="https://pay.example.com(/console/invitation/[^"]+)"', desk.text)[0]
    staff.open(link)
    staff.press("/console/invitation", password=PASSWORD)
    assert staff.path == "/console"
    listed = desk.open("/console/settings")
    desk.open(re.findall(r'href="([^"]+/remove)"', listed)[0])
    desk.press("/console/settings/operators/")
    staff.open("/console")

    assert "Operator dikeluarkan" in desk.text
    assert staff.path == "/console/sign-in"
    staff.sign_in(email="staf@example.com")
    assert staff.status == 401


def test_the_last_owner_cannot_be_removed(world: World) -> None:
    desk = joined(world)
    desk.open("/console/settings/operators/1/remove")

    desk.press("/console/settings/operators/1/remove")

    assert desk.status == 409
    desk.open("/console")
    assert desk.path == "/console"


def test_a_removed_operator_may_come_back_in_another_role(world: World) -> None:
    desk = joined(world)
    joined(world, email="staf@example.com", role=Role.OWNER)
    desk.open("/console/settings/operators/2/remove")
    desk.press("/console/settings/operators/2/remove")

    back = joined(world, email="staf@example.com", role=Role.STAFF)

    back.open("/console/settings/operators/1/remove")
    assert back.status == 403
