"""The shapes of what Duitku makes up: references, VA numbers and QRIS strings (duitku.md 3.2)."""

from __future__ import annotations

import secrets
import string
from datetime import datetime, timedelta, timezone

from kelaspay_emulators.duitku.channels import CHANNELS

WIB = timezone(timedelta(hours=7), "WIB")
_LETTERS = string.ascii_uppercase + string.digits
_VA_DIGITS = 16


def reference_like(prefix: str, now: datetime) -> str:
    """The prefix, the year in two digits, then fifteen letters and digits."""
    return f"{prefix}{now.astimezone(WIB):%y}" + "".join(secrets.choice(_LETTERS) for _ in range(15))


def va_number(payment_method: str) -> str:
    prefix = CHANNELS[payment_method].va_prefix
    missing = _VA_DIGITS - len(prefix)
    return prefix + str(secrets.randbelow(10**missing)).zfill(missing)


def qr_string(publisher_order_id: str, amount: int, merchant_name: str) -> str:
    """An EMVCo merchant-presented code for one payment, ending in its checksum."""
    account = _field("00", "ID.CO.SHOPEE.WWW") + _field("01", "936009180000000123") + _field("03", "UME")
    body = (
        _field("00", "01")
        + _field("01", "12")
        + _field("26", account)
        + _field("52", "8299")
        + _field("53", "360")
        + _field("54", f"{amount}.00")
        + _field("58", "ID")
        + _field("59", merchant_name[:25])
        + _field("60", "JAKARTA")
        + _field("61", "12190")
        + _field("62", _field("05", publisher_order_id))
        + "6304"
    )
    return f"{body}{crc16(body.encode()):04X}"


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 1021, starting from FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc
