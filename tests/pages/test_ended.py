"""Access that is over, by the seller's word or because its days have passed: nobody is told to have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kelaspay.revoke import ask_to_end
from tests.pages.browser import order, ordered, text
from tests.pages.test_coupons import coupon
from tests.pages.test_me import ask, code_sent, enter
from tests.pages.test_messages import deliver, rows
from tests.pages.test_paying import payment_of
from tests.pages.test_status import bought
from tests.test_outages import ALWAYS
from tests.test_refunds import bought as bought_by_api
from tests.test_refunds import in_a_bundle, refund
from tests.test_thinkific_webhooks import envelope, learner, sent

if TYPE_CHECKING:
    import httpx2

    from tests.world import World

DOOR = "Masuk ke kelas"
ANEW = "Pesan lagi"


def given(world: World) -> str:
    """The public id of an order whose buyer is in the course."""
    public_id = bought(world)
    world.work()
    return public_id


def given_again(world: World) -> str:
    """The same of another order of the same buyer's."""
    return world.payment(bought_by_api(world)).public_id


def ask_the_end(world: World, public_id: str) -> None:
    """The seller wants the access ended and leaves the sale; nothing is done of it yet."""
    ask_to_end(
        payment_of(world, public_id).merchant_order_id,
        database=world.database,
        start=world.engine.start,
        now=world.clock,
        reason="melanggar aturan",
        actor="operator",
    )


def end(world: World, public_id: str) -> None:
    """The same, and it is done."""
    ask_the_end(world, public_id)
    world.work()


def give_back(world: World, public_id: str) -> None:
    """The seller sends the money back, and the access ends."""
    refund(world, payment_of(world, public_id).merchant_order_id)
    world.work()


def page_of(world: World, public_id: str) -> str:
    return text(world.web.get(f"/o/{public_id}"))


def state_of(world: World, public_id: str) -> dict[str, Any]:
    """What the page asks for in order to follow the order."""
    told: dict[str, Any] = world.web.get(f"/o/{public_id}/state").json()
    return told


def mine(world: World) -> httpx2.Response:
    """Pesanan saya, after signing in."""
    browser = world.another_browser()
    ask(browser)
    enter(browser, code_sent(world))
    return browser.get("/me")


def unrelated_bundle(world: World) -> None:
    other = world.thinkific.school.add_course("Python dari Dasar")
    bundle = world.thinkific.school.add_bundle("Paket Lain", [other.id])
    world.offer("paket", bundle.name, bundle_id=bundle.id, product_id=bundle.product_id)


def test_whose_access_was_ended_reads_so_and_may_buy_again(world: World) -> None:
    world.sell()
    public_id = given(world)
    end(world, public_id)
    pages = [text(world.web.get(f"/o/{public_id}")), text(mine(world))]

    assert all("Akses diakhiri" in page for page in pages)
    assert not any(DOOR in page or "Akses siap" in page for page in pages)
    assert world.web.get(f"/o/{public_id}/state").json()["final"] is True
    assert order(world).status_code == 303


def test_whose_access_is_being_ended_reads_so_until_it_has_ended(world: World) -> None:
    world.sell()
    public_id = given(world)
    ask_the_end(world, public_id)
    ending, listed, state = page_of(world, public_id), text(mine(world)), state_of(world, public_id)
    in_english = text(world.web.get(f"/o/{public_id}", headers={"Accept-Language": "en"}))
    world.work()
    after = state_of(world, public_id)

    assert "Akses sedang diakhiri" in ending
    assert "Selama prosesnya belum selesai, akses ini masih berlaku." in ending
    assert "Akses sedang diakhiri" in listed
    assert not any(said in page for page in (ending, listed) for said in (DOOR, ANEW, "Akses diakhiri", "sudah"))
    assert "Access is being ended" in in_english
    assert "Akses diakhiri" in page_of(world, public_id)
    assert (state["final"], after["final"], after["version"] != state["version"]) == (False, True, True)


def test_whose_end_does_not_get_through_to_thinkific_does_not_read_to_be_out(world: World) -> None:
    world.sell()
    public_id = given(world)
    world.thinkific.fail_next("*", "/", "503", ALWAYS)
    end(world, public_id)

    assert "Akses sedang diakhiri" in page_of(world, public_id)
    assert len(world.enrolled()) == 1


