"""The emulated Duitku's pages, walked through the way a buyer's browser does, without any script."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from kelaspay_emulators.duitku import DuitkuEmulator

KEY = "732B39FC61796845775D2C4FB05332AF"
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DEMO = "/payment/demo/demosuccesstransaction.aspx"


class Shop:
    def __init__(self) -> None:
        self.at = NOON
        self.taken: list[bytes] = []
        self.emulator = DuitkuEmulator(now=lambda: self.at, post=self.take)
        self.browser = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), base_url="http://duitku.test")

    def take(self, _url: str, body: bytes, _content_type: str) -> int:
        self.taken.append(body)
        return 200

    def create_invoice(
        self, payment_method: str = "", *, amount: int = 150000, return_url: str = "https://toko.test/kembali"
    ) -> str:
        signature = hashlib.sha256(f"D00011{KEY}".encode()).hexdigest()
        headers = {"x-duitku-merchantcode": "D0001", "x-duitku-timestamp": "1", "x-duitku-signature": signature}
        body = {
            "merchantOrderId": "INV-1",
            "paymentAmount": amount,
            "paymentMethod": payment_method,
            "productDetails": "Kelas <Python>",
            "email": "budi@contoh.id",
            "customerVaName": "Budi",
            "returnUrl": return_url,
            "callbackUrl": "https://toko.test/callback",
        }
        answered = self.browser.post("/api/merchant/createInvoice", json=body, headers=headers).json()
        return str(answered["paymentUrl"])

    @property
    def status(self) -> str:
        return self.emulator.orders["INV-1"].status


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_buyer_chooses_a_bank_sees_the_number_pays_and_is_sent_back(shop: Shop) -> None:
    url = shop.create_invoice()
    chooser = shop.browser.get(url + "&lang=id").text
    chosen = shop.browser.post(url, data={"action": "choose", "payment_method": "BC"})
    bill = shop.browser.get(chosen.headers["location"]).text
    paid = shop.browser.post(chosen.headers["location"], data={"action": "pay", "behaviour": "normal"})
    order = shop.emulator.orders["INV-1"]

    assert "Rp 150.000" in chooser
    assert "Kelas &lt;Python&gt;" in chooser
    assert 'value="BC"' in chooser
    assert f'data-number="{order.attempts[0].va_number}"' in bill
    assert "Tidak ada uang yang berpindah" in bill
    assert paid.status_code == 303
    assert paid.headers["location"] == (
        f"https://toko.test/kembali?merchantOrderId=INV-1&resultCode=00&reference={order.reference}"
    )
    assert shop.status == "paid"
    assert len(shop.taken) == 1
    assert "Lunas" in shop.browser.get(url).text


@pytest.mark.parametrize(
    ("action", "result_code", "status"),
    [("back", "01", "pending"), ("cancel", "02", "canceled"), ("expire", "02", "expired")],
)
def test_a_buyer_who_does_not_pay_comes_back_with_another_code(
    shop: Shop, action: str, result_code: str, status: str
) -> None:
    url = shop.create_invoice("BC")
    returned = shop.browser.post(url, data={"action": action}).headers["location"]

    assert parse_qs(urlsplit(returned).query)["resultCode"] == [result_code]
    assert shop.status == status
    assert shop.taken == []


@pytest.mark.parametrize(
    ("return_url", "start"),
    [
        ("https://toko.test/a?b=1", "https://toko.test/a?b=1&merchantOrderId=INV-1"),
        ("https://toko.test/a?", "https://toko.test/a?merchantOrderId=INV-1"),
        ("https://toko.test/a?b=1#c", "https://toko.test/a?b=1&merchantOrderId=INV-1"),
    ],
)
def test_the_result_is_appended_to_what_the_return_url_has(shop: Shop, return_url: str, start: str) -> None:
    returned = shop.browser.post(shop.create_invoice("BC", return_url=return_url), data={"action": "back"})

    assert returned.headers["location"].startswith(start)
    assert returned.headers["location"].endswith(urlsplit(return_url).fragment)


def test_a_return_url_that_is_no_web_address_is_not_followed(shop: Shop) -> None:
    paid = shop.browser.post(shop.create_invoice("BC", return_url="javascript:alert(1)"), data={"action": "pay"})

    assert paid.status_code == 200
    assert "javascript:" not in paid.text


@pytest.mark.parametrize(
    ("payment_method", "path", "said"),
    [
        ("BC", "/TopUp/v2/TopUpVAPage.aspx?ref=", "Nomor Virtual Account"),
        ("IR", "/TopUp/v2/TopUpVAPage.aspx?ref=", "Kode pembayaran"),
        ("SP", "/TopUp/v2/TopUpQrisPaymentPage.aspx?reference=", "Isi kode QRIS"),
        ("VC", "/topup/v2/TopUpCreditCardPayment.aspx?reference=", "4000 0000 0000 0044"),
        ("OV", "/topup/topupdirectv2.aspx?ref=", "aplikasi OVO"),
    ],
)
def test_each_kind_of_channel_has_its_page(shop: Shop, payment_method: str, path: str, said: str) -> None:
    shop.create_invoice(payment_method)
    attempt = shop.emulator.orders["INV-1"].attempts[0]

    assert said in shop.browser.get(path + attempt.publisher_order_id).text


def test_only_channels_that_take_the_amount_are_offered(shop: Shop) -> None:
    chooser = shop.browser.get(shop.create_invoice(amount=20_000_000)).text

    assert 'value="BC"' in chooser
    assert 'value="SP"' not in chooser
    refused = shop.browser.post(
        shop.create_invoice(amount=20_000_000), data={"action": "choose", "payment_method": "SP"}
    )
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("behaviour", "sends", "status"),
    [("normal", 1, "paid"), ("twice", 2, "paid"), ("late", 0, "paid"), ("never", 0, "paid"), ("flipped", 1, "pending")],
)
def test_the_box_for_trying_decides_what_becomes_of_the_callback(
    shop: Shop, behaviour: str, sends: int, status: str
) -> None:
    url = shop.create_invoice("BC")
    shop.browser.post(url, data={"action": "pay", "behaviour": behaviour, "late_seconds": "45"})
    at_once = list(shop.taken)
    shop.at += timedelta(seconds=45)
    shop.emulator.deliver_due()

    assert len(at_once) == sends
    assert all(b"resultCode=00" in body for body in at_once)
    assert shop.status == status
    assert len(shop.taken) == (1 if behaviour == "late" else sends)


def test_a_callback_with_a_wrong_signature_is_otherwise_right(shop: Shop) -> None:
    shop.browser.post(shop.create_invoice("BC"), data={"action": "pay", "behaviour": "wrong_signature"})
    right = shop.emulator.callback_form("INV-1")

    assert shop.emulator.outbox[0].form == right | {"signature": "0" * 64}


def test_the_buyer_can_be_back_before_the_callback(shop: Shop) -> None:
    shop.emulator.switches.redirect_before_callback = True
    returned = shop.browser.post(shop.create_invoice("BC"), data={"action": "pay"})
    before = len(shop.taken)
    shop.at += timedelta(seconds=5)
    shop.emulator.deliver_due()

    assert returned.status_code == 303
    assert (before, len(shop.taken)) == (0, 1)


def test_a_page_left_open_too_long_pays_nothing(shop: Shop) -> None:
    url = shop.create_invoice("SP")
    shop.at += timedelta(minutes=11)
    late = shop.browser.post(url, data={"action": "pay"})

    assert late.status_code == 409
    assert "Kedaluwarsa" in late.text
    assert shop.taken == []


def test_inside_the_shops_page_the_result_is_told_to_the_script(shop: Shop) -> None:
    told = shop.browser.post(shop.create_invoice("BC") + "&popup=1", data={"action": "pay"}).text

    assert re.search(r'postMessage\(\{.*"resultCode": "00".*\}', told)
    assert "checkout" in shop.browser.get("/lib/js/duitku.js").text


def test_an_unknown_reference_has_no_page(shop: Shop) -> None:
    missing = shop.browser.get("/redirect_checkout?reference=D000126NOSUCH")

    assert missing.status_code == 404
    assert "Tagihan tidak ditemukan" in missing.text


def test_the_demo_page_checks_and_pays_a_number_by_its_known_element_ids(shop: Shop) -> None:
    shop.create_invoice("B1")
    number = shop.emulator.orders["INV-1"].attempts[0].va_number
    empty = shop.browser.get(DEMO).text
    asked = {"hfPaymentMethod": "B1", "TextBoxOrderId": str(number)}
    checked = shop.browser.post(DEMO, data={**asked, "Button1": "Check"}).text
    paid = shop.browser.post(DEMO, data={**asked, "TextBoxAnount": "150000", "Button2": "Pay"}).text

    for element in ("selectDisplay", "selectDropdown", "hfPaymentMethod", "TextBoxOrderId", "TextBoxAnount"):
        assert f'id="{element}"' in empty
    assert re.search(r'class="item" data-value="B1"', empty)
    assert 'id="TextBoxAmount" value="Rp 150,000" readonly' in checked
    assert "SUCCESS" in paid
    assert shop.status == "paid"
    assert len(shop.taken) == 1


@pytest.mark.parametrize("asked", [{"TextBoxOrderId": "123"}, {"hfPaymentMethod": "BR"}, {}])
def test_the_demo_page_knows_no_other_number(shop: Shop, asked: dict[str, str]) -> None:
    shop.create_invoice("B1")
    number = str(shop.emulator.orders["INV-1"].attempts[0].va_number)
    if not asked:
        shop.emulator.expire("INV-1")

    refused = shop.browser.post(DEMO, data={"TextBoxOrderId": number, "Button1": "Check", **asked}).text

    assert "Object reference not set to an instance of an object." in refused


def test_the_index_lists_orders_and_how_their_callbacks_fared(shop: Shop) -> None:
    empty = shop.browser.get("/").text
    shop.create_invoice("BC")
    shop.emulator.pay("INV-1")
    shop.emulator.deliver_due()
    listed = shop.browser.get("/").text

    assert "Belum ada pesanan" in empty
    assert "INV-1" in listed
    assert "Lunas" in listed
    assert "resultCode 00" in listed


def test_the_pages_have_their_own_style(shop: Shop) -> None:
    assert shop.browser.get("/_emulator/duitku.css").headers["content-type"].startswith("text/css")


def test_the_first_page_says_what_the_emulator_can_be_told(shop: Shop) -> None:
    shop.create_invoice()
    told = re.findall(r">(\w+) (/_emulator/[\w/{}]+)<", shop.browser.get("/").text)

    assert ("POST", "/_emulator/switches") in told
    assert ("POST", "/_emulator/orders/{merchantOrderId}/pay") in told
    for method, path in told:
        answer = shop.browser.request(method, path.replace("{merchantOrderId}", "INV-1"), json={})
        assert answer.status_code in {200, 400, 409}, path
