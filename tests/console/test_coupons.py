"""Coupons in the console: made, corrected, seen at work, retired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.console.desk import joined
from tests.pages.browser import order
from tests.world import OFFER

from kelaspay.store import coupons

if TYPE_CHECKING:
    from tests.world import World

    from kelaspay.coupon import Coupon


def kept(world: World) -> list[Coupon]:
    with world.database.read() as db:
        return coupons.list_coupons(db)


def test_a_coupon_is_made_corrected_used_and_retired(world: World) -> None:
    world.sell()
    desk = joined(world)
    desk.open("/console/coupons")
    desk.press("/console/coupons", code="lebaran 25", takes="25 %", offer=OFFER, most="10", valid_until="2026-12-01")
    assert "Kupon ditambahkan." in desk.text
    assert f"https://pay.example.com/buy/{OFFER}?coupon=LEBARAN25" in desk.text

    assert order(world, coupon="LEBARAN25").status_code == 303
    desk.press("/console/coupons", code="LEBARAN25", takes="Rp 145.000")
    assert "Kupon diubah." in desk.text
    assert "Ditolak untuk web-fundamentals: sisanya di bawah Rp 10.000." in desk.text
    (made,) = kept(world)
    assert (made.amount, made.percent, made.redeemed, made.most) == (145_000, None, 1, None)

    desk.open("/console/coupons/LEBARAN25/retire")
    desk.press("/console/coupons/LEBARAN25/retire")

    assert "Kupon ditarik." in desk.text
    assert order(world, coupon="LEBARAN25", customer_email="lain@example.com").status_code == 422
    desk.open("/console/coupons/NIX/retire")
    assert desk.status == 404


def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(world: World) -> None:
    world.sell()
    desk = joined(world)
    desk.open("/console/coupons")
    desk.press(
        "/console/coupons",
        code="!",
        takes="banyak",
        most="-1",
        most_each="2",
        valid_from="besok",
        valid_until="2026-12-01",
    )

    assert desk.status == 422
    assert desk.text.count('aria-invalid="true"') == 4
    assert 'value="2026-12-01"' in desk.text
    assert kept(world) == []
