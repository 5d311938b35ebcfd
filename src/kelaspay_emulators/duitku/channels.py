"""The channels of duitku.md 6: their names, how long an unpaid bill lives and which amounts they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["va", "qris", "ewallet", "retail", "card", "paylater", "ebanking", "ecommerce"]

DAY = 1440
LOWEST = 10_000
"""The floor of every channel but QRIS (duitku.md 3.3)."""
IMAGES = "https://images.duitku.com/hotlink-ok/"


@dataclass(frozen=True, slots=True)
class Channel:
    code: str
    name: str
    group: Group
    default_minutes: int
    longest_minutes: int | None
    """None: no ceiling is documented."""
    highest: int
    """Ceilings are not published; these are the usual ones of each kind."""
    fee: int
    va_prefix: str = ""
    fixed: bool = False
    """A card's or linked account's own expiry, whatever is asked."""
    linked: bool = False
    """Needs accountLink."""
    retired: bool = False

    @property
    def lowest(self) -> int:
        return 1 if self.group == "qris" else LOWEST

    @property
    def image(self) -> str:
        return f"{IMAGES}{self.code}.PNG"

    @property
    def numbered(self) -> bool:
        """Paid by a number, which the answer calls vaNumber."""
        return self.group in {"va", "retail"}

    def minutes(self, asked: int | None) -> int:
        """How long a bill lives for which the merchant asked so many minutes: never beyond the longest."""
        if self.fixed or not asked or asked < 1:
            return self.default_minutes
        return asked if self.longest_minutes is None else min(asked, self.longest_minutes)

    def takes(self, amount: int) -> bool:
        return self.lowest <= amount <= self.highest


def _va(code: str, name: str, prefix: str) -> Channel:
    return Channel(code, name, "va", DAY, None, 50_000_000, 4_000, prefix)


def _retail(code: str, name: str, prefix: str) -> Channel:
    return Channel(code, name, "retail", DAY, None, 5_000_000, 5_000, prefix)


def _qris(code: str, name: str, default: int, longest: int) -> Channel:
    return Channel(code, name, "qris", default, longest, 10_000_000, 0)


def _ewallet(code: str, name: str, default: int, longest: int, *, fixed: bool = False, linked: bool = False) -> Channel:
    return Channel(code, name, "ewallet", default, longest, 20_000_000, 2_000, fixed=fixed, linked=linked)


_ALL = (
    Channel("VC", "CREDIT CARD", "card", 30, 30, 50_000_000, 6_000, fixed=True),
    _va("BC", "BCA VA", "7007014"),
    _va("M2", "MANDIRI VA H2H", "8860810"),
    _va("VA", "MAYBANK VA", "7812345"),
    _va("I1", "BNI VA", "8808501"),
    _va("B1", "CIMB NIAGA VA", "1199016"),
    _va("BT", "PERMATA VA", "8965012"),
    _va("A1", "ATM BERSAMA VA", "8778002"),
    _va("AG", "ARTHA GRAHA VA", "3702011"),
    _va("NC", "BNC VA", "9011201"),
    _va("BR", "BRI VA", "1351601"),
    _va("S1", "SAMPOERNA VA", "9900151"),
    _va("DM", "DANAMON VA", "7999120"),
    _va("BV", "BSI VA", "6059101"),
    _retail("FT", "RETAIL", "8898101"),
    _retail("IR", "INDOMARET", "8898202"),
    _ewallet("OV", "OVO", 10, DAY),
    _ewallet("SA", "SHOPEEPAY APP", 10, 60),
    _ewallet("LF", "LINKAJA APPS FIXED FEE", 24, DAY, fixed=True),
    _ewallet("LA", "LINKAJA APPS PERCENTAGE FEE", 24, DAY, fixed=True),
    _ewallet("DA", "DANA", DAY, DAY),
    _ewallet("SL", "SHOPEEPAY LINK", 30, 30, fixed=True, linked=True),
    _ewallet("OL", "OVO LINK", 15, 15, fixed=True, linked=True),
    _qris("SP", "SHOPEEPAY QRIS", 10, 60),
    _qris("GQ", "GUDANG VOUCHER QRIS", 10, 60),
    _qris("SQ", "NUSAPAY QRIS", 10, 60),
    _qris("NQ", "NOBU QRIS", 24, DAY),
    Channel("DN", "INDODANA PAYLATER", "paylater", DAY, DAY, 50_000_000, 0),
    Channel("AT", "ATOME", "paylater", 720, 720, 50_000_000, 0),
    Channel("JP", "JENIUS PAY", "ebanking", 10, 10, 50_000_000, 2_500),
    Channel("T1", "TOKOPEDIA CARD PAYMENT", "ecommerce", DAY, DAY, 50_000_000, 4_000),
    Channel("T2", "TOKOPEDIA E-WALLET", "ecommerce", DAY, DAY, 20_000_000, 4_000),
    Channel("T3", "TOKOPEDIA OTHERS", "ecommerce", DAY, DAY, 50_000_000, 4_000),
    Channel("LQ", "LINKAJA QRIS", "qris", 10, 60, 10_000_000, 0, retired=True),
)

CHANNELS = {channel.code: channel for channel in _ALL}

CHOSEN_AT_DUITKU = Channel("", "", "va", DAY, None, 50_000_000, 0)
"""The bounds of an invoice whose channel the buyer still has to choose."""


def channel_of(payment_method: str) -> Channel:
    return CHANNELS[payment_method] if payment_method else CHOSEN_AT_DUITKU
