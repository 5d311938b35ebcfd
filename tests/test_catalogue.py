"""Thinkific's catalogue and what is sold of it: look-alike ids told apart, offers as CSV, bundles whole."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kelaspay.store import offers
from tests.api.client import Program
from tests.console.desk import joined
from tests.shell import shell
from tests.world import COURSE

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from tests.shell import Shell
    from tests.world import World

__all__ = ["shell"]

ADD = ("offers", "add", "--slug", "web", "--name", COURSE, "--price", "150000")


def test_the_wrong_kind_of_id_is_refused_with_the_right_ones(shell: Shell) -> None:
    course = shell.world.thinkific.school.add_course(COURSE)
    bundle = shell.world.thinkific.school.add_bundle("Paket", [course.id])
    shell("courses", "sync")

    as_course = shell(*ADD, "--course-id", str(course.product_id))
    as_product = shell(*ADD, "--course-id", str(course.id), "--product-id", str(course.id))
    a_bundle = shell(*ADD, "--course-id", str(bundle.id))

    right = f"course id {course.id}, product id {course.product_id}"
    assert [ran.code for ran in (as_course, as_product, a_bundle)] == [1, 1, 1]
    assert f"{course.product_id} is the product id of '{COURSE}': {right}" in as_course.err
    assert f"{course.id} is the course id of '{COURSE}': {right}" in as_product.err
    assert f"{bundle.id} is the bundle id of 'Paket'" in a_bundle.err
    assert shell.json("offers", "list") == []


def test_a_product_that_cannot_be_read_holds_up_no_other_and_is_not_taken_for_gone(shell: Shell) -> None:
    school = shell.world.thinkific.school
    broken, gone = school.add_course("Kelas Yatim"), school.add_course("Kelas Lama")
    shell("courses", "sync")
    school.products[broken.product_id].orphaned = True
    del school.products[gone.product_id]
    school.add_course(COURSE)

    ran = shell("courses", "sync")

    assert (ran.code, ran.out) == (0, "Copied 1 product.\n")
    assert ran.err == "1 product could not be read, and stayed as copied before.\n"
    assert {each["name"] for each in shell.json("courses", "list")} == {"Kelas Yatim", COURSE}
    assert json.loads(shell("courses", "sync", "--json").out) == {"products": 1, "unreadable": 1}


def test_where_not_even_an_id_could_be_read_nothing_is_taken_for_gone(world: World) -> None:
    world.thinkific.school.add_course("Kelas Lama")
    world.sync()

    with world.database.begin() as db:
        offers.put_products(db, "", [], world.clock() + timedelta(hours=1), unread=[None])

        assert [each.name for each in offers.products_named(db, "", "Kelas Lama")] == ["Kelas Lama"]


def test_a_product_that_sells_something_else_is_refused(shell: Shell) -> None:
    course = shell.world.thinkific.school.add_course(COURSE)
    other = shell.world.thinkific.school.add_course("Python dari Dasar")
    shell("courses", "sync")

    ran = shell(*ADD, "--course-id", str(course.id), "--product-id", str(other.product_id))

    assert ran.code == 1
    assert "sells something else, 'Python dari Dasar'" in ran.err


def test_an_id_that_the_catalogue_does_not_have_yet_is_taken_with_a_word(shell: Shell) -> None:
    shell.world.thinkific.school.add_course(COURSE)
    shell("courses", "sync")

    ran = shell(*ADD, "--course-id", "987654")

    assert ran.code == 0
    assert "course_id 987654 is not in the catalogue" in ran.err


def test_offers_go_out_as_csv_and_come_back_the_same(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "offers.csv"
    times = ("--on-sale-from", "2026-12-01", "--on-sale-until", "2026-12-31T23:59")
    shell(*ADD, *times, "--description", "=Belajar, dari nol", "--picture", "https://example.com/a.png")
    shell("offers", "add", "--slug", "py", "--name", "Python", "--price", "1", "--access-days", "30")
    before = shell.json("offers", "list")

    shell("offers", "export", str(file))
    shell("offers", "retire", "py")
    ran = shell("offers", "import", str(file))

    assert ran.out == "0 added, 2 corrected.\n"
    assert shell.json("offers", "list") == before
    assert before[1]["description"] == "=Belajar, dari nol"
    assert ",'=Belajar" in file.read_text().replace('"', "")


def test_one_wrong_line_keeps_the_whole_file_out(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "offers.csv"
    file.write_text("slug;name;price\nweb;Web;150000\nWeb!;;0\nweb;Web;1\n")

    ran = shell("offers", "import", str(file))

    assert ran.code == 1
    for said in ("line 3, slug", "line 3, name", "line 3, price", "line 4, slug: stands in line 2 already"):
        assert said in ran.err
    assert shell.json("offers", "list") == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"slug,name,price\nweb,Web,150,000\n", "line 2: has more columns than line 1"),
        (b"slug,name,price,price\nweb,Web,150000,1\n", "line 1"),
        (b"slug,name,price\nweb," + b"x" * 140_000 + b",150000\n", "line 2"),
        (b"slug,name,price\nweb,Caf\xe9,150000\n", "is not UTF-8"),
    ],
    ids=["thousands", "price twice", "endless", "latin"],
)
def test_a_file_that_could_be_read_as_another_price_is_refused(
    shell: Shell, tmp_path: Path, written: bytes, said: str
) -> None:
    file = tmp_path / "offers.csv"
    file.write_bytes(written)

    ran = shell("offers", "import", str(file))

    assert ran.code == 1
    assert said in ran.err
    assert shell.json("offers", "list") == []


def test_what_the_api_refuses_no_file_and_no_option_brings_in(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "offers.csv"
    file.write_text(
        "slug,name,price,access_days,on_sale_from\n"
        "web,Web,1000000001,36501,0001-01-01T00:00:00+14:00\n"
        "sql,SQL,1000000000,36500,2026-12-01\n"
    )

    ran = shell("offers", "import", str(file))
    days = shell(*ADD, "--access-days", "36501")
    price = shell(*ADD[:-1], "1000000001")
    edge = shell(*ADD, "--on-sale-until", "9999-12-31")

    assert ran.code == 1
    for said in (
        "line 2, price: is more than 1000000000",
        "line 2, access_days: is more than 36500",
        "line 2, on_sale_from: is too early or too late",
    ):
        assert said in ran.err
    assert [each.code for each in (days, price, edge)] == [2, 2, 2]
    assert shell.json("offers", "list") == []


def test_a_name_from_a_file_comes_without_what_no_screen_shows(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "offers.csv"
    file.write_bytes(b"slug,name,price\nweb,W\x00e\x1bb \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb,150000\n")

    shell("offers", "import", str(file))

    assert shell.json("offers", "list")[0]["name"] == "Web \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}"


def test_what_vanished_at_thinkific_is_marked_and_no_longer_found_by_name(world: World) -> None:
    course = world.thinkific.school.add_course(COURSE)
    world.thinkific.school.add_course("Python dari Dasar")
    world.sync()
    del world.thinkific.school.products[course.product_id]
    world.clock.move(hours=1)

    world.sync()

    with world.database.read() as db:
        assert [product.name for product in offers.list_products(db, "")] == ["Python dari Dasar"]
        assert offers.products_named(db, "", COURSE) == []


@pytest.mark.parametrize("mode", [201, 202])
def test_a_bundle_is_enrolled_whole_by_its_own_endpoint(world: World, mode: Literal[201, 202]) -> None:
    first, second = (world.thinkific.school.add_course(name) for name in (COURSE, "Python dari Dasar"))
    bundle = world.thinkific.school.add_bundle("Paket Lengkap", [first.id, second.id])
    world.offer("paket", "Paket Lengkap", bundle_id=bundle.id, product_id=bundle.product_id)
    world.thinkific.switches.bundle_mode = mode

    order_id = world.buy_and_pay(offer="paket")
    world.work_for(minutes=5)

    calls = world.thinkific_calls()
    assert world.status(order_id) == "completed"
    assert calls.count(f"POST /bundles/{bundle.id}/enrollments") == 1
    assert "POST /enrollments" not in calls


def test_a_price_that_few_channels_take_is_not_kept_in_silence(shell: Shell, tmp_path: Path) -> None:
    world, file = shell.world, tmp_path / "offers.csv"
    file.write_text("slug,name,price\nsql,SQL,9999\n")
    said = "a price below Rp 10.000 can be paid by QRIS alone"

    ran = shell("offers", "add", "--slug", "web", "--name", "Web", "--price", "9999")
    enough = shell("offers", "add", "--slug", "cukup", "--name", "Web", "--price", "10000")
    imported = shell("offers", "import", str(file))
    asked = Program(world).post("/offers", {"slug": "python", "name": "Python", "price": 9999})
    desk = joined(world)
    shown = desk.open("/console/catalogue/web")

    assert ran.code == 0
    assert said in ran.err
    assert said not in enough.err
    assert f"line 2: {said}" in imported.err
    assert (asked.status_code, any(said in doubt for doubt in asked.json()["doubts"])) == (201, True)
    assert "Harga di bawah Rp 10.000 hanya dapat dibayar lewat QRIS" in shown
    assert "Harga di bawah Rp 10.000" not in desk.open("/console/catalogue/cukup")


@pytest.mark.parametrize("named", ["--course-id", "--product-id", None])
def test_an_offer_for_ever_of_what_thinkific_sells_for_a_year_is_doubted(shell: Shell, named: str | None) -> None:
    course = shell.world.thinkific.school.add_course(COURSE)
    shell.world.thinkific.school.products[course.product_id].days_until_expiry = 365
    shell("courses", "sync")
    ids = {"--course-id": str(course.id), "--product-id": str(course.product_id)}
    said = "Thinkific sells it for 365 days, this offer for ever: --access-days 365 ends it like there"

    for_ever = shell(*ADD, *([named, ids[named]] if named else []))
    on_purpose = shell(*ADD, "--access-days", "90")

    assert for_ever.code == 0
    assert said in for_ever.err
    assert on_purpose.err == ""


def test_the_consoles_form_begins_with_the_days_for_which_thinkific_sells(world: World) -> None:
    course = world.thinkific.school.add_course(COURSE)
    world.thinkific.school.products[course.product_id].days_until_expiry = 365
    world.sync()
    desk = joined(world)

    begun = desk.open(f"/console/catalogue/~new?target=Course:{course.id}")
    desk.press("/console/catalogue/~new", new_slug="web", price="150000", access_days="")
    for_ever = desk.open("/console/catalogue/web")
    desk.press("/console/catalogue/web", access_days="365")

    assert 'name="access_days" type="text" value="365"' in begun
    assert "Di Thinkific aksesnya 365 hari, di sini selamanya." in for_ever
    assert "Di Thinkific aksesnya" not in desk.open("/console/catalogue/web")


def test_an_offer_that_leads_nowhere_is_not_added_in_silence(shell: Shell) -> None:
    unchecked = shell(*ADD, "--course-id", "123")
    shell.world.thinkific.school.add_course(COURSE)
    shell("courses", "sync")

    by_name = shell(*ADD)
    by_wrong_name = shell("offers", "add", "--slug", "web", "--name", "Webb", "--price", "150000")

    assert unchecked.err == "the catalogue is empty, so nothing was checked: kelaspay courses sync\n"
    assert by_name.err == ""
    assert "the name leads nowhere: Nothing in the catalogue is called 'Webb'" in by_wrong_name.err
