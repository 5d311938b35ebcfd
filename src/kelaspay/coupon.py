"""What a coupon takes off a price, and when it may be used. Knows no database and no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kelaspay.faults import InvalidInput
from kelaspay.payment import NOTHING, Rupiah

if TYPE_CHECKING:
    from datetime import datetime

CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,31}")
WHOLE = 100
"""Percent."""
MOST = 1_000_000_000
"""Rupiah, and redemptions."""


@dataclass(frozen=True, slots=True)
class Coupon:
    """Takes off `percent` of the price or `amount` rupiah, for one offer or, where none is named, for all of a
    school's.
    """

    code: str
    percent: int | None = None
    amount: Rupiah | None = None
    offer: str | None = None
    most: int | None = None
    """How many orders may have it; None for any number."""
    most_each: int | None = None
    """The same for one e-mail address."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    retired_at: datetime | None = None
    redeemed: int = 0
    """How many orders have it now."""
    school: str = ""

    def off(self, price: Rupiah) -> Rupiah:
        """Rounded down to whole rupiah, and never more than the price."""
        if self.percent is not None:
            return Rupiah(price * self.percent // WHOLE)
        return min(price, self.amount or NOTHING)

    def why_not(self, offer: str, now: datetime) -> str | None:
        """Why it cannot be used for this offer now; None when it can, as far as it has not been used up."""
        if self.retired_at is not None and self.retired_at <= now:
            return "is not a coupon of ours"
        if self.valid_from is not None and now < self.valid_from:
            return "is not valid yet"
        if self.valid_until is not None and self.valid_until <= now:
            return "has ended"
        if self.offer is not None and self.offer != offer:
            return "is for another offer"
        return None

    @property
    def used_up(self) -> bool:
        return self.most is not None and self.redeemed >= self.most


def coded(text: str) -> str:
    """A code as it is kept, however it was typed: case and space do not count."""
    return "".join(text.split()).upper()


def checked(coupon: Coupon) -> Coupon:
    """A coupon that can be kept, its code folded; raises `InvalidInput` with every field that is wrong."""
    code = coded(coupon.code)
    wrong: dict[str, str] = {}
    if not CODE.fullmatch(code):
        wrong["code"] = "has 2 to 32 letters, digits, - and _"
    if (coupon.percent is None) == (coupon.amount is None):
        wrong["percent"] = "takes off either percent or an amount"
    if coupon.percent is not None and not 0 < coupon.percent <= WHOLE:
        wrong["percent"] = "is not between 1 and 100"
    for name in ("amount", "most", "most_each"):
        value = getattr(coupon, name)
        if value is not None and not 0 < value <= MOST:
            wrong[name] = "is not a whole number above 0"
    if coupon.valid_from and coupon.valid_until and coupon.valid_until <= coupon.valid_from:
        wrong["valid_until"] = "is not after its beginning"
    if wrong:
        raise InvalidInput(wrong)
    return replace(coupon, code=code)