def test_whose_days_pass_while_the_access_is_being_ended_reads_that_they_have(embedded: World) -> None:
    embedded.sell(access_days=30)
    public_id = given(embedded)
    ask_the_end(embedded, public_id)
    embedded.clock.move(days=31)
    pages = [page_of(embedded, public_id), text(mine(embedded))]

    assert all("Akses berakhir" in page and ANEW in page and DOOR not in page for page in pages)
    assert not any("sedang diakhiri" in page for page in pages)


def test_the_page_of_a_refund_follows_it_until_the_access_has_ended(world: World) -> None:
    world.sell()
    public_id = given(world)
    refund(world, payment_of(world, public_id).merchant_order_id)
    ending = state_of(world, public_id)
    world.work()
    after = state_of(world, public_id)

    assert (ending["final"], after["final"], after["version"] != ending["version"]) == (False, True, True)


def test_whose_days_have_passed_reads_so_and_is_offered_the_course_again(embedded: World) -> None:
    embedded.sell(access_days=30)
    public_id = given(embedded)
    version = embedded.web.get(f"/o/{public_id}/state").json()["version"]
    embedded.clock.move(days=31)
    pages = [text(embedded.web.get(f"/o/{public_id}")), text(mine(embedded))]

    assert all("Akses berakhir" in page and ANEW in page for page in pages)
    assert not any(DOOR in page or "Akses siap" in page for page in pages)
    assert "berakhir pada 23 Des 2026, 09.00 WIB" in pages[0]
    assert embedded.web.get(f"/o/{public_id}/state").json()["version"] != version


def test_whose_refunded_course_another_order_keeps_reads_so_until_that_one_is_refunded_too(world: World) -> None:
    world.sell()
    first, second = given(world), given_again(world)
    refund(world, payment_of(world, first).merchant_order_id)
    ending = page_of(world, first)
    world.work()
    kept = page_of(world, first)
    give_back(world, second)

    assert "diakhiri" not in ending
    assert "dikembalikan. Akses Anda tetap berlaku lewat pesanan Anda yang lain." in kept
    assert "diakhiri" not in kept
    assert ["aksesnya sudah diakhiri" in page_of(world, each) for each in (first, second)] == [True, True]


def test_a_course_that_a_bundle_of_the_same_buyer_keeps_reads_so(world: World) -> None:
    in_a_bundle(world)
    first = given(world)
    bought_by_api(world, offer="paket")
    give_back(world, first)

    assert "Akses Anda tetap berlaku lewat pesanan Anda yang lain." in page_of(world, first)


def test_a_bundle_without_the_course_keeps_nothing_when_the_order_that_kept_it_is_refunded_too(world: World) -> None:
    world.sell()
    unrelated_bundle(world)
    bought_by_api(world, offer="paket")
    first, second = given(world), given_again(world)
    end(world, first)
    give_back(world, second)
    give_back(world, first)
    deliver(world)
    mine = payment_of(world, first).merchant_order_id

    assert "aksesnya sudah diakhiri" in page_of(world, first)
    assert [row.kind for row in rows(world) if row.merchant_order_id == mine and "refunded" in row.kind] == ["refunded"]


def test_a_free_order_whose_course_another_order_keeps_reads_so(world: World) -> None:
    world.sell()
    coupon(world, "GRATIS", percent=100)
    free = ordered(world, coupon="GRATIS")
    world.work()
    given_again(world)
    refund(world, payment_of(world, free).merchant_order_id)
    ending = page_of(world, free)
    world.work()
    pages = [page_of(world, free), text(mine(world))]

    assert "Pesanan ini sudah dibatalkan." in ending
    assert all("Akses lewat pesanan lain" in page and "Akses diakhiri" not in page for page in pages)
    assert "Anda tetap bisa belajar lewat pesanan Anda yang lain." in pages[0]


