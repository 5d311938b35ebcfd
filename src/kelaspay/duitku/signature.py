"""Duitku's signatures (duitku.md 2): concatenation without separators, lower-case hex.

In the current scheme the key signs (HMAC-SHA256); in the legacy one it is appended to what is hashed.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

HMAC_HEX = 64
MD5_HEX = 32


class Scheme(StrEnum):
    HMAC = "hmac"
    LEGACY = "legacy"


def sign(scheme: Scheme, api_key: str, *parts: str, legacy: str = "md5") -> str:
    """The signature over `parts`; `legacy` names the hash of the legacy scheme for this call: md5 or sha256."""
    message = "".join(parts)
    if scheme is Scheme.HMAC:
        return hmac.new(api_key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return hashlib.new(legacy, (message + api_key).encode()).hexdigest()


def scheme_of(signature: str) -> Scheme | None:
    """Which scheme made a callback's signature, told by its length; None for neither."""
    return {HMAC_HEX: Scheme.HMAC, MD5_HEX: Scheme.LEGACY}.get(len(signature))


def matches(scheme: Scheme, api_key: str, signature: str, *parts: str) -> bool:
    """Whether `signature` is right, compared in constant time; case and space around it do not count."""
    expected = sign(scheme, api_key, *parts)
    return hmac.compare_digest(expected.encode(), signature.encode())
