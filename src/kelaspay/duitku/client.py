"""The client of Duitku's two APIs: POP (the buyer chooses at Duitku) and v2 (the buyer has chosen with us).

Requests are signed HMAC unless the legacy scheme is asked for. Duitku may take long, so reads wait 40 s and nothing
is sent twice blindly: after a lost answer the caller asks `transaction_status` first (duitku.md 5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import httpx2

from kelaspay.duitku.callback import Callback, read_callback
from kelaspay.duitku.channels import expiry_period
from kelaspay.duitku.signature import Scheme, sign
from kelaspay.faults import (
    AlreadyPaid,
    DuitkuBusy,
    DuitkuRefused,
    DuitkuUnauthorized,
    DuitkuUnavailable,
    Fault,
    InvoiceUnknown,
)
from kelaspay.payment import NOTHING, Customer, Invoice, MerchantOrderId, Payment, Rupiah

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.duitku.block import Block

TIMEOUT = httpx2.Timeout(connect=5.0, read=40.0, write=10.0, pool=5.0)
SLOWEST = 60.0
"""Seconds that a call may take with all of that."""
BLOCKED_SECONDS = 3600.0
"""How long Duitku blocks who asks too often (duitku.md 3.4)."""
OF_THE_KEY = ("signature", "unauthorized", "merchant")
"""A 403 that speaks of none of these may be the block, whose status is not known (duitku.md 3.3, 3.4): who asks again
at once stays blocked.
"""
VA_NAME_LENGTH = 20
DETAILS_LENGTH = 255
ITEM_NAME_LENGTH = 50

WIB = timezone(timedelta(hours=7), "WIB")

PAID, PENDING, CANCELED = "00", "01", "02"
ORDER = "merchantOrderId"
NO_ORDER = MerchantOrderId("KPDOCTOR")


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """What Duitku says of an order when asked."""

    status_code: str
    """"00" money received, "01" not yet, "02" canceled, failed or expired (duitku.md 3.4)."""
    amount: Rupiah
    reference: str
    fee: Rupiah = NOTHING
    """What the channel costs, whoever bears it; whether `amount` then holds it is not documented."""

    @property
    def paid(self) -> bool:
        return self.status_code == PAID


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A channel as Duitku offers it for an amount (duitku.md 3.1)."""

    payment_method: str
    payment_name: str
    payment_image: str
    total_fee: Rupiah
    """What the buyer pays on top; nothing where the merchant bears the fees."""


