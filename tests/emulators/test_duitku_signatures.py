"""The published signature vectors (duitku.md 2) as requests: each call takes its own and refuses others."""

from __future__ import annotations

import httpx2
import pytest

from kelaspay_emulators.duitku import DuitkuEmulator

INQUIRY = {
    "hmac": "919146cde8da103cb5ec0080a0d6dd17e38fef8c8879f076811e7cf75213edd6",
    "legacy": "9cd32aadd0ee9f88ebe60b5f48a454e7",
}
CALLBACK = {
    "hmac": "3cd9cc859a76df734093ecfdbf24cef0b730a9379302c0301e1033e779aa8090",
    "legacy": "2e8cfc23110562c29b047168063a4f84",
}
STATUS = {
    "hmac": "4ea65e03660d5fe391c306cb37ac8bdb893ff7d01835d7086fe39debde5a2fcc",
    "legacy": "8dd5f6fdbb8da8d47ee82177b557dbaf",
}
METHODS = {
    "hmac": "668ecedb7ded377fe53a86cf634c980b78be9550926d88e478678c1be9bbac5b",
    "legacy": "1bf93bb1ed70f740e3ab6bcd3af01c0dc897aaf832174564e37787a6074c1fae",
}
POP = {
    "hmac": "1f1db97c08f87a45e652b06ca503d5d4681f2ef49b893d82ba6dd6c77c6cf64c",
    "legacy": "08e5cc54ac224afd9fb37265fe673ca094b2c614a20b4462058146434432489d",
}
SCHEMES = ("hmac", "legacy")
ORDER: dict[str, object] = {
    "merchantOrderId": "INV-2026-0001",
    "paymentAmount": 150000,
    "productDetails": "Kelas Python",
    "email": "budi@contoh.id",
    "customerVaName": "Budi",
    "returnUrl": "https://toko.test/kembali",
    "callbackUrl": "https://toko.test/callback",
}


class Shop:
    """Sends what it is told, as merchant D0001."""

    def __init__(self) -> None:
        self.emulator = DuitkuEmulator()
        self.http = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), base_url="http://duitku.test")

    def inquiry(self, signature: str) -> httpx2.Response:
        body = {**ORDER, "merchantCode": "D0001", "paymentMethod": "BC", "signature": signature}
        return self.http.post("/webapi/api/merchant/v2/inquiry", json=body)

    def create_invoice(self, signature: str) -> httpx2.Response:
        headers = {
            "x-duitku-merchantcode": "D0001",
            "x-duitku-timestamp": "1773728479616",
            "x-duitku-signature": signature,
        }
        return self.http.post("/api/merchant/createInvoice", json=ORDER, headers=headers)

    def status(self, host: str, signature: str) -> httpx2.Response:
        body = {"merchantCode": "D0001", "merchantOrderId": "INV-2026-0001", "signature": signature}
        return self.http.post(f"{host}/api/merchant/transactionStatus", json=body)

    def methods(self, signature: str) -> httpx2.Response:
        body = {"merchantcode": "D0001", "amount": 150000, "datetime": "2026-01-25 16:23:08", "signature": signature}
        return self.http.post("/webapi/api/merchant/paymentmethod/getpaymentmethod", json=body)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_vector_of_inquiry_opens_a_transaction(shop: Shop, scheme: str) -> None:
    assert shop.inquiry(INQUIRY[scheme]).status_code == 200


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_vector_of_create_invoice_opens_an_invoice(shop: Shop, scheme: str) -> None:
    assert shop.create_invoice(POP[scheme]).status_code == 200


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("host", ["", "/webapi"])
def test_the_vector_of_status_is_taken_on_both_hosts(shop: Shop, scheme: str, host: str) -> None:
    shop.create_invoice(POP["hmac"])

    assert shop.status(host, STATUS[scheme]).json()["statusCode"] == "01"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_vector_of_getpaymentmethod_lists_channels(shop: Shop, scheme: str) -> None:
    assert shop.methods(METHODS[scheme]).json()["responseCode"] == "00"


def test_callbacks_are_signed_over_amount_before_order_id_in_either_scheme(shop: Shop) -> None:
    shop.create_invoice(POP["hmac"])

    assert shop.emulator.callback_form("INV-2026-0001", scheme="hmac")["signature"] == CALLBACK["hmac"]
    assert shop.emulator.callback_form("INV-2026-0001", scheme="legacy")["signature"] == CALLBACK["legacy"]


def test_the_fixture_of_duitkus_own_tests_signs_alike(shop: Shop) -> None:
    body = {**ORDER, "merchantOrderId": "12345", "paymentAmount": 10000}
    headers = {
        "x-duitku-merchantcode": "D0001",
        "x-duitku-timestamp": "1773728479616",
        "x-duitku-signature": POP["hmac"],
    }
    shop.http.post("/api/merchant/createInvoice", json=body, headers=headers)

    form = shop.emulator.callback_form("12345", scheme="legacy")

    assert form["signature"] == "4104f20a70c933113c66c004fe25a9f1"


def test_case_and_blanks_around_a_signature_do_not_matter(shop: Shop) -> None:
    assert shop.inquiry(f" {INQUIRY['hmac'].upper()} ").status_code == 200


@pytest.mark.parametrize("wrong", [CALLBACK["hmac"], STATUS["hmac"], CALLBACK["legacy"], "", "é", "0" * 64])
def test_the_signature_of_another_message_is_refused(shop: Shop, wrong: str) -> None:
    refused = shop.inquiry(wrong)

    assert (refused.status_code, refused.json()) == (401, {"Message": "Wrong signature"})


@pytest.mark.parametrize(("accepted", "refused"), [("hmac", "legacy"), ("legacy", "hmac")])
def test_a_scheme_can_be_switched_off(shop: Shop, accepted: str, refused: str) -> None:
    shop.emulator.switches.accept = {accepted}

    assert shop.inquiry(INQUIRY[accepted]).status_code == 200
    assert shop.inquiry(INQUIRY[refused]).status_code == 401
    assert shop.create_invoice(POP[accepted]).status_code == 200
    assert shop.create_invoice(POP[refused]).status_code == 401
    assert shop.methods(METHODS[refused]).status_code == 401


def test_a_bad_signature_is_403_where_that_is_switched_on(shop: Shop) -> None:
    shop.emulator.switches.bad_signature_status = 403

    assert shop.inquiry("wrong").status_code == 403
    assert shop.status("", "wrong").status_code == 403
