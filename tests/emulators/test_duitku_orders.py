"""What the emulated Duitku makes of an order: its shapes, re-inquiry, expiry and status (duitku.md 3 to 6)."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from kelaspay_emulators.duitku import DuitkuEmulator, NotPossibleError

KEY = "732B39FC61796845775D2C4FB05332AF"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ORDER: dict[str, object] = {
    "merchantOrderId": "INV-1",
    "paymentAmount": 150000,
    "productDetails": "Kelas Python",
    "email": "budi@contoh.id",
    "customerVaName": "Budi",
    "returnUrl": "https://toko.test/kembali",
    "callbackUrl": "https://toko.test/callback",
}


def md5(message: str) -> str:
    return hashlib.md5((message + KEY).encode(), usedforsecurity=False).hexdigest()


class Shop:
    def __init__(self) -> None:
        self.at = NOON
        self.emulator = DuitkuEmulator(now=lambda: self.at)
        self.http = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), base_url="http://duitku.test")

    def inquiry(self, payment_method: str = "BC", **changed: object) -> dict[str, str]:
        body = {"merchantCode": "D0001", "paymentMethod": payment_method, **ORDER, **changed}
        body["signature"] = md5(f"D0001{body['merchantOrderId']}{body['paymentAmount']}")
        answered: dict[str, str] = self.http.post("/webapi/api/merchant/v2/inquiry", json=body).json()
        return answered

    def create_invoice(self, **changed: object) -> dict[str, str]:
        signature = hashlib.sha256(f"D00011767614400000{KEY}".encode()).hexdigest()
        headers = {
            "x-duitku-merchantcode": "D0001",
            "x-duitku-timestamp": "1767614400000",
            "x-duitku-signature": signature,
        }
        body = {**ORDER, **changed}
        answered: dict[str, str] = self.http.post("/api/merchant/createInvoice", json=body, headers=headers).json()
        return answered

    def status(self, merchant_order_id: str = "INV-1") -> dict[str, str]:
        body = {"merchantCode": "D0001", "merchantOrderId": merchant_order_id}
        body["signature"] = md5("D0001" + merchant_order_id)
        answered: dict[str, str] = self.http.post("/webapi/api/merchant/transactionStatus", data=body).json()
        return answered


@pytest.fixture
def shop() -> Shop:
    return Shop()


def crc16_ccitt_false(data: bytes) -> int:
    """Bit by bit, by its definition."""
    register = 0xFFFF
    for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
        carried = register >> 15 & 1
        register = (register << 1 & 0xFFFF) ^ (0x1021 if carried ^ bit else 0)
    return register


def emv_fields(code: str) -> dict[str, str]:
    found, at = {}, 0
    while at < len(code):
        length = int(code[at + 2 : at + 4])
        found[code[at : at + 2]] = code[at + 4 : at + 4 + length]
        at += 4 + length
    return found


BASE = {"merchantCode", "reference", "paymentUrl", "statusCode", "statusMessage"}


@pytest.mark.parametrize(
    ("payment_method", "more"),
    [
        ("BC", {"vaNumber", "amount"}),
        ("IR", {"vaNumber", "amount"}),
        ("SP", {"qrString", "amount"}),
        ("OV", {"amount"}),
        ("VC", set()),
        ("T1", {"amount", "AppUrl"}),
    ],
)
def test_inquiry_answers_only_the_keys_its_channel_has(shop: Shop, payment_method: str, more: set[str]) -> None:
    answered = shop.inquiry(payment_method)

    assert set(answered) == BASE | more
    assert all(isinstance(value, str) for value in answered.values())


def test_references_and_numbers_have_duitkus_shapes(shop: Shop) -> None:
    answered = shop.inquiry("B1")
    attempt = shop.emulator.orders["INV-1"].attempts[0]

    assert re.fullmatch(r"D000126[A-Z0-9]{15}", answered["reference"])
    assert re.fullmatch(r"B126[A-Z0-9]{15}", attempt.publisher_order_id)
    assert re.fullmatch(r"1199016[0-9]{9}", answered["vaNumber"])
    assert answered["paymentUrl"] == f"http://duitku.test/TopUp/v2/TopUpVAPage.aspx?ref={attempt.publisher_order_id}"


def test_the_qris_code_is_emv_with_the_amount_the_attempt_and_a_right_checksum(shop: Shop) -> None:
    code = shop.inquiry("SP")["qrString"]
    fields = emv_fields(code)

    assert int(code[-4:], 16) == crc16_ccitt_false(code[:-4].encode())
    assert (fields["00"], fields["01"], fields["53"], fields["54"]) == ("01", "12", "360", "150000.00")
    assert emv_fields(fields["62"])["05"] == shop.emulator.orders["INV-1"].attempts[0].publisher_order_id


def test_an_invoice_gives_a_payment_url_and_the_amount_but_no_number(shop: Shop) -> None:
    answered = shop.create_invoice(paymentMethod="BC")

    assert set(answered) == BASE | {"amount"}
    assert answered["amount"] == "150000"
    assert answered["paymentUrl"] == f"http://duitku.test/redirect_checkout?reference={answered['reference']}"


def test_asking_again_while_pending_keeps_the_reference_and_gives_a_new_number(shop: Shop) -> None:
    first = shop.inquiry()
    shop.at += timedelta(minutes=1439)
    second = shop.inquiry()
    shop.at += timedelta(minutes=1439)

    assert first["reference"] == second["reference"]
    assert first["vaNumber"] != second["vaNumber"]
    assert shop.status()["statusCode"] == "01"


@pytest.mark.parametrize("how", ["expire", "cancel", "fail"])
def test_asking_again_after_the_end_makes_a_new_reference(shop: Shop, how: str) -> None:
    first = shop.create_invoice()
    getattr(shop.emulator, how)("INV-1")
    ended = shop.status()["statusCode"]
    second = shop.create_invoice()

    assert ended == "02"
    assert first["reference"] != second["reference"]
    assert shop.status() == {
        "merchantOrderId": "INV-1",
        "reference": second["reference"],
        "amount": "150000",
        "fee": "0.00",
        "statusCode": "01",
        "statusMessage": "PROCESS",
    }


def test_a_paid_order_says_so_with_what_was_paid(shop: Shop) -> None:
    reference = shop.inquiry()["reference"]
    form = shop.emulator.pay("INV-1", amount=160000)

    assert form["amount"] == "160000"
    assert form["signature"] == hmac.new(KEY.encode(), b"D0001160000INV-1", hashlib.sha256).hexdigest()
    assert shop.status() == {
        "merchantOrderId": "INV-1",
        "reference": reference,
        "amount": "160000",
        "fee": "0.00",
        "statusCode": "00",
        "statusMessage": "SUCCESS",
    }


@pytest.mark.parametrize(
    ("payment_method", "asked", "minutes"),
    [
        ("BC", None, 1440),
        ("BC", 3000, 3000),
        ("SP", None, 10),
        ("SP", 90, 60),
        ("NQ", 90, 90),
        ("VC", 90, 30),
        ("JP", 5, 5),
        ("AT", None, 720),
    ],
)
def test_a_bill_expires_when_its_channel_says(shop: Shop, payment_method: str, asked: int | None, minutes: int) -> None:
    details = {"customerDetail": {"firstName": "Budi"}, "itemDetails": [{"price": 150000}]}
    shop.inquiry(payment_method, expiryPeriod=asked, **details)
    shop.at += timedelta(minutes=minutes, seconds=-1)
    before = shop.status()["statusCode"]
    shop.at += timedelta(seconds=1)

    assert (before, shop.status()["statusCode"]) == ("01", "02")


def test_an_expiry_above_the_longest_can_be_refused_instead(shop: Shop) -> None:
    shop.emulator.switches.expiry_over_max = "reject"

    assert shop.inquiry("SP", expiryPeriod=61) == {"Message": "expiryPeriod can't > 60"}


def test_an_expired_order_cannot_be_paid_unless_late_transfers_are_switched_on(shop: Shop) -> None:
    shop.inquiry()
    shop.emulator.expire("INV-1")
    with pytest.raises(NotPossibleError, match="expired"):
        shop.emulator.pay("INV-1")
    shop.emulator.switches.expired_payable = True
    shop.emulator.pay("INV-1")

    assert shop.status()["statusCode"] == "00"


def test_an_old_number_still_takes_money_and_each_payment_sends_its_own_callback(shop: Shop) -> None:
    shop.inquiry("BC")
    shop.inquiry("BR")
    old, new = shop.emulator.orders["INV-1"].attempts
    first = shop.emulator.pay("INV-1", publisher_order_id=new.publisher_order_id)
    second = shop.emulator.pay("INV-1", publisher_order_id=old.publisher_order_id)

    assert (first["paymentCode"], second["paymentCode"]) == ("BR", "BC")
    assert [each.form["publisherOrderId"] for each in shop.emulator.outbox] == [
        new.publisher_order_id,
        old.publisher_order_id,
    ]
    assert shop.emulator.orders["INV-1"].paid is new
    assert shop.emulator.callback_form("INV-1") == second


def test_an_old_number_takes_no_money_once_that_is_switched_off(shop: Shop) -> None:
    shop.emulator.switches.old_va_payable = False
    shop.inquiry()
    shop.inquiry()
    old = shop.emulator.orders["INV-1"].attempts[0]
    with pytest.raises(NotPossibleError, match="replaced"):
        shop.emulator.pay("INV-1", publisher_order_id=old.publisher_order_id)

    assert shop.status()["statusCode"] == "01"


def test_the_payment_of_an_invoice_reopened_after_expiry_names_the_reference_it_was_made_for(shop: Shop) -> None:
    first = shop.inquiry()
    shop.emulator.expire("INV-1")
    second = shop.inquiry()
    old = shop.emulator.orders["INV-1"].attempts[0]

    form = shop.emulator.pay("INV-1", publisher_order_id=old.publisher_order_id)

    assert first["reference"] != second["reference"]
    assert form["reference"] == shop.status()["reference"] == first["reference"]


def test_an_invoice_opened_anew_is_paid_under_its_new_reference(shop: Shop) -> None:
    shop.create_invoice(paymentMethod="BC")
    shop.emulator.cancel("INV-1")
    second = shop.create_invoice(paymentMethod="")

    assert shop.emulator.callback_form("INV-1")["reference"] == second["reference"]
    assert shop.emulator.pay("INV-1")["reference"] == second["reference"]


def test_a_buyer_can_choose_the_channel_of_an_open_invoice(shop: Shop) -> None:
    shop.create_invoice()

    assert shop.emulator.pay("INV-1", payment_method="SP")["paymentCode"] == "SP"


def test_the_same_attempt_is_not_paid_twice(shop: Shop) -> None:
    shop.inquiry()
    shop.emulator.pay("INV-1")
    paid = shop.emulator.orders["INV-1"].attempts[0]

    with pytest.raises(NotPossibleError, match="paid"):
        shop.emulator.pay("INV-1")
    with pytest.raises(NotPossibleError, match="paid already"):
        shop.emulator.pay("INV-1", publisher_order_id=paid.publisher_order_id)
    with pytest.raises(NotPossibleError, match="no attempt"):
        shop.emulator.pay("INV-1", publisher_order_id="BC26OTHER")
    with pytest.raises(NotPossibleError, match="no order"):
        shop.emulator.pay("INV-2")


def test_the_channels_are_listed_with_fees_as_text(shop: Shop) -> None:
    def listed() -> dict[str, dict[str, str]]:
        when = "2026-01-05 19:00:00"
        signature = hashlib.sha256(f"D00015000{when}{KEY}".encode()).hexdigest()
        body = {"merchantcode": "D0001", "amount": "5000", "datetime": when, "signature": signature}
        answered = shop.http.post("/webapi/api/merchant/paymentmethod/getpaymentmethod", json=body).json()
        return {each["paymentMethod"]: each for each in answered["paymentFee"]}

    free = listed()
    shop.emulator.switches.fees_to_buyer = True
    shop.emulator.switches.list_retired = True

    assert free["VA"] == {
        "paymentMethod": "VA",
        "paymentName": "MAYBANK VA",
        "paymentImage": "https://images.duitku.com/hotlink-ok/VA.PNG",
        "totalFee": "0",
    }
    assert {"VC", "BC", "M2", "SP", "NQ", "OV", "DA", "IR", "FT", "DN", "AT", "JP", "T1", "T2", "T3"} <= set(free)
    assert "LQ" not in free
    assert listed()["VA"]["totalFee"] == "4000"
    assert "LQ" in listed()


def test_two_merchants_may_use_the_same_order_id() -> None:
    emulator = DuitkuEmulator(merchants={"D0001": KEY, "DS19890": KEY})
    http = httpx2.Client(transport=httpx2.WSGITransport(app=emulator), base_url="http://duitku.test")
    references = []
    for code in ("D0001", "DS19890"):
        body = {**ORDER, "merchantCode": code, "paymentMethod": "BC", "signature": md5(f"{code}INV-1150000")}
        references.append(http.post("/webapi/api/merchant/v2/inquiry", json=body).json()["reference"])

    assert len(emulator.orders) == 2
    assert references[1].startswith("DS19890")