def test_a_refund_after_an_end_that_another_order_spared_is_told_with_the_access_that_stays(world: World) -> None:
    world.sell()
    first = given(world)
    given_again(world)
    end(world, first)
    ended = page_of(world, first)
    give_back(world, first)
    deliver(world)

    assert "Anda tetap bisa belajar lewat pesanan Anda yang lain." in ended
    assert [row.kind for row in rows(world) if row.kind.startswith("refunded")] == ["refunded_kept"]
    assert "Akses Anda tetap berlaku lewat pesanan Anda yang lain." in page_of(world, first)


def test_no_letter_tells_of_access_that_was_ended(embedded: World) -> None:
    embedded.sell(access_days=30)
    public_id = given(embedded)
    end(embedded, public_id)
    embedded.clock.move(days=16, hours=2)

    deliver(embedded)

    assert {row.kind: row.state for row in rows(embedded) if row.kind.startswith("access_")} == {
        "access_late": "dropped",
        "access_ready": "dropped",
        "access_ends_14": "dropped",
        "access_ends_3": "waiting",
    }


def test_whoever_renewed_is_told_of_the_later_end_alone(embedded: World) -> None:
    embedded.sell(access_days=30)
    first = bought_by_api(embedded)
    embedded.clock.move(days=10)
    second = bought_by_api(embedded)

    ends = ends_told(embedded)

    assert {row.merchant_order_id for row in rows(embedded) if row.state in {"sent", "kept"}} == {first, second}
    assert ends == {(second, "access_ends_14"), (second, "access_ends_3")}


def ends_told(world: World) -> set[tuple[str, str]]:
    """Which orders were told within fifty days that their access ends."""
    for _ in range(50):
        world.clock.move(days=1)
        deliver(world)
    told = {(row.merchant_order_id, row.kind) for row in rows(world) if row.state in {"sent", "kept"}}
    return {(order_id, kind) for order_id, kind in told if kind.startswith("access_ends")}


def learns(world: World, order_id: str) -> None:
    """The learner watches a lesson, and Thinkific tells of it with the enrollment as it is."""
    [there] = [
        each
        for each in world.thinkific.school.enrollments.values()
        if each.course_id == world.payment(order_id).course_id
    ]
    until = there.expiry_date.isoformat() if there.expiry_date else None
    told = {"percentage_completed": "0.4", "expiry_date": until, "updated_at": world.clock().isoformat()}
    assert sent(world, envelope("enrollment.progress", learner(world, order_id) | told)).status_code == 200
    world.work()


def test_who_has_the_course_for_longer_by_a_bundle_is_not_told_that_it_ends(embedded: World) -> None:
    in_a_bundle(embedded, access_days=30, days_of_bundle=365)
    first = bought_by_api(embedded)
    embedded.clock.move(days=10)
    bought_by_api(embedded, offer="paket")
    learns(embedded, first)

    assert ends_told(embedded) == set()


def test_a_bundle_without_the_course_renews_nothing(embedded: World) -> None:
    embedded.sell(access_days=30)
    unrelated_bundle(embedded)
    first = bought_by_api(embedded)
    bought_by_api(embedded, offer="paket")
    learns(embedded, first)

    assert ends_told(embedded) == {(first, "access_ends_14"), (first, "access_ends_3")}


def test_a_longer_end_that_was_told_before_its_order_was_refunded_keeps_no_letter_back(embedded: World) -> None:
    embedded.sell(access_days=30)
    unrelated_bundle(embedded)
    first = bought_by_api(embedded)
    again = bought_by_api(embedded)
    bought_by_api(embedded, offer="paket")
    learns(embedded, first)
    refund(embedded, again)
    embedded.work()

    assert ends_told(embedded) == {(first, "access_ends_14"), (first, "access_ends_3")}


def test_a_webhook_that_is_silent_about_the_end_keeps_no_letter_back(embedded: World) -> None:
    embedded.sell(access_days=30)
    unrelated_bundle(embedded)
    first = bought_by_api(embedded)
    bought_by_api(embedded, offer="paket")
    silent = {name: value for name, value in learner(embedded, first).items() if name != "expiry_date"}
    assert sent(embedded, envelope("enrollment.progress", silent)).status_code == 200
    embedded.work()

    assert ends_told(embedded) == {(first, "access_ends_14"), (first, "access_ends_3")}
