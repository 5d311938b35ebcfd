"""The signatures of duitku.md 2, in the scheme of April 2026 (HMAC) and the one before."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

Scheme = Literal["hmac", "legacy"]
Legacy = Literal["md5", "sha256"]


def sign(message: str, api_key: str, *, scheme: Scheme = "hmac", legacy: Legacy = "md5") -> str:
    """Lowercase hex; the legacy schemes append the key to the message."""
    if scheme == "hmac":
        return hmac.new(api_key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return hashlib.new(legacy, (message + api_key).encode()).hexdigest()


def is_signed(signature: str, message: str, api_key: str, *, accept: Collection[str], legacy: Legacy = "md5") -> bool:
    """Whether the signature is the right one in any accepted scheme."""
    received = signature.strip().lower().encode()
    schemes: tuple[Scheme, ...] = ("hmac", "legacy")
    expected = (sign(message, api_key, scheme=each, legacy=legacy).encode() for each in schemes if each in accept)
    return any(hmac.compare_digest(received, each) for each in expected)


def callback_message(merchant_code: str, amount: str, merchant_order_id: str) -> str:
    """The amount stands before the order id here, and only here."""
    return merchant_code + amount + merchant_order_id
