"""Every refusal of the emulated Duitku in its own words and order (duitku.md 3.3, 4.3), and what it puts up with."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from kelaspay_emulators.duitku import DuitkuEmulator

KEY = "732B39FC61796845775D2C4FB05332AF"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ORDER: dict[str, object] = {
    "merchantOrderId": "INV-1",
    "paymentAmount": 150000,
    "paymentMethod": "BC",
    "productDetails": "Kelas Python",
    "email": "budi@contoh.id",
    "customerVaName": "Budi",
    "returnUrl": "https://toko.test/kembali",
    "callbackUrl": "https://toko.test/callback",
}
INQUIRY = "/webapi/api/merchant/v2/inquiry"
PERSON = {"firstName": "Budi"}


def signed(message: str) -> str:
    return hmac.new(KEY.encode(), message.encode(), hashlib.sha256).hexdigest()


class Shop:
    """A merchant that signs rightly whatever it sends."""

    def __init__(self) -> None:
        self.at = NOON
        self.pauses: list[float] = []
        self.emulator = DuitkuEmulator(now=lambda: self.at, pause=self.pauses.append)
        self.http = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), base_url="http://duitku.test")

    def inquiry(self, **changed: object) -> httpx2.Response:
        body = {"merchantCode": "D0001", **ORDER, **changed}
        body = {name: value for name, value in body.items() if value is not None}
        message = f"{body['merchantCode']}{body.get('merchantOrderId', '')}{body.get('paymentAmount', '')}"
        return self.http.post(INQUIRY, json={"signature": signed(message), **body})

    def create_invoice(self, timestamp: str = "1767614400000", **changed: object) -> httpx2.Response:
        body = {**ORDER, "paymentMethod": "", **changed}
        return self.http.post("/api/merchant/createInvoice", json=body, headers=self.headers(timestamp))

    def headers(self, timestamp: str = "1767614400000") -> dict[str, str]:
        return {
            "x-duitku-merchantCode": "D0001",
            "x-duitku-timestamp": timestamp,
            "x-duitku-signature": signed("D0001" + timestamp),
        }

    def status(self, merchant_order_id: str = "INV-1") -> httpx2.Response:
        body = {"merchantCode": "D0001", "merchantOrderId": merchant_order_id}
        body["signature"] = signed("D0001" + merchant_order_id)
        return self.http.post("/webapi/api/merchant/transactionStatus", json=body)

    def methods(self, amount: object, when: str) -> httpx2.Response:
        body = {
            "merchantCode": "D0001",
            "amount": amount,
            "datetime": when,
            "signature": signed(f"D0001{amount}{when}"),
        }
        return self.http.post("/webapi/api/merchant/paymentmethod/getpaymentmethod", json=body)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    ("status", "said", "changed"),
    [
        (400, "Minimum Payment 10000 IDR", {"paymentAmount": 9999}),
        (400, "Minimum Payment 10000 IDR", {"paymentAmount": None}),
        (400, "Minimum Payment 10000 IDR", {"paymentAmount": 0, "paymentMethod": "SP"}),
        (400, "Maximum Payment exceeded", {"paymentAmount": 50_000_001}),
        (400, "Maximum Payment exceeded", {"paymentAmount": 10_000_001, "paymentMethod": "NQ"}),
        (400, "paymentMethod is mandatory", {"paymentMethod": ""}),
        (400, "merchantOrderId is mandatory", {"merchantOrderId": ""}),
        (400, "merchantOrderId is mandatory", {"merchantOrderId": None}),
        (400, "productDetails is mandatory", {"productDetails": None}),
        (400, "returnUrl is mandatory", {"returnUrl": None}),
        (400, "callbackUrl is mandatory", {"callbackUrl": None}),
        (400, "length of merchantOrderId can't > 50", {"merchantOrderId": "A" * 51}),
        (400, "Invalid Email Address", {"email": "budi di contoh"}),
        (400, "Invalid Email Address", {"email": None}),
        (400, "length of email can't > 50", {"email": "b" * 42 + "@contoh.id"}),
        (400, "length of phoneNumber can't > 50", {"phoneNumber": "0" * 51}),
        (400, "length of productDetails can't > 255", {"productDetails": "x" * 256}),
        (400, "Customer VA Name must not be empty for this payment channel", {"customerVaName": ""}),
        (400, "accountLink is mandatory", {"paymentMethod": "OL", "accountLink": {"credentialCode": ""}}),
        (400, "customerDetail and itemDetails are mandatory", {"paymentMethod": "DN", "customerDetail": PERSON}),
        (404, "Merchant not found", {"merchantCode": "D9999"}),
        (404, "Payment channel not available", {"paymentMethod": "ZZ"}),
        (404, "Payment channel not available", {"paymentMethod": "LQ"}),
        (409, "Payment amount must be equal to all item price", {"itemDetails": [{"price": 75000, "quantity": 2}]}),
        (400, "The request is invalid.", {"paymentAmount": "seratus"}),
        (400, "The request is invalid.", {"merchantOrderId": {"id": 1}}),
        (400, "The request is invalid.", {"itemDetails": "Kelas"}),
    ],
)
def test_inquiry_refuses_in_duitkus_words(shop: Shop, status: int, said: str, changed: dict[str, object]) -> None:
    refused = shop.inquiry(**changed)

    assert (refused.status_code, refused.json()) == (status, {"Message": said})
    assert len(shop.emulator.orders) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"paymentAmount": "150000"},
        {"paymentAmount": 1500, "paymentMethod": "SP"},
        {"customerDetail": {}, "creditCardDetail": {}, "itemDetails": [], "accountLink": {}},
        {"itemDetails": [{"name": "a", "quantity": 0, "price": 150000}]},
        {"itemDetails": [{"price": 160000, "quantity": 1}, {"price": -10000, "quantity": 3}]},
        {"paymentMethod": "DN", "customerDetail": PERSON, "itemDetails": [{"price": "150000"}]},
        {"paymentMethod": "OL", "accountLink": {"credentialCode": "abc"}},
        {"unknownField": [1, {"deep": True}]},
        {"expiryPeriod": "90"},
    ],
)
def test_inquiry_puts_up_with_what_real_clients_send(shop: Shop, changed: dict[str, object]) -> None:
    assert shop.inquiry(**changed).json()["statusCode"] == "00"


def test_paths_keys_and_headers_are_read_in_any_case(shop: Shop) -> None:
    body = {name.upper(): value for name, value in ORDER.items()} | {"ItemDetails": None, "phonenumber": None}
    headers = {name.upper(): value for name, value in shop.headers().items()}

    taken = shop.http.post("/API/Merchant/CREATEINVOICE", json=body, headers=headers)

    assert taken.json()["amount"] == "150000"


def test_the_merchant_is_looked_up_before_the_signature_and_that_before_the_fields(shop: Shop) -> None:
    assert shop.inquiry(merchantCode="D9999", signature="wrong").status_code == 404
    assert shop.http.post(INQUIRY, json={"merchantCode": "D0001", "signature": "wrong"}).status_code == 401
    assert shop.http.post(INQUIRY, content=b"not json").status_code == 400
    assert shop.inquiry(email="wrong", paymentMethod="ZZ").json() == {"Message": "Invalid Email Address"}
    assert shop.inquiry(paymentAmount=1, paymentMethod="ZZ").json() == {"Message": "Payment channel not available"}
    assert shop.inquiry(paymentAmount=1, itemDetails=[{"price": 2}]).json() == {"Message": "Minimum Payment 10000 IDR"}


def test_a_channel_can_be_listed_and_yet_not_available(shop: Shop) -> None:
    shop.emulator.switches.channels_off = {"BC"}

    listed = [each["paymentMethod"] for each in shop.methods(10000, "2026-01-05 19:00:00").json()["paymentFee"]]

    assert "BC" in listed
    assert shop.inquiry().json() == {"Message": "Payment channel not available"}


def test_the_projects_own_callback_url_stands_in_for_a_missing_one(shop: Shop) -> None:
    shop.emulator.switches.default_callback_url = "https://toko.test/proyek"
    shop.inquiry(callbackUrl=None)

    assert shop.emulator.orders["INV-1"].asked.callback_url == "https://toko.test/proyek"


def test_lengths_that_only_the_field_table_names_can_be_let_through(shop: Shop) -> None:
    shop.emulator.switches.strict_lengths = False

    assert shop.inquiry(customerVaName="B" * 21).status_code == 200


@pytest.mark.parametrize(("amount", "when"), [(0, ""), (0, "2026-01-05 19:00:00"), (10000, "kemarin")])
def test_getpaymentmethod_without_amount_or_time_is_400(shop: Shop, amount: int, when: str) -> None:
    refused = shop.methods(amount, when)

    assert refused.status_code == 400
    assert "Message" in refused.json()


def test_an_unknown_order_has_no_status(shop: Shop) -> None:
    unknown = shop.status()
    shop.emulator.switches.not_found_status = 400

    assert (unknown.status_code, unknown.json()) == (404, {"Message": "Transaction not found"})
    assert shop.status().status_code == 400


def test_a_paid_order_is_not_opened_again_on_either_product(shop: Shop) -> None:
    shop.inquiry()
    shop.emulator.pay("INV-1")

    v2, pop = shop.inquiry(), shop.create_invoice()

    assert (v2.status_code, v2.json()) == (400, {"Message": "Bill already paid"})
    assert (pop.status_code, pop.json()) == (400, "Bill already paid. (Parameter 'MerchantOrderId')")
    assert "\\u0027MerchantOrderId\\u0027" in pop.text


@pytest.mark.parametrize(
    "changed",
    [
        {"x-duitku-signature": "wrong"},
        {"x-duitku-merchantCode": "D9999"},
        {"x-duitku-timestamp": "1767614400001"},
        {"x-duitku-timestamp": ""},
        {"x-duitku-timestamp": "2026-01-05T12:00:00Z"},
    ],
)
def test_create_invoice_needs_its_three_headers(shop: Shop, changed: dict[str, str]) -> None:
    refused = shop.http.post("/api/merchant/createInvoice", json=ORDER, headers={**shop.headers(), **changed})

    assert refused.status_code == 401


def test_create_invoice_with_an_empty_body_is_400_with_an_object(shop: Shop) -> None:
    for content in (b"", b"{}"):
        refused = shop.http.post("/api/merchant/createInvoice", content=content, headers=shop.headers())

        assert refused.status_code == 400
        assert isinstance(refused.json(), dict)


def test_a_timestamp_window_refuses_old_requests_once_it_is_set(shop: Shop) -> None:
    assert shop.create_invoice("1").status_code == 200
    shop.emulator.switches.timestamp_window = 300

    assert shop.create_invoice("1").status_code == 401
    assert shop.create_invoice(str(int(NOON.timestamp() * 1000) - 299_000)).status_code == 200


def test_the_same_invoice_twice_at_once_is_refused(shop: Shop) -> None:
    during: list[httpx2.Response] = []

    def meanwhile(_seconds: float) -> None:
        shop.emulator.switches.slow_seconds = 0
        during.extend([shop.create_invoice(), shop.create_invoice(paymentAmount=10000)])

    shop.emulator.till.pause = meanwhile
    shop.emulator.switches.slow_seconds = 3
    first = shop.create_invoice()

    assert first.status_code == 200
    assert (during[0].status_code, during[0].json()) == (409, "The transaction is still in progress.")
    assert (during[1].status_code, during[1].json()) == (400, "Amount is different please try again later.")
    assert shop.create_invoice().status_code == 200


def test_asking_the_status_too_often_blocks_the_merchant_for_an_hour(shop: Shop) -> None:
    shop.inquiry()
    shop.emulator.switches.rate_limit = 2
    answers = [shop.status().status_code for _ in range(3)]
    shop.at += timedelta(minutes=59)
    still = shop.status().status_code
    shop.at += timedelta(minutes=62)

    assert answers == [200, 200, 429]
    assert still == 429
    assert shop.status().status_code == 200


def test_slow_answers_take_as_long_as_the_switch_says(shop: Shop) -> None:
    shop.emulator.switches.slow_seconds = 7
    shop.inquiry()
    shop.status()

    assert shop.pauses == [7, 7]


def test_paths_and_methods_that_do_not_exist_are_404_and_405(shop: Shop) -> None:
    assert "Message" in shop.http.post("/webapi/api/merchant/v3/inquiry").json()
    assert shop.http.post("/api/merchant/refund").status_code == 404
    assert shop.http.get(INQUIRY).status_code == 405
    assert shop.http.get("/nowhere").status_code == 404
