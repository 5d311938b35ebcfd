"""The API calls of both hosts: getpaymentmethod, inquiry, createInvoice and transactionStatus (duitku.md 3, 4)."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from kelaspay_emulators.duitku.answers import RefusedError, answer, message, not_found, wrong_method
from kelaspay_emulators.duitku.channels import CHANNELS
from kelaspay_emulators.duitku.checks import read_asked, refuse
from kelaspay_emulators.duitku.fields import Fields, UnreadableError
from kelaspay_emulators.duitku.orders import STATUS_CODES
from kelaspay_emulators.duitku.signatures import is_signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.duitku.orders import Asked, Attempt, Order, Status
    from kelaspay_emulators.duitku.signatures import Legacy
    from kelaspay_emulators.duitku.till import Till

_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_INVALID = "The request is invalid."
_HOUR = timedelta(hours=1)

PAGES = {
    "va": "/TopUp/v2/TopUpVAPage.aspx?ref=",
    "retail": "/TopUp/v2/TopUpVAPage.aspx?ref=",
    "qris": "/TopUp/v2/TopUpQrisPaymentPage.aspx?reference=",
    "card": "/topup/v2/TopUpCreditCardPayment.aspx?reference=",
}
ANY_PAGE = "/topup/topupdirectv2.aspx?ref="


class Api:
    """Answers one request at a time to its caller; what it changes, it changes under the till's lock."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._running: dict[tuple[str, str], int] = {}
        self._asks: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._blocked_until: dict[str, datetime] = {}
        self._routes: dict[str, Callable[[Request], Response]] = {
            "/webapi/api/merchant/paymentmethod/getpaymentmethod": self._get_payment_method,
            "/webapi/api/merchant/v2/inquiry": self._inquiry,
            "/webapi/api/merchant/transactionstatus": self._transaction_status,
            "/api/merchant/createinvoice": self._create_invoice,
            "/api/merchant/transactionstatus": self._transaction_status,
        }

    def __call__(self, request: Request) -> Response:
        """Paths are matched in any case (duitku.md 1)."""
        handler = self._routes.get(request.path.lower().rstrip("/"))
        if handler is None:
            return not_found(request.path)
        if request.method != "POST":
            return wrong_method(request.method)
        try:
            return handler(request)
        except UnreadableError:
            return message(400, _INVALID)
        except RefusedError as refused:
            return refused.response

    def _get_payment_method(self, request: Request) -> Response:
        fields = Fields.of(request)
        amount = fields.text("amount")
        self._authenticate(fields, amount + fields.text("datetime"), "sha256")
        if (fields.whole("amount") or 0) < 1:
            refuse(400, "amount is mandatory")
        if not _DATETIME.fullmatch(fields.text("datetime")):
            refuse(400, "datetime is not valid")
        return answer({"paymentFee": self._fees(), "responseCode": "00", "responseMessage": "SUCCESS"})

    def _fees(self) -> list[dict[str, str]]:
        """Not filtered by amount, nor by what an inquiry would accept (duitku.md 3.1)."""
        switches = self._till.switches
        return [
            {
                "paymentMethod": channel.code,
                "paymentName": channel.name,
                "paymentImage": channel.image,
                "totalFee": str(channel.fee if switches.fees_to_buyer else 0),
            }
            for channel in CHANNELS.values()
            if switches.list_retired or not channel.retired
        ]

    def _inquiry(self, request: Request) -> Response:
        fields = Fields.of(request)
        code = self._authenticate(fields, fields.text("merchantOrderId") + fields.text("paymentAmount"), "md5")
        asked = read_asked("v2", code, fields, self._till.switches)
        self._pause()
        order, attempt = self._open(asked)
        return answer(self._inquired(order, attempt))

    def _inquired(self, order: Order, attempt: Attempt | None) -> dict[str, str]:
        """Only the keys that the channel has; amounts are text (duitku.md 3.2)."""
        channel = CHANNELS[order.asked.payment_method]
        body = {
            "merchantCode": order.merchant_code,
            "reference": order.reference,
            "paymentUrl": self._till.public_url + PAGES.get(channel.group, ANY_PAGE),
        }
        if attempt:
            body["paymentUrl"] += attempt.publisher_order_id
            numbers = {"vaNumber": attempt.va_number, "qrString": attempt.qr_string}
            body |= {name: value for name, value in numbers.items() if value}
        if channel.group == "ecommerce":
            body["AppUrl"] = f"tokopedia://payment/{order.reference}"
        if channel.group != "card" and (channel.group != "ewallet" or self._till.switches.ewallet_amount):
            body["amount"] = str(order.asked.payment_amount)
        return body | {"statusCode": "00", "statusMessage": "SUCCESS"}

    def _create_invoice(self, request: Request) -> Response:
        code = self._authenticate_header(request)
        asked = read_asked("pop", code, Fields.of(request), self._till.switches)
        key = (code, asked.merchant_order_id)
        self._begin(key, asked.payment_amount)
        try:
            self._pause()
            order, _ = self._open(asked)
        finally:
            self._running.pop(key, None)
        return answer(
            {
                "merchantCode": code,
                "reference": order.reference,
                "paymentUrl": f"{self._till.public_url}/redirect_checkout?reference={order.reference}",
                "amount": str(asked.payment_amount),
                "statusCode": "00",
                "statusMessage": "SUCCESS",
            }
        )

    def _begin(self, key: tuple[str, str], amount: int) -> None:
        """The same order twice at once is refused (duitku.md 4.3)."""
        with self._till.lock:
            running = self._running.setdefault(key, 0)
            if not running:
                self._running[key] = amount
                return
        if running == amount:
            raise RefusedError(answer("The transaction is still in progress.", 409))
        raise RefusedError(answer("Amount is different please try again later.", 400))

    def _open(self, asked: Asked) -> tuple[Order, Attempt | None]:
        till = self._till
        with till.lock:
            till.tick()
            known = till.orders.find(asked.merchant_code, asked.merchant_order_id)
            if known and known.status == "paid":
                _refuse_paid(asked)
            order = till.orders.open(asked, till.now(), keep=till.switches.reinquiry_keeps_reference)
            attempt = order.attempt
        if till.switches.callback_before_response:
            paid = till.pay(order, publisher_order_id=None, payment_method=None, amount=None)
            till.send(order, till.form(order, paid))
            till.deliver_due()
        return order, attempt

    def _transaction_status(self, request: Request) -> Response:
        fields = Fields.of(request, form=True)
        merchant_order_id = fields.text("merchantOrderId")
        code = self._authenticate(fields, merchant_order_id, "md5")
        self._limit(code)
        if not merchant_order_id:
            refuse(400, "merchantOrderId is mandatory")
        self._pause()
        with self._till.lock:
            self._till.tick()
            order = self._till.orders.find(code, merchant_order_id)
            if order is None:
                refuse(self._till.switches.not_found_status, "Transaction not found")
            return answer(_status(order, self._told(order)))

    def _told(self, order: Order) -> Status:
        """The order's status as far as transactionStatus knows it by now."""
        lag = timedelta(seconds=self._till.switches.status_lag_seconds)
        behind = order.paid_at is not None and self._till.now() < order.paid_at + lag
        return "pending" if behind else order.status

    def _limit(self, code: str) -> None:
        """Who asks too often is blocked for an hour (duitku.md 3.4)."""
        limit, now = self._till.switches.rate_limit, self._till.now()
        if limit is None:
            return
        with self._till.lock:
            asks = self._asks[code]
            while asks and asks[0] <= now - _HOUR:
                asks.popleft()
            asks.append(now)
            if len(asks) > limit and self._blocked_until.get(code, now) <= now:
                self._blocked_until[code] = now + _HOUR
            blocked = self._blocked_until.get(code, now) > now
        if blocked:
            refuse(self._till.switches.block_status, "Too many requests. Please try again in 1 hour.")

    def _authenticate(self, fields: Fields, rest: str, legacy: Legacy) -> str:
        """The merchant is looked up first, then the signature is checked (duitku.md 3.3)."""
        code = fields.text("merchantCode")
        api_key = self._till.merchants.get(code)
        if api_key is None:
            refuse(404, "Merchant not found")
        accept = self._till.switches.accept
        if not is_signed(fields.text("signature"), code + rest, api_key, accept=accept, legacy=legacy):
            refuse(self._till.switches.bad_signature_status, "Wrong signature")
        return code

    def _authenticate_header(self, request: Request) -> str:
        """CreateInvoice carries merchant, timestamp and signature in headers; nothing in the body stands for them."""
        switches, headers = self._till.switches, request.headers
        code, timestamp = headers.get("x-duitku-merchantcode", ""), headers.get("x-duitku-timestamp", "")
        api_key = self._till.merchants.get(code)
        signature = headers.get("x-duitku-signature", "")
        known = api_key is not None and self._is_fresh(timestamp)
        if not known or not is_signed(
            signature, code + timestamp, api_key or "", accept=switches.accept, legacy="sha256"
        ):
            refuse(switches.bad_signature_status, "Unauthorized")
        return code

    def _is_fresh(self, timestamp: str) -> bool:
        """Milliseconds since 1970, as digits."""
        if not re.fullmatch(r"[0-9]{1,16}", timestamp):
            return False
        window = self._till.switches.timestamp_window
        return window is None or abs(self._till.now().timestamp() - int(timestamp) / 1000) <= window

    def _pause(self) -> None:
        seconds = self._till.switches.slow_seconds
        if seconds > 0:
            self._till.pause(seconds)


def _refuse_paid(asked: Asked) -> NoReturn:
    if asked.product == "v2":
        refuse(400, "Bill already paid")
    raise RefusedError(answer("Bill already paid. (Parameter 'MerchantOrderId')", 400))


def _status(order: Order, status: Status) -> dict[str, str]:
    code, said = STATUS_CODES[status]
    return {
        "merchantOrderId": order.merchant_order_id,
        "reference": order.paid.reference if order.paid else order.reference,
        "amount": str(order.amount),
        "fee": f"{order.paid.paid_fee if order.paid else 0}.00",
        "statusCode": code,
        "statusMessage": said,
    }
