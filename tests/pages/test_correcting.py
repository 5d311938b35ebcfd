"""An address that was wrong, corrected before paying; and faults that are said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kelaspay.change_email import change_email
from kelaspay.store import enrollments
from tests.pages.browser import choose, ordered, text
from tests.pages.test_coupons import coupon
from tests.pages.test_me import letters
from tests.pages.test_paying import payment_of
from tests.pages.test_status import bought

if TYPE_CHECKING:
    import httpx2

    from tests.world import World

PAGE = {"Accept": "text/html,application/xhtml+xml"}


def correct(world: World, public_id: str, email: str) -> httpx2.Response:
    return world.web.post(f"/o/{public_id}/email", data={"customer_email": email})


def test_a_wrong_address_is_corrected_before_paying_and_the_letter_goes_out_again(world: World) -> None:
    world.sell()
    public_id = ordered(world, customer_email="siti@example.net")
    assert "Email salah? Perbaiki" in text(world.web.get(f"/o/{public_id}/method"))
    page = choose(world, public_id)
    assert [letter.to for letter in letters(world)] == ["siti@example.net"]
    assert f'href="/o/{public_id}/email"' in page.text
    assert 'value="siti@example.net"' in world.web.get(f"/o/{public_id}/email").text

    said = text(correct(world, public_id, " Siti@Example.com "))
    assert "Email sudah diganti." in said
    assert [letter.to for letter in letters(world)] == ["siti@example.com"]
    correct(world, public_id, "siti@example.com")
    assert letters(world) == []

    order_id = payment_of(world, public_id).merchant_order_id
    world.call_back(world.duitku.pay(order_id))
    world.work()

    assert world.enrolled() == [("siti@example.com", "Web Development Fundamentals")]
    assert world.story(order_id).count("email_corrected") == 1


def test_after_paying_the_buyer_asks_and_a_person_decides(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    order_id = payment_of(embedded, public_id).merchant_order_id
    assert "Minta email diganti" in embedded.web.get(f"/o/{public_id}/email").text
    said = [text(correct(embedded, public_id, email)) for email in (" Lain@Example.com", "lain@example.com")]
    flagged = embedded.payment(order_id)

    assert ["Permintaan Anda sudah kami terima." in each for each in said] == [True, True]
    assert (flagged.attention, embedded.story(order_id).count("email_wrong")) == ("email_wrong", 1)
    assert "lain@example.com" not in str(flagged)
    assert embedded.enrolled() == [("siti@example.com", "Web Development Fundamentals")]

    change_email(
        order_id, "lain@example.com", school=embedded.school, start=embedded.engine.start, actor="operator Rina"
    )
    embedded.work()
    assert embedded.payment(order_id).attention is None
    assert "lain@example.com" in [email for email, _course in embedded.enrolled()]


def test_nobody_else_asks_for_a_paid_order_and_nobody_once_its_buyer_has_signed_in(embedded: World) -> None:
    embedded.sell()
    public_id = bought(embedded)
    embedded.work()
    order_id = payment_of(embedded, public_id).merchant_order_id
    embedded.another_browser().post(f"/o/{public_id}/email", data={"customer_email": "maling@example.com"})
    with embedded.database.begin() as db:
        found = enrollments.find_enrollment(db, order_id)
        assert found is not None
        enrollments.remember_user(
            db, "akademi", "other@example.com", found.user_id or 0, embedded.clock(), newest_event=0
        )
        enrollments.set_signed_in(db, "akademi", found.user_id or 0, embedded.clock())
    assert "Minta email diganti" in embedded.web.get(f"/o/{public_id}/email").text  # it was another school's learner
    with embedded.database.begin() as db:
        enrollments.set_signed_in(db, "", found.user_id or 0, embedded.clock())
    correct(embedded, public_id, "lain@example.com")

    assert embedded.payment(order_id).attention is None
    assert "Perbaiki" not in embedded.web.get(f"/o/{public_id}").text


def test_only_the_browser_that_ordered_may(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    stranger = embedded.another_browser()
    stranger.post(f"/o/{public_id}/email", data={"customer_email": "maling@example.com"})

    assert "Perbaiki" not in stranger.get(f"/o/{public_id}").text
    assert "siti@example.com" not in stranger.get(f"/o/{public_id}/email").text
    assert "siti@example.com" in embedded.web.get(f"/o/{public_id}").text


def test_what_is_no_address_is_said_and_nothing_changes(embedded: World) -> None:
    embedded.sell()
    public_id = ordered(embedded)
    choose(embedded, public_id)
    answer = correct(embedded, public_id, "siti@")

    assert answer.status_code == 422
    assert "Email tidak valid." in text(answer)
    assert 'value="siti@"' in answer.text
    assert "siti@example.com" in embedded.web.get(f"/o/{public_id}").text


def test_a_coupon_is_not_had_twice_by_way_of_another_address(embedded: World) -> None:
    embedded.sell()
    coupon(embedded, most_each=1)
    ordered(embedded, coupon="SETENGAH")
    second = ordered(embedded, coupon="SETENGAH", customer_email="lain@example.com")
    answer = correct(embedded, second, "siti@example.com")

    assert answer.status_code == 422
    assert "Kupon ini sudah pernah dipakai dengan email ini." in text(answer)


@pytest.mark.parametrize("path", ["/buy/nix", "/o/nix", "/o/nix/receipt", "/o/nix/method", "/me/nix"])
def test_what_is_not_there_is_said_in_words(embedded: World, path: str) -> None:
    embedded.sell()
    page = embedded.web.get(path, headers=PAGE)
    program = embedded.web.get(path, headers={"Accept": "application/json"})

    assert (page.status_code, program.status_code) == (404, 404)
    assert "Halaman ini tidak ditemukan" in text(page)
    assert 'href="/me"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert program.headers["content-type"] == "application/problem+json"
    assert "This page was not found" in text(embedded.web.get(f"{path}?lang=en", headers=PAGE))
