"""Callbacks (duitku.md 3.5): the signed form, the outbox it waits in, and its sends until a 200 comes back."""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx2

from kelaspay_emulators.duitku.channels import CHANNELS
from kelaspay_emulators.duitku.identifiers import WIB
from kelaspay_emulators.duitku.signatures import Scheme, callback_message, sign

if TYPE_CHECKING:
    from kelaspay_emulators.duitku.orders import Attempt, Order
    from kelaspay_emulators.duitku.switches import Switches

Post = Callable[[str, bytes, str], int]
"""(callbackUrl, body, content type) to the HTTP status, 0 where nobody answered."""

FORM_TYPE = "application/x-www-form-urlencoded"
OK = 200
_TIMEOUT = httpx2.Timeout(15.0, connect=5.0)
_CORE = ("merchantCode", "amount", "merchantOrderId", "resultCode", "reference", "signature")
_OUTBOX_SHOWN = 200_000


def post_over_http(url: str, body: bytes, content_type: str) -> int:
    """Send a callback for real. Redirects are not followed (duitku.md 3.5)."""
    try:
        sent = httpx2.post(
            url, content=body, headers={"Content-Type": content_type}, timeout=_TIMEOUT, follow_redirects=False
        )
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return 0
    return sent.status_code


@dataclass(frozen=True, slots=True)
class Signer:
    api_key: str
    scheme: Scheme


def callback_form(
    order: Order, attempt: Attempt | None, result_code: str, signer: Signer, *, optional_fields: bool = True
) -> dict[str, str]:
    """The fields in the order of the captured body, signed over code, amount and order id only."""
    asked = order.asked
    amount = str(_amount(order, attempt))
    message = callback_message(asked.merchant_code, amount, asked.merchant_order_id)
    form = {
        "merchantCode": asked.merchant_code,
        "amount": amount,
        "merchantOrderId": asked.merchant_order_id,
        "productDetail": asked.product_details,
        "additionalParam": asked.additional_param,
        "paymentCode": attempt.payment_method if attempt else asked.payment_method,
        "resultCode": result_code,
        "merchantUserId": asked.merchant_user_info,
        "reference": attempt.reference if attempt else order.reference,
        "signature": sign(message, signer.api_key, scheme=signer.scheme),
        "publisherOrderId": attempt.publisher_order_id if attempt else "",
        **_channel_fields(attempt, asked.customer_va_name),
    }
    return form if optional_fields else {name: form[name] for name in _CORE}


def _amount(order: Order, attempt: Attempt | None) -> int:
    if attempt is None:
        return order.asked.payment_amount
    return attempt.amount if attempt.paid_amount is None else attempt.paid_amount


def _channel_fields(attempt: Attempt | None, payer: str) -> dict[str, str]:
    method = attempt.payment_method if attempt else ""
    qris = method in CHANNELS and CHANNELS[method].group == "qris"
    paid_at = attempt.paid_at if attempt else None
    shared = {
        "spUserHash": "b7c1f0a95e" if method in {"SA", "SL"} else "",
        "settlementDate": f"{paid_at.astimezone(WIB) + timedelta(days=1):%Y-%m-%d}" if paid_at else "",
        "sourceAccount": "",
        "issuerCode": "93600914" if qris else "",
    }
    if qris:
        shared["customerName"] = _masked(payer or "Pelanggan")
    return shared | (_CARD if method == "VC" else {})


_CARD = {
    "cardType": "VISA",
    "maskedNumber": "400000******0044",
    "transactionState": "AUTHORIZED",
    "transactionStateStatus": "Success",
}


def _masked(name: str) -> str:
    return " ".join(word[:2] + "*" * max(0, len(word) - 2) for word in name.split())


def with_wrong_signature(form: dict[str, str]) -> dict[str, str]:
    return form | {"signature": "0" * len(form["signature"])}


@dataclass(slots=True)
class Delivery:
    """One callback on its way."""

    order: Order
    form: dict[str, str]
    url: str
    body: bytes
    content_type: str
    due: datetime | None
    """None: it was taken in, or given up after the last send."""
    sends: list[tuple[datetime, int]] = field(default_factory=list)
    """When it was sent and which status came back."""

    @property
    def taken(self) -> bool:
        return bool(self.sends) and self.sends[-1][1] == OK


class Outbox:
    """Callbacks by the time they are due. Whoever takes one must report what became of it."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._due: list[tuple[datetime, int, Delivery]] = []
        self._ticket = count()
        self._of: dict[tuple[str, str], list[Delivery]] = {}
        self.all: deque[Delivery] = deque(maxlen=_OUTBOX_SHOWN)

    def put(self, order: Order, form: dict[str, str], due: datetime) -> Delivery:
        as_json = self._switches.callback_json
        body = json.dumps(form).encode() if as_json else urlencode(form).encode()
        content_type = "application/json" if as_json else FORM_TYPE
        delivery = Delivery(order, form, order.asked.callback_url, body, content_type, due)
        self.all.append(delivery)
        self._of.setdefault((order.merchant_code, order.merchant_order_id), []).append(delivery)
        self._schedule(delivery, due)
        return delivery

    def of(self, order: Order) -> list[Delivery]:
        return list(self._of.get((order.merchant_code, order.merchant_order_id), []))

    def take_due(self, now: datetime) -> list[Delivery]:
        """What is to be sent now, earliest first; each is handed out once."""
        taken = []
        while self._due and self._due[0][0] <= now:
            taken.append(heapq.heappop(self._due)[2])
        return taken

    def report(self, delivery: Delivery, status: int, now: datetime) -> None:
        """A 200 ends it; anything else plans the next send, up to the last."""
        delivery.sends.append((now, status))
        sent = len(delivery.sends)
        if status == OK or sent >= self._switches.callback_retries:
            delivery.due = None
            return
        intervals = self._switches.callback_intervals or (0.0,)
        wait = intervals[min(sent, len(intervals)) - 1]
        self._schedule(delivery, now + timedelta(seconds=wait))

    def _schedule(self, delivery: Delivery, due: datetime) -> None:
        delivery.due = due
        heapq.heappush(self._due, (due, next(self._ticket), delivery))
