"""Callbacks of the emulated Duitku (duitku.md 3.5): what they say, when they leave, and how often."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import httpx2
import pytest

from kelaspay_emulators.duitku import DuitkuEmulator, post_over_http

KEY = "732B39FC61796845775D2C4FB05332AF"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ORDER = {
    "merchantOrderId": "INV-1",
    "paymentAmount": 150000,
    "productDetails": "Kelas Python & Data",
    "email": "budi@contoh.id",
    "customerVaName": "Budi Santoso",
    "merchantUserInfo": "murid-7",
    "additionalParam": "kelas%3D7",
    "returnUrl": "https://toko.test/kembali",
    "callbackUrl": "https://toko.test/callback",
}


class Shop:
    """Takes callbacks with the status it is told to answer."""

    def __init__(self) -> None:
        self.at = NOON
        self.answers: list[int] = []
        self.taken: list[tuple[datetime, str, bytes, str]] = []
        self.emulator = DuitkuEmulator(now=lambda: self.at, post=self.take)
        self.http = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), base_url="http://duitku.test")

    def take(self, url: str, body: bytes, content_type: str) -> int:
        self.taken.append((self.at, url, body, content_type))
        return self.answers.pop(0) if self.answers else 200

    def create_invoice(self, payment_method: str = "") -> dict[str, str]:
        signature = hmac.new(KEY.encode(), b"D00011767614400000", hashlib.sha256).hexdigest()
        headers = {
            "x-duitku-merchantcode": "D0001",
            "x-duitku-timestamp": "1767614400000",
            "x-duitku-signature": signature,
        }
        body = {**ORDER, "paymentMethod": payment_method}
        answered: dict[str, str] = self.http.post("/api/merchant/createInvoice", json=body, headers=headers).json()
        return answered

    def deliver_for(self, minutes: int) -> None:
        """Minute by minute, as the clock goes."""
        for _ in range(minutes):
            self.emulator.deliver_due()
            self.at += timedelta(minutes=1)

    @property
    def forms(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, _, body, _ in self.taken]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_payment_sends_a_form_in_the_captured_order_of_fields(shop: Shop) -> None:
    reference = shop.create_invoice("BC")["reference"]
    form = shop.emulator.pay("INV-1")
    sent = shop.emulator.deliver_due()
    attempt = shop.emulator.orders["INV-1"].attempts[0]

    assert sent == 1
    assert shop.taken[0][1] == "https://toko.test/callback"
    assert shop.taken[0][3] == "application/x-www-form-urlencoded"
    assert list(shop.forms[0].items()) == list(form.items())
    assert list(form.items()) == [
        ("merchantCode", "D0001"),
        ("amount", "150000"),
        ("merchantOrderId", "INV-1"),
        ("productDetail", "Kelas Python & Data"),
        ("additionalParam", "kelas%3D7"),
        ("paymentCode", "BC"),
        ("resultCode", "00"),
        ("merchantUserId", "murid-7"),
        ("reference", reference),
        ("signature", hmac.new(KEY.encode(), b"D0001150000INV-1", hashlib.sha256).hexdigest()),
        ("publisherOrderId", attempt.publisher_order_id),
        ("spUserHash", ""),
        ("settlementDate", "2026-01-06"),
        ("sourceAccount", ""),
        ("issuerCode", ""),
    ]


def test_qris_names_the_issuer_and_half_the_payer_and_a_card_its_mask(shop: Shop) -> None:
    shop.create_invoice()
    qris = shop.emulator.pay("INV-1", payment_method="SP")
    card = shop.emulator.pay("INV-1", payment_method="VC")

    assert (qris["issuerCode"], qris["customerName"]) == ("93600914", "Bu** Sa*****")
    assert (card["maskedNumber"], card["transactionState"]) == ("400000******0044", "AUTHORIZED")
    assert "customerName" not in card


def test_a_callback_that_is_taken_is_not_sent_again(shop: Shop) -> None:
    shop.create_invoice()
    shop.emulator.pay("INV-1")
    shop.deliver_for(60)

    assert len(shop.taken) == 1
    assert shop.emulator.outbox[0].taken


@pytest.mark.parametrize("answer", [500, 301, 204, 0])
def test_anything_but_200_brings_it_again_at_growing_intervals_and_five_times_at_most(shop: Shop, answer: int) -> None:
    shop.answers = [answer] * 9
    shop.create_invoice()
    shop.emulator.pay("INV-1")
    shop.deliver_for(120)

    assert [(at - NOON) // timedelta(minutes=1) for at, *_ in shop.taken] == [0, 1, 3, 8, 18]
    assert len({body for _, _, body, _ in shop.taken}) == 1
    assert not shop.emulator.outbox[0].taken


def test_the_sends_stop_at_the_first_200(shop: Shop) -> None:
    shop.answers = [500, 0, 200]
    shop.create_invoice()
    shop.emulator.pay("INV-1")
    shop.deliver_for(120)

    assert [status for _, status in shop.emulator.outbox[0].sends] == [500, 0, 200]


def test_how_often_and_when_is_a_matter_of_switches(shop: Shop) -> None:
    shop.emulator.switches.callback_retries = 3
    shop.emulator.switches.callback_intervals = (600,)
    shop.emulator.switches.callback_delay_seconds = 60
    shop.answers = [500] * 9
    shop.create_invoice()
    shop.emulator.pay("INV-1")
    shop.deliver_for(60)

    assert [(at - NOON) // timedelta(minutes=1) for at, *_ in shop.taken] == [1, 11, 21]


def test_a_shop_that_cannot_be_reached_counts_as_no_answer(shop: Shop) -> None:
    def refuse(url: str, _body: bytes, _content_type: str) -> int:
        raise httpx2.ConnectError("Connection refused", request=httpx2.Request("POST", url))

    shop.emulator.till.post = refuse
    shop.create_invoice()
    shop.emulator.pay("INV-1")
    shop.emulator.deliver_due()

    assert shop.emulator.outbox[0].sends == [(NOON, 0)]


def test_copies_and_resends_repeat_the_same_body(shop: Shop) -> None:
    shop.emulator.switches.callback_copies = 2
    shop.create_invoice()
    shop.emulator.pay("INV-1")
    shop.emulator.deliver_due()
    shop.emulator.resend("INV-1")
    shop.emulator.deliver_due()

    assert len(shop.taken) == 3
    assert len({body for _, _, body, _ in shop.taken}) == 1


def test_a_callback_can_come_as_json(shop: Shop) -> None:
    shop.emulator.switches.callback_json = True
    shop.create_invoice()
    form = shop.emulator.pay("INV-1")
    shop.emulator.deliver_due()

    assert shop.taken[0][3] == "application/json"
    assert json.loads(shop.taken[0][2]) == form


def test_a_callback_can_come_with_the_core_fields_alone(shop: Shop) -> None:
    shop.emulator.switches.callback_optional_fields = False
    shop.create_invoice()

    assert set(shop.emulator.pay("INV-1")) == {
        "merchantCode",
        "amount",
        "merchantOrderId",
        "resultCode",
        "reference",
        "signature",
    }


def test_callbacks_of_an_old_project_are_signed_with_md5(shop: Shop) -> None:
    shop.emulator.switches.callback_scheme = "legacy"
    shop.create_invoice()

    expected = hashlib.md5(f"D0001150000INV-1{KEY}".encode(), usedforsecurity=False).hexdigest()
    assert shop.emulator.pay("INV-1")["signature"] == expected


@pytest.mark.parametrize("code", ["01", "02"])
def test_a_failed_payment_says_so_in_either_code(shop: Shop, code: str) -> None:
    shop.emulator.switches.failed_code = code
    shop.create_invoice("BC")
    form = shop.emulator.fail("INV-1")
    shop.emulator.deliver_due()

    assert form["resultCode"] == code
    assert shop.forms == [form]


def test_cancel_and_expiry_are_silent_unless_switched_otherwise(shop: Shop) -> None:
    shop.create_invoice()
    shop.emulator.cancel("INV-1")
    shop.create_invoice()
    shop.deliver_for(1500)
    silent = len(shop.taken)
    shop.emulator.switches.callback_on_cancel = True
    shop.emulator.switches.callback_on_expiry = True
    shop.create_invoice()
    shop.emulator.cancel("INV-1")
    shop.create_invoice()
    shop.deliver_for(1500)

    assert silent == 0
    assert [form["resultCode"] for form in shop.forms] == ["01", "01"]


def test_a_form_can_be_had_without_changing_anything(shop: Shop) -> None:
    shop.create_invoice("BC")
    form = shop.emulator.callback_form("INV-1", result_code="00")

    assert form["resultCode"] == "00"
    assert shop.emulator.callback_form("INV-1")["resultCode"] == "01"
    assert shop.emulator.orders["INV-1"].status == "pending"
    assert shop.emulator.outbox == []


def test_a_callback_can_arrive_before_the_invoice_is_answered(shop: Shop) -> None:
    statuses: list[str] = []

    def take(_url: str, _body: bytes, _content_type: str) -> int:
        signature = hmac.new(KEY.encode(), b"D0001INV-1", hashlib.sha256).hexdigest()
        body = {"merchantCode": "D0001", "merchantOrderId": "INV-1", "signature": signature}
        statuses.append(shop.http.post("/api/merchant/transactionStatus", json=body).json()["statusCode"])
        return 200

    shop.emulator.till.post = take
    shop.emulator.switches.callback_before_response = True
    answered = shop.create_invoice()

    assert answered["statusCode"] == "00"
    assert statuses == ["00"]


def test_without_a_way_out_callbacks_wait_in_the_outbox() -> None:
    shop = Shop()
    shop.emulator.till.post = None
    shop.create_invoice()
    form = shop.emulator.pay("INV-1")

    assert shop.emulator.deliver_due() == 0
    assert [each.form for each in shop.emulator.outbox] == [form]
    assert shop.emulator.outbox[0].due == NOON


def test_many_callbacks_can_be_sent_side_by_side_each_once(shop: Shop) -> None:
    shop.emulator.switches.callback_parallel = 8
    shop.emulator.switches.callback_copies = 50
    shop.create_invoice()
    shop.emulator.pay("INV-1")

    assert shop.emulator.deliver_due() == 50
    assert len(shop.taken) == 50
    assert shop.emulator.deliver_due() == 0


def test_over_http_nobody_listening_is_0() -> None:
    assert post_over_http("http://127.0.0.1:9/callback", b"a=1", "application/x-www-form-urlencoded") == 0
    assert post_over_http("not a url", b"", "text/plain") == 0
