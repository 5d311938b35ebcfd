"""What an order costs: the price of our own offer, less what a coupon takes off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay.coupon import coded
from kelaspay.duitku import LOWEST
from kelaspay.payment import NOTHING, Rupiah
from kelaspay.store import coupons

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.coupon import Coupon
    from kelaspay.payment import Offer
    from kelaspay.store.database import Db


@dataclass(frozen=True, slots=True)
class Price:
    """The offer's price, what comes off, and by which coupon."""

    price: Rupiah
    discount: Rupiah = NOTHING
    coupon: str | None = None

    @property
    def total(self) -> Rupiah:
        return Rupiah(self.price - self.discount)


def priced(db: Db, offer: Offer, code: str, now: datetime) -> Price:
    """What the offer costs with this coupon, or with "" without one; raises `ValueError` with why it cannot be used.

    How often it may still be used is for whoever keeps the order to find out, in the same transaction.
    """
    code = coded(code)
    if not code:
        return Price(offer.price)
    coupon = coupons.find_coupon(db, offer.school, code) if code.isprintable() else None
    if coupon is None:
        raise ValueError("is not a coupon of ours")
    if (why := coupon.why_not(offer.slug, now)) is not None:
        raise ValueError(why)
    price = Price(offer.price, coupon.off(offer.price), code)
    if 0 < price.total < LOWEST:
        raise ValueError("leaves less than can be paid")
    return price


def previewed(db: Db, offer: Offer, code: str, now: datetime) -> Price:
    """The same for who only looks: a coupon that others have used up is said to be."""
    price = priced(db, offer, code, now)
    coupon = coupons.find_coupon(db, offer.school, price.coupon) if price.coupon else None
    if coupon is not None and coupon.used_up:
        raise ValueError("is used up")
    return price


def price_doubts(offer: Offer) -> list[str]:
    """What is to be said of the offer's price, in words (duitku.md 3.3)."""
    qris_alone = (
        "a price below Rp 10.000 can be paid by QRIS alone, on our own page or with that payment_method: Duitku refuses"
        " it for every other channel and where the buyer would choose at Duitku"
    )
    return [qris_alone] if offer.price < LOWEST else []


def too_little(coupon: Coupon, offers: list[Offer]) -> list[str]:
    """The slugs of offers of which the coupon leaves something too small to be paid, so that it is refused there."""
    own = [offer for offer in offers if offer.school == coupon.school and offer.retired_at is None]
    return [offer.slug for offer in own if 0 < offer.price - coupon.off(offer.price) < LOWEST]