class Duitku:
    def __init__(
        self,
        http: httpx2.Client,
        *,
        merchant_code: str,
        api_key: str,
        hosts: tuple[str, str, str],
        scheme: Scheme = Scheme.HMAC,
        accepted: frozenset[Scheme] = frozenset(Scheme),
        block: Block | None = None,
    ) -> None:
        self._http = http
        self.merchant_code = merchant_code
        self._api_key = api_key
        self._v2, self._pop, self._page = hosts
        self._scheme = scheme
        self._accepted = accepted
        self._block = block

    def read_callback(self, body: bytes, content_type: str) -> Callback:
        """A verified callback; raises `MalformedCallback`, `WrongMerchant` or `BadSignature`."""
        return read_callback(
            body, content_type, merchant_code=self.merchant_code, api_key=self._api_key, accepted=self._accepted
        )

    def create_invoice(
        self, payment: Payment, customer: Customer, *, callback_url: str, return_url: str, now: datetime
    ) -> Invoice:
        """Create the payment at Duitku: POP's `createInvoice`, or v2's `inquiry` when a method was chosen.

        Repeating it while the order is unpaid keeps its reference (duitku.md 5). Raises `DuitkuUnavailable`,
        `DuitkuBusy`, `DuitkuUnauthorized`, `AlreadyPaid` or `DuitkuRefused`.
        """
        asked = _request(payment, customer, callback_url=callback_url, return_url=return_url)
        if payment.payment_method:
            return self._inquiry(payment, asked)
        timestamp = str(int(now.timestamp() * 1000))
        headers = {
            "x-duitku-timestamp": timestamp,
            "x-duitku-merchantcode": self.merchant_code,
            "x-duitku-signature": sign(self._scheme, self._api_key, self.merchant_code, timestamp, legacy="sha256"),
        }
        return _invoice(self._post(f"{self._pop}/api/merchant/createInvoice", asked, headers, about=asked[ORDER]))

    def transaction_status(self, merchant_order_id: MerchantOrderId, payment_method: str | None) -> TransactionStatus:
        """Ask whether an order is paid, at the host that made it (duitku.md 3.4, 4.2).

        Raises `InvoiceUnknown`, or as `create_invoice`. Ask rarely: polling gets us blocked. While we are, nothing is
        asked, whichever payment and process it is for.
        """
        if self._block is not None and (left := self._block.left()) > 0:
            raise DuitkuBusy(wait=left)
        host = f"{self._v2}/webapi" if payment_method else self._pop
        asked = {
            "merchantCode": self.merchant_code,
            "merchantOrderId": merchant_order_id,
            "signature": sign(self._scheme, self._api_key, self.merchant_code, merchant_order_id),
        }
        try:
            answer = self._post(f"{host}/api/merchant/transactionStatus", asked, about=merchant_order_id)
        except DuitkuBusy:
            if self._block is not None:
                self._block.begin(BLOCKED_SECONDS)
            raise
        if answer.get("merchantOrderId") != merchant_order_id:
            raise DuitkuUnavailable("Its answer is about another order.", merchant_order_id=merchant_order_id)
        return TransactionStatus(
            status_code=str(answer.get("statusCode")),
            amount=_whole(answer.get("amount")),
            reference=str(answer.get("reference", "")),
            fee=_fee(answer.get("fee")),
        )

    def check_key(self) -> None:
        """Whether Duitku takes our merchant code and key: a real signed call, about an order that cannot exist.

        Raises as `create_invoice`, and `DuitkuRefused` by a Duitku that knows such an order.
        """
        try:
            self.transaction_status(NO_ORDER, None)
        except InvoiceUnknown:
            return
        raise DuitkuRefused("It knows an order that cannot exist; is DUITKU_POP_URL right?")

    def payment_methods(self, amount: Rupiah, *, now: datetime) -> list[PaymentMethod]:
        """The channels that Duitku lists for this amount, with their fees; some may still be refused when chosen.

        Raises as `create_invoice`.
        """
        at = now.astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S")
        signature = sign(self._scheme, self._api_key, self.merchant_code, str(amount), at, legacy="sha256")
        asked = {"merchantcode": self.merchant_code, "amount": amount, "datetime": at, "signature": signature}
        url = f"{self._v2}/webapi/api/merchant/paymentmethod/getpaymentmethod"
        listed = self._post(url, asked, code="responseCode").get("paymentFee")
        return [_method(each) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []

    def invoice_page(self, reference: str) -> Invoice:
        """The invoice of an order whose creation's answer was lost: POP's page is found by its reference alone
        (duitku.md 4.4).
        """
        return Invoice(reference=reference, payment_url=f"{self._page}/redirect_checkout?reference={reference}")

    def _inquiry(self, payment: Payment, asked: dict[str, Any]) -> Invoice:
        signed = (self.merchant_code, payment.merchant_order_id, str(payment.payment_amount))
        asked |= {
            "merchantCode": self.merchant_code,
            "paymentMethod": payment.payment_method,
            "signature": sign(self._scheme, self._api_key, *signed),
        }
        return _invoice(self._post(f"{self._v2}/webapi/api/merchant/v2/inquiry", asked, about=asked[ORDER]))

    def _post(
        self,
        url: str,
        asked: dict[str, Any],
        headers: dict[str, str] | None = None,
        *,
        code: str = "statusCode",
        about: str | None = None,
    ) -> dict[str, Any]:
        """`about` is the order that a call is about, for whoever keeps what was said."""
        told = {"about": about} if about else None
        try:
            response = self._http.post(url, json=asked, headers=headers, timeout=TIMEOUT, extensions=told)
        except httpx2.RequestError as error:  # an answer that cannot be decoded is none, either
            raise DuitkuUnavailable from error
        answer = _parsed(response)
        if response.is_success and isinstance(answer, dict) and str(answer.get(code)) in {PAID, PENDING, CANCELED}:
            return answer
        if response.is_success:  # a page of somebody's in between, or a shape that we do not know: no answer at all
            raise DuitkuUnavailable("Its answer cannot be read.")
        raise _refusal(response, answer)


def _request(payment: Payment, customer: Customer, *, callback_url: str, return_url: str) -> dict[str, Any]:
    """What both APIs ask for (duitku.md 3.2, 4.1). One item of quantity one: Duitku adds up prices and ignores
    quantities.
    """
    return {
        "paymentAmount": payment.payment_amount,
        "merchantOrderId": payment.merchant_order_id,
        "productDetails": payment.product_details[:DETAILS_LENGTH],
        "email": customer.email,
        "phoneNumber": customer.phone,
        "customerVaName": va_name(customer.name),
        "itemDetails": [
            {"name": payment.product_details[:ITEM_NAME_LENGTH], "price": payment.payment_amount, "quantity": 1}
        ],
        "customerDetail": {
            "firstName": customer.first_name[:ITEM_NAME_LENGTH],
            "lastName": customer.last_name[:ITEM_NAME_LENGTH],
            "email": customer.email,
            "phoneNumber": customer.phone,
        },
        "callbackUrl": callback_url,
        "returnUrl": return_url,
        "expiryPeriod": expiry_period(payment.payment_method),
    }


def va_name(name: str) -> str:
    """The name as a bank's screen can show it (duitku.md 3.2, 8.21)."""
    plain = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in " ."))
    return " ".join(plain.split())[:VA_NAME_LENGTH].strip() or "Pembeli"


