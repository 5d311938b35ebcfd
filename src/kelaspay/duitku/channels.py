"""Duitku's payment channels and how long their invoices live (duitku.md 6)."""

from __future__ import annotations

from dataclasses import dataclass

LOWEST = 10_000
"""Rupiah: what every channel but QRIS takes at least (duitku.md 3.3)."""
DAY = 1440
"""Minutes; also how long an invoice lives whose channel the buyer chooses at Duitku."""


@dataclass(frozen=True, slots=True)
class Channel:
    code: str
    name: str
    group: str
    expiry_period: int
    """Minutes we ask for: the channel's longest, up to a day."""


_GROUPS: dict[str, dict[str, tuple[str, int]]] = {
    "card": {"VC": ("Visa / Mastercard / JCB", 30)},
    "va": {
        "BC": ("BCA Virtual Account", DAY),
        "M2": ("Mandiri Virtual Account", DAY),
        "VA": ("Maybank Virtual Account", DAY),
        "I1": ("BNI Virtual Account", DAY),
        "B1": ("CIMB Niaga Virtual Account", DAY),
        "BT": ("Permata Virtual Account", DAY),
        "A1": ("ATM Bersama", DAY),
        "AG": ("Bank Artha Graha", DAY),
        "NC": ("Bank Neo Commerce", DAY),
        "BR": ("BRIVA", DAY),
        "S1": ("Bank Sahabat Sampoerna", DAY),
        "DM": ("Danamon Virtual Account", DAY),
        "BV": ("BSI Virtual Account", DAY),
    },
    "retail": {"FT": ("Pegadaian / Alfamart / Pos", DAY), "IR": ("Indomaret", DAY)},
    "ewallet": {
        "OV": ("OVO", DAY),
        "SA": ("ShopeePay", 60),
        "LF": ("LinkAja (biaya tetap)", 24),
        "LA": ("LinkAja", 24),
        "DA": ("DANA", DAY),
    },
    "qris": {
        "SP": ("QRIS ShopeePay", 60),
        "GQ": ("QRIS Gudang Voucher", 60),
        "SQ": ("QRIS Nusapay", 60),
        "NQ": ("QRIS Nobu", DAY),
    },
    "paylater": {"DN": ("Indodana", DAY), "AT": ("Atome", 720)},
    "ebanking": {"JP": ("Jenius Pay", 10)},
    "ecommerce": {
        "T1": ("Tokopedia Kartu", DAY),
        "T2": ("Tokopedia E-wallet", DAY),
        "T3": ("Tokopedia", DAY),
    },
}

CHANNELS = {
    code: Channel(code, name, group, minutes)
    for group, channels in _GROUPS.items()
    for code, (name, minutes) in channels.items()
}
"""By code. OL and SL are left out: they need a linked account (duitku.md 6)."""


def channel_name(code: str) -> str:
    """What people call a channel; its code where none of ours has it."""
    return CHANNELS[code].name if code in CHANNELS else code


def expiry_period(payment_method: str | None) -> int:
    """Minutes for which an invoice can be paid."""
    return CHANNELS[payment_method].expiry_period if payment_method else DAY
