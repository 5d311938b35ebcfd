"""Duitku's callback (duitku.md 3.5): read as sent, verified, then parsed.

Its signature covers merchantCode, amount and merchantOrderId only. `result_code` and all the rest are hearsay: whoever
grants something on a callback asks `transaction_status` first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from kelaspay.duitku.channels import CHANNELS
from kelaspay.duitku.signature import Scheme, matches, scheme_of
from kelaspay.faults import BadSignature, MalformedCallback, WrongMerchant
from kelaspay.payment import MerchantOrderId, Rupiah

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIRED = ("merchantCode", "amount", "merchantOrderId", "resultCode", "signature")
KEPT = (*REQUIRED, "reference", "publisherOrderId")
MOST_FIELDS = 100
LONGEST_FIELD = 255
"""No field that is read is longer in Duitku's tables (duitku.md 3.2)."""
MOST_DIGITS = 15
"""Of an amount: far more than anyone pays, and fewer than a database's integer holds."""


@dataclass(frozen=True, slots=True)
class Callback:
    merchant_order_id: MerchantOrderId
    amount: Rupiah
    result_code: str
    """"00" paid; "01" or "02" not (duitku.md 3.5). Not signed."""
    reference: str | None
    publisher_order_id: str | None
    scheme: Scheme


def read_callback(
    body: bytes, content_type: str, *, merchant_code: str, api_key: str, accepted: frozenset[Scheme]
) -> Callback:
    """A callback whose signature holds, form or JSON.

    Raises `MalformedCallback`, `WrongMerchant` or `BadSignature`.
    """
    fields = _fields(body, content_type)
    for name in REQUIRED:
        if not fields.get(name, "").strip():
            raise MalformedCallback(f"{name} is missing.")
    for name in KEPT:
        _storable(name, fields.get(name, ""))
    if fields["merchantCode"] != merchant_code:
        raise WrongMerchant
    signature = fields["signature"].strip().lower()
    scheme = scheme_of(signature)
    signed = (fields["merchantCode"], fields["amount"], fields["merchantOrderId"])
    if scheme not in accepted or not matches(scheme, api_key, signature, *signed):
        raise BadSignature
    return Callback(
        merchant_order_id=MerchantOrderId(fields["merchantOrderId"]),
        amount=_rupiah(fields["amount"]),
        result_code=fields["resultCode"].strip(),
        reference=fields.get("reference", "").strip() or None,
        publisher_order_id=fields.get("publisherOrderId", "").strip() or None,
        scheme=scheme,
    )


def channel_told(body: bytes, content_type: str) -> str | None:
    """The channel that a callback names, where it is one of ours. Not signed: good for choosing whom to ask."""
    try:
        told = _fields(body, content_type).get("paymentCode", "")
    except MalformedCallback:
        return None
    return told if told in CHANNELS else None


def _fields(body: bytes, content_type: str) -> Mapping[str, str]:
    """The fields exactly as sent: numbers in JSON keep their digits. A field that is there twice is refused, for no two
    readers agree on which of them counts.
    """
    text = body.decode("utf-8", "replace")
    if content_type.partition(";")[0].strip().lower() == "application/json" or text.lstrip().startswith("{"):
        return _json_fields(text)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise MalformedCallback from error
    return _once(pairs)


def _json_fields(text: str) -> Mapping[str, str]:
    try:
        parsed = json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise MalformedCallback from error
    if not isinstance(parsed, dict):
        raise MalformedCallback
    return {name: value for name, value in parsed.items() if isinstance(value, str)}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedCallback("A field is there twice.")
    return fields


def _storable(name: str, value: str) -> None:
    """Refuse what a database cannot keep: one such event would fail the commit that it shares with others."""
    if len(value) > LONGEST_FIELD or not value.strip().isprintable():
        raise MalformedCallback(f"{name} is no plain text.")


def _rupiah(amount: str) -> Rupiah:
    if not (amount.isascii() and amount.isdigit() and len(amount) <= MOST_DIGITS):
        raise MalformedCallback("amount is not a whole number.")
    return Rupiah(int(amount))
