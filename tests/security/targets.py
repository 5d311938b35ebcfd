"""What the fuzzers throw bytes at: each target takes any bytes and asserts what must hold for all of them. Whatever is
refused is refused by a fault of ours; whatever is taken in can be kept, and is what its sender signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kelaspay.duitku.callback import read_callback
from kelaspay.duitku.signature import Scheme, matches, scheme_of
from kelaspay.faults import BadSignature, MalformedCallback, WrongMerchant
from kelaspay.install_faults import SubdomainInvalid
from kelaspay.thinkific.oauth import checked_subdomain
from kelaspay.wanted import LONGEST_EMAIL, _phone, email_of

if TYPE_CHECKING:
    from collections.abc import Callable

MERCHANT, KEY = "DS0001", "a key of the fuzzers alone"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
REFUSALS = (MalformedCallback, WrongMerchant, BadSignature)
LONGEST_BIGINT = 2**63 - 1


def raw_callback(data: bytes) -> None:
    """Nobody has signed it, so it is refused, however it is shaped; and refused as such, not by stumbling."""
    for content_type in (FORM, JSON):
        try:
            read = read_callback(data, content_type, merchant_code=MERCHANT, api_key=KEY, accepted=frozenset(Scheme))
        except REFUSALS:
            continue
        raise AssertionError(read)


def signed_callback(data: bytes) -> None:
    """Signed as Duitku signs, with whatever values: taken in as it was signed, or refused as malformed."""
    amount, order_id, result, reference, *_rest = (*data.decode("utf-8", "replace").split("\x00", 4), "", "", "", "")
    scheme = hashlib.sha256 if len(data) % 2 else None
    text = f"{MERCHANT}{amount}{order_id}"
    signature = (
        hmac.new(KEY.encode(), text.encode(), scheme).hexdigest()
        if scheme
        else hashlib.md5(f"{text}{KEY}".encode(), usedforsecurity=False).hexdigest()
    )
    fields = {
        "merchantCode": MERCHANT,
        "amount": amount,
        "merchantOrderId": order_id,
        "resultCode": result,
        "reference": reference,
        "signature": signature,
    }
    for body, content_type in ((urlencode(fields), FORM), (json.dumps(fields), JSON)):
        _taken_as_signed(body.encode(), content_type, fields)


def _taken_as_signed(body: bytes, content_type: str, fields: dict[str, str]) -> None:
    try:
        read = read_callback(body, content_type, merchant_code=MERCHANT, api_key=KEY, accepted=frozenset(Scheme))
    except MalformedCallback:
        return
    assert read.merchant_order_id == fields["merchantOrderId"]
    assert read.amount == int(fields["amount"])
    assert 0 <= read.amount <= LONGEST_BIGINT
    for kept in (read.merchant_order_id, read.result_code, read.reference or ""):
        assert "\x00" not in kept
        kept.encode()


def signature(data: bytes) -> None:
    """No text is taken for the signature of another one, whichever scheme its length claims."""
    given = data.decode("utf-8", "replace").strip().lower()
    scheme = scheme_of(given)
    if scheme is not None:
        assert not matches(scheme, KEY, given, MERCHANT, "150000", "KP261123-abcdefghijklmnop")


def subdomain(data: bytes) -> None:
    """What becomes part of a host name is one label of letters, digits and hyphens."""
    with suppress(SubdomainInvalid):
        bare = checked_subdomain(data.decode("utf-8", "replace"))
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", bare)


def phone(data: bytes) -> None:
    """A number that is taken is E.164, and stays itself when it comes again."""
    with suppress(ValueError):
        number = _phone(data.decode("utf-8", "replace"))
        assert re.fullmatch(r"\+[1-9][0-9]{3,14}", number)
        assert _phone(number) == number


def email(data: bytes) -> None:
    """An address that is taken is short, printable, in lower case, and stays itself when it comes again."""
    with suppress(ValueError):
        address = email_of(data.decode("utf-8", "replace"))
        assert len(address) <= LONGEST_EMAIL
        assert address.isprintable()
        assert address == address.lower()
        assert email_of(address) == address


TARGETS: dict[str, Callable[[bytes], None]] = {
    "raw_callback": raw_callback,
    "signed_callback": signed_callback,
    "signature": signature,
    "subdomain": subdomain,
    "phone": phone,
    "email": email,
}

SEEDS: dict[str, tuple[bytes, ...]] = {
    "raw_callback": (
        b"merchantCode=DS0001&amount=150000&merchantOrderId=KP261123-abcdefghijklmnop&resultCode=00"
        b"&reference=D0001&publisherOrderId=BC26&signature=" + b"0" * 64,
        b'{"merchantCode":"DS0001","amount":150000,"merchantOrderId":"KP1","resultCode":"00","signature":"'
        + b"0" * 32
        + b'"}',
        b'[{"amount":1e5}]',
    ),
    "signed_callback": (b"150000\x00KP261123-abcdefghijklmnop\x0000\x00D0001BC26", b"1\x00K\x0001\x00"),
    "signature": (b"0" * 64, b"0" * 32),
    "subdomain": (b"acme", b"Kelas-Bu-Ani"),
    "phone": (b"0812-3456-7890", b"+62 812 3456 7890", b"6281234567890"),
    "email": (b"siti@example.com", b"Siti.R+kelas@Example.co.id"),
}
"""Inputs from which each target is explored."""