def _invoice(answer: dict[str, Any]) -> Invoice:
    if str(answer.get("statusCode")) != PAID or not answer.get("reference") or not answer.get("paymentUrl"):
        raise DuitkuRefused(_said(answer))
    return Invoice(
        reference=str(answer["reference"]),
        payment_url=str(answer["paymentUrl"]),
        va_number=answer.get("vaNumber") or None,
        qr_string=answer.get("qrString") or None,
    )


def _method(listed: dict[str, Any]) -> PaymentMethod:
    return PaymentMethod(
        payment_method=str(listed.get("paymentMethod", "")),
        payment_name=str(listed.get("paymentName", "")),
        payment_image=str(listed.get("paymentImage", "")),
        total_fee=_fee(listed.get("totalFee")),
    )


def _fee(told: Any) -> Rupiah:
    """Whole rupiah; nothing where none is told."""
    whole = str(told or "0").partition(".")[0]
    return Rupiah(int(whole)) if whole.isdigit() else NOTHING


def _parsed(response: httpx2.Response) -> Any:
    """What the body says in JSON; None where it is none."""
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _said(answer: Any) -> str:
    """The reason in an error body, of whichever of its shapes (duitku.md 4.3)."""
    if isinstance(answer, dict):
        for name in ("Message", "message", "statusMessage"):
            if answer.get(name):
                return str(answer[name])[:DETAILS_LENGTH]
        return next((str(value)[:DETAILS_LENGTH] for value in answer.values()), "")
    return str(answer)[:DETAILS_LENGTH]


def _refusal(response: httpx2.Response, answer: Any) -> Fault:
    """Which fault an answer that is no success means (duitku.md 3.3, 4.3).

    What is no JSON is a page of somebody's in between, unless it says what only Duitku does. A bare "Not Found" is said
    by any web server, and of no order.
    """
    status, said = response.status_code, _said(response.text if answer is None else answer)
    heard = said.lower()
    if "already paid" in heard:
        return AlreadyPaid()
    unknown = answer is not None and "not found" in heard and "merchant" not in heard and heard != "not found"
    if unknown or "transaction not found" in heard:
        return InvoiceUnknown()
    forbidden = status == 403 and answer is not None  # noqa: PLR2004 - forbidden, by Duitku itself
    if status == 429 or (forbidden and not any(word in heard for word in OF_THE_KEY)):  # noqa: PLR2004 - too many requests
        return DuitkuBusy(wait=BLOCKED_SECONDS)
    if status >= 500 or answer is None:  # noqa: PLR2004 - server errors
        return DuitkuUnavailable(f"HTTP {status}.")
    named: dict[int, type[Fault]] = {401: DuitkuUnauthorized, 403: DuitkuUnauthorized}
    if "merchant not found" in heard:
        return DuitkuUnauthorized(said)
    return named.get(status, DuitkuRefused)(said)


def _whole(amount: Any) -> Rupiah:
    """A status's amount: a string of digits, perhaps with decimals that are zero."""
    whole, _, decimals = str(amount).partition(".")
    if not whole.isdigit() or decimals.strip("0"):
        raise DuitkuUnavailable("Its answer names no amount.")
    return Rupiah(int(whole))
