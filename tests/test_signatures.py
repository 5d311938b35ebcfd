"""Duitku's signatures against every vector of duitku.md 2, and the callback's reader against whatever may come in."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kelaspay.duitku import Callback, read_callback
from kelaspay.duitku.signature import Scheme, matches, scheme_of, sign
from kelaspay.faults import BadSignature, MalformedCallback, WrongMerchant
from kelaspay.payment import MerchantOrderId, Rupiah

MERCHANT = "D0001"
KEY = "732B39FC61796845775D2C4FB05332AF"
ORDER = MerchantOrderId("INV-2026-0001")
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

VECTORS = {
    "inquiry": (
        (ORDER, "150000"),
        "919146cde8da103cb5ec0080a0d6dd17e38fef8c8879f076811e7cf75213edd6",
        ("md5", "9cd32aadd0ee9f88ebe60b5f48a454e7"),
    ),
    "callback": (
        ("150000", ORDER),
        "3cd9cc859a76df734093ecfdbf24cef0b730a9379302c0301e1033e779aa8090",
        ("md5", "2e8cfc23110562c29b047168063a4f84"),
    ),
    "status": (
        (ORDER,),
        "4ea65e03660d5fe391c306cb37ac8bdb893ff7d01835d7086fe39debde5a2fcc",
        ("md5", "8dd5f6fdbb8da8d47ee82177b557dbaf"),
    ),
    "getpaymentmethod": (
        ("150000", "2026-01-25 16:23:08"),
        "668ecedb7ded377fe53a86cf634c980b78be9550926d88e478678c1be9bbac5b",
        ("sha256", "1bf93bb1ed70f740e3ab6bcd3af01c0dc897aaf832174564e37787a6074c1fae"),
    ),
    "POP": (
        ("1773728479616",),
        "1f1db97c08f87a45e652b06ca503d5d4681f2ef49b893d82ba6dd6c77c6cf64c",
        ("sha256", "08e5cc54ac224afd9fb37265fe673ca094b2c614a20b4462058146434432489d"),
    ),
}
"""By call: what follows the merchant code, the HMAC, and the legacy hash (duitku.md 2)."""

LEGACY_WIRE = [
    (("10000", "12345"), "md5", "4104f20a70c933113c66c004fe25a9f1"),  # the official PHP library's callback fixture
    (("INV-1", "10000"), "md5", "345f934e14ea6618f6ada0aeb7570a4c"),
    (("INV-1",), "md5", "8d95b1c9c7e2a167f816b45d22b9f54e"),
    (("10000", "2022-01-25 16:23:08"), "sha256", "a6df3505377f410e79db4379be6a0ba5fc99c539f83b817f4877b8b61f37750e"),
    (("test_payment_01", "10000"), "md5", "5ab33b15ac648a59a11760bebd7d716c"),
    (("test_payment_01",), "md5", "271d821c7cc9ca755e91ae27f2a56563"),
    (("10000", "2026-11-22 23:46:38"), "sha256", "3105f43ad9824db9d323e442eaaa5306713c5f0fc1bcded6382f92e8cc1190a7"),
    (("1795391198082",), "sha256", "8a8779a15a8666653674c606874437d72e48093fbb4a85699176c88b97739cbd"),
]
"""What Duitku's own libraries and PyPI's `duitku` sign with the test pair."""


@pytest.mark.parametrize("call", VECTORS)
def test_every_call_is_signed_as_documented_in_both_schemes(call: str) -> None:
    parts, current, (legacy, obsolete) = VECTORS[call]

    assert sign(Scheme.HMAC, KEY, MERCHANT, *parts) == current
    assert sign(Scheme.LEGACY, KEY, MERCHANT, *parts, legacy=legacy) == obsolete


@pytest.mark.parametrize(("parts", "legacy", "signature"), LEGACY_WIRE)
def test_the_legacy_signatures_of_others_libraries_are_reproduced(
    parts: tuple[str, ...], legacy: str, signature: str
) -> None:
    assert sign(Scheme.LEGACY, KEY, MERCHANT, *parts, legacy=legacy) == signature


def test_the_current_signature_of_the_pypi_library_is_reproduced() -> None:
    seen = "bd98587c881195ffaf5df7902ee191ca0f90d5a5822035643cad33a4c6f63755"

    assert sign(Scheme.HMAC, KEY, MERCHANT, "1795391179104") == seen


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("15000", "0123"), ("150000", "123")),  # a callback's amount and order id
        (("INV1", "50000"), ("INV15", "0000")),  # an inquiry's order id and amount
        (("10000", "20000"), ("1000020000",)),  # one call's signature is another's
    ],
)
def test_nothing_separates_what_is_signed(scheme: Scheme, one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert sign(scheme, KEY, MERCHANT, *one) == sign(scheme, KEY, MERCHANT, *other)


def test_the_ambiguous_callback_has_the_published_signature() -> None:
    published = "35c222a0ea69f0a42db30ffde968ccb8319b3c8896c5089267e89c0a4f515a67"  # duitku.md 8.2

    assert sign(Scheme.HMAC, KEY, MERCHANT, "150000", "123") == published


@given(amount=st.integers(0, 10**12).map(str), order=st.text(min_size=1, max_size=50), scheme=st.sampled_from(Scheme))
def test_a_signature_is_told_by_its_length_and_holds_for_its_own_message_alone(
    amount: str, order: str, scheme: Scheme
) -> None:
    signature = sign(scheme, KEY, MERCHANT, amount, order)

    assert scheme_of(signature) is scheme
    assert matches(scheme, KEY, signature, MERCHANT, amount, order)
    assert not matches(scheme, KEY, signature, MERCHANT, amount, order + "x")
    assert not matches(scheme, KEY[::-1], signature, MERCHANT, amount, order)


def fields(scheme: Scheme = Scheme.HMAC, /, **changed: str) -> dict[str, str]:
    """A callback as Duitku signs it, then changed."""
    signature = VECTORS["callback"][1] if scheme is Scheme.HMAC else VECTORS["callback"][2][1]
    return {
        "merchantCode": MERCHANT,
        "amount": "150000",
        "merchantOrderId": ORDER,
        "resultCode": "00",
        "reference": "D0001REF",
        "publisherOrderId": "BC26PUB",
        "signature": signature,
    } | changed


def read(body: bytes, content_type: str = FORM, accepted: frozenset[Scheme] = frozenset(Scheme)) -> Callback:
    return read_callback(body, content_type, merchant_code=MERCHANT, api_key=KEY, accepted=accepted)


def form(**changed: str) -> bytes:
    return urlencode(fields(Scheme.HMAC, **changed)).encode()


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=UTF-8", "", "text/plain"])
def test_a_form_is_read_whatever_its_content_type_says(scheme: Scheme, content_type: str) -> None:
    callback = read(urlencode(fields(scheme)).encode(), content_type)

    assert callback == Callback(ORDER, Rupiah(150_000), "00", "D0001REF", "BC26PUB", scheme)


@pytest.mark.parametrize("amount", ["150000", 150000], ids=["text", "number"])
@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON", FORM, ""])
def test_json_is_read_whatever_its_content_type_says(amount: str | int, content_type: str) -> None:
    callback = read(json.dumps(fields() | {"amount": amount}).encode(), content_type)

    assert (callback.merchant_order_id, callback.amount) == (ORDER, 150_000)


@pytest.mark.parametrize("change", [str.upper, lambda signature: f"  {signature}\n", str.lower])
def test_case_and_space_around_a_signature_do_not_count(change: Any) -> None:
    assert read(form(signature=change(fields()["signature"]))).amount == 150_000


def test_only_core_fields_are_needed() -> None:
    core = {name: value for name, value in fields().items() if name not in {"reference", "publisherOrderId"}}
    callback = read(urlencode(core).encode())

    assert (callback.reference, callback.publisher_order_id) == (None, None)


@pytest.mark.parametrize("name", ["merchantCode", "amount", "merchantOrderId", "resultCode", "signature"])
@pytest.mark.parametrize("left", [None, "", "  "])
def test_a_missing_field_is_named(name: str, left: str | None) -> None:
    sent = fields()
    sent.pop(name)
    if left is not None:
        sent[name] = left
    with pytest.raises(MalformedCallback) as refused:
        read(urlencode(sent).encode())

    assert name in str(refused.value)


@pytest.mark.parametrize("twice", ["amount=1", "resultCode=00", "merchantOrderId=x", "signature=y", "amount=150000"])
def test_a_field_that_is_there_twice_is_refused(twice: str) -> None:
    name, _, value = twice.partition("=")
    as_json = f'{json.dumps(fields())[:-1]}, "{name}": "{value}"}}'

    with pytest.raises(MalformedCallback):
        read(form() + b"&" + twice.encode())
    with pytest.raises(MalformedCallback):
        read(as_json.encode(), JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"{" * 20_000,
        b"<xml/>",
        b"\xff\xfe\x00",
        b"&".join(b"f%d=1" % number for number in range(200)),
        form(amount="150000").decode().encode("utf-16"),
    ],
)
@pytest.mark.parametrize("content_type", [FORM, JSON])
def test_what_cannot_be_read_is_malformed(body: bytes, content_type: str) -> None:
    with pytest.raises(MalformedCallback):
        read(body, content_type)


@pytest.mark.parametrize("code", ["D0002", "d0001", "D0001 ", "D00011"])
def test_another_merchants_callback_is_refused(code: str) -> None:
    with pytest.raises(WrongMerchant):
        read(form(merchantCode=code))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "15000"},
        {"amount": "0150000"},
        {"merchantOrderId": "INV-2026-0002"},
        {"signature": "0" * 64},
        {"signature": "x"},
        {"signature": VECTORS["inquiry"][1]},
        {"signature": "é" * 64},
    ],
)
def test_what_was_signed_cannot_be_changed(wrong: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        read(form(**wrong))


@pytest.mark.parametrize("scheme", Scheme)
def test_a_scheme_that_is_switched_off_is_refused(scheme: Scheme) -> None:
    [other] = [each for each in Scheme if each is not scheme]
    body = urlencode(fields(scheme)).encode()

    assert read(body, accepted=frozenset({scheme})).scheme is scheme
    with pytest.raises(BadSignature):
        read(body, accepted=frozenset({other}))


@pytest.mark.parametrize(
    "amount",
    [
        "150000.00",
        "-150000",
        "+150000",
        "1e5",
        "150,000",
        " 150000",
        "150000 ",
        "\u00b2",
        "\u0661\u0665\u0660",
        "9" * 16,
        "9" * 5000,
    ],
)
def test_an_amount_that_is_no_whole_number_is_malformed_even_when_it_is_signed(amount: str) -> None:
    signature = sign(Scheme.HMAC, KEY, MERCHANT, amount, ORDER)
    with pytest.raises(MalformedCallback):
        read(form(amount=amount, signature=signature))


@pytest.mark.parametrize("name", ["merchantOrderId", "resultCode", "reference", "publisherOrderId"])
@pytest.mark.parametrize("bad", ["\x00", "\ud800", "\x1b", "x" * 300])
def test_text_that_no_database_can_keep_is_malformed(name: str, bad: str) -> None:
    sent = fields() | {name: fields()[name] + bad}
    order_id = sent["merchantOrderId"].encode(errors="replace").decode()
    sent["signature"] = sign(Scheme.HMAC, KEY, MERCHANT, sent["amount"], order_id)
    with pytest.raises((MalformedCallback, BadSignature)):
        read(json.dumps(sent).encode(), JSON)


def test_bytes_that_are_no_utf_8_in_fields_nobody_reads_do_no_harm() -> None:
    assert read(form() + b"&productDetail=%FF%FEx&customerName=\xff").amount == 150_000


def test_json_null_and_nested_values_do_no_harm() -> None:
    sent = fields() | {"settlementDate": None, "extra": {"amount": 1, "list": [1, {"a": 2}]}, "card": True}

    assert read(json.dumps(sent).encode(), JSON).amount == 150_000


def test_a_plus_and_percent_signs_are_decoded_before_they_are_verified() -> None:
    order = "KP 1+2%&="
    signature = sign(Scheme.HMAC, KEY, MERCHANT, "150000", order)
    body = form(signature=signature).replace(ORDER.encode(), quote_plus(order).encode())

    assert read(body).merchant_order_id == order


NAMES = st.sampled_from([*fields(), "x"])
SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=70)
ANYTHING = st.one_of(
    st.binary(max_size=300),
    st.dictionaries(st.sampled_from([*fields(), "x"]), st.text(max_size=70)).map(
        lambda sent: json.dumps(sent).encode()
    ),
    st.dictionaries(NAMES, SCALARS | st.lists(SCALARS) | st.dictionaries(NAMES, SCALARS)).map(
        lambda sent: json.dumps(sent).encode()
    ),
    st.dictionaries(NAMES, st.text(max_size=70), max_size=7).map(
        lambda changed: urlencode(fields(Scheme.HMAC, **changed), errors="replace").encode()
    ),
    st.dictionaries(NAMES, st.text(st.characters(), max_size=70), max_size=7).map(
        lambda changed: json.dumps(fields(Scheme.HMAC, **changed)).encode()
    ),
)


@given(body=ANYTHING, content_type=st.sampled_from([FORM, JSON, ""]) | st.text(max_size=30))
@example(body=json.dumps(fields(signature="\ud800" * 64)).encode(), content_type=JSON)
@example(body=json.dumps(fields(merchantOrderId="\ud800")).encode(), content_type=JSON)
@example(body=json.dumps(fields(reference="\udfff")).encode(), content_type=JSON)
def test_whatever_comes_in_is_a_callback_or_a_fault(body: bytes, content_type: str) -> None:
    callback = None
    with suppress(MalformedCallback, WrongMerchant, BadSignature):
        callback = read(body, content_type)

    assert callback is None or (callback.merchant_order_id, callback.amount) == (ORDER, 150_000)


@given(
    amount=st.integers(0, 10**15 - 1).map(str),
    order=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=50),
    scheme=st.sampled_from(Scheme),
    as_json=st.booleans(),
)
def test_whatever_was_signed_with_our_key_is_read_back(
    amount: str, order: str, scheme: Scheme, *, as_json: bool
) -> None:
    signature = sign(scheme, KEY, MERCHANT, amount, order)
    sent = fields(amount=amount, merchantOrderId=order, signature=signature)
    body = json.dumps(sent) if as_json else urlencode(sent)
    callback = read(body.encode(), JSON if as_json else FORM)

    assert (callback.merchant_order_id, callback.amount, callback.scheme) == (order, int(amount), scheme)
