"""The hosted payment pages a buyer sees (duitku.md 3.2, 3.6, 4.4), with a box to try each way a callback can go."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from werkzeug.utils import redirect

from kelaspay_emulators.duitku.callbacks import with_wrong_signature
from kelaspay_emulators.duitku.channels import CHANNELS
from kelaspay_emulators.duitku.orders import NotPossibleError
from kelaspay_emulators.duitku.rendering import rendered

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.duitku.channels import Channel
    from kelaspay_emulators.duitku.orders import Attempt, Order
    from kelaspay_emulators.duitku.till import Till

PATHS = frozenset(
    {
        "/redirect_checkout",
        "/topup/topupdirectv2.aspx",
        "/topup/v2/topupvapage.aspx",
        "/topup/v2/topupqrispaymentpage.aspx",
        "/topup/v2/topupcreditcardpayment.aspx",
    }
)

PAID, NOT_YET, CANCELED = "00", "01", "02"
_RESULT_CODES = {"paid": PAID, "pending": NOT_YET}
_REDIRECT_LEAD = 2.0
"""Seconds by which the buyer is back before the callback, where that is switched on."""
_LONGEST_DELAY = 86_400.0

GROUPS = {
    "va": "Virtual Account",
    "qris": "QRIS",
    "ewallet": "Dompet digital",
    "retail": "Gerai retail",
    "card": "Kartu kredit atau debit",
    "paylater": "Bayar nanti",
    "ebanking": "E-banking",
    "ecommerce": "E-commerce",
}

BEHAVIOURS = {
    "normal": "Seperti biasa: satu callback, segera",
    "twice": "Callback terkirim dua kali",
    "late": "Callback terlambat",
    "wrong_signature": "Callback dengan tanda tangan salah",
    "never": "Callback tidak pernah terkirim",
    "flipped": "Callback mengaku lunas (resultCode 00), padahal belum dibayar",
}


class Pages:
    def __init__(self, till: Till) -> None:
        self._till = till
        self._actions: dict[str, Callable[[Request, Order, Attempt | None], Response]] = {
            "choose": self._choose,
            "pay": self._pay,
            "cancel": self._cancel,
            "expire": self._expire,
            "back": self._back,
        }

    def __call__(self, request: Request) -> Response:
        self._till.tick()
        found = self._found(request)
        if found is None:
            return rendered("missing.html", status=404)
        order, attempt = found
        if request.method != "POST":
            return self._page(request, order, attempt)
        action = self._actions.get(request.form.get("action", ""), self._back)
        try:
            return action(request, order, attempt)
        except NotPossibleError as refused:
            return self._page(request, order, attempt, problem=str(refused), status=409)

    def _found(self, request: Request) -> tuple[Order, Attempt | None] | None:
        """By the order's reference or an attempt's own, under either name that the pages use."""
        args = {name.lower(): value for name, value in request.args.items()}
        reference = args.get("reference") or args.get("ref") or ""
        order = self._till.orders.by_reference(reference)
        if order is None:
            return None
        named = next((each for each in order.attempts if each.publisher_order_id == reference), order.attempt)
        return order, named

    def _page(
        self, request: Request, order: Order, attempt: Attempt | None, *, problem: str = "", status: int = 200
    ) -> Response:
        if order.status != "pending":
            code = _RESULT_CODES.get(order.status, CANCELED)
            return rendered("ended.html", status=status, order=order, back=_return_url(order, code), problem=problem)
        if attempt is None or "choose" in request.args:
            groups = _groups(order.asked.payment_amount, self._till.switches.channels_off)
            return rendered("choose.html", status=status, order=order, groups=groups, problem=problem)
        channel = CHANNELS[attempt.payment_method]
        return rendered(
            "pay.html",
            status=status,
            order=order,
            attempt=attempt,
            channel=channel,
            group=GROUPS[channel.group],
            changeable=order.asked.product == "pop" and not order.asked.payment_method,
            reference=order.reference,
            behaviours=BEHAVIOURS,
            problem=problem,
        )

    def _choose(self, request: Request, order: Order, _attempt: Attempt | None) -> Response:
        channel = CHANNELS.get(request.form.get("payment_method", ""))
        if order.status != "pending" or channel is None or not channel.takes(order.asked.payment_amount):
            raise NotPossibleError("Metode ini tidak tersedia untuk tagihan ini.")
        self._till.choose(order, channel.code)
        kept = {name: value for name, value in request.args.items() if name != "choose"}
        return redirect(f"{request.path}?{urlencode(kept)}", 303)

    def _pay(self, request: Request, order: Order, attempt: Attempt | None) -> Response:
        behaviour = request.form.get("behaviour", "normal")
        if behaviour == "flipped":
            self._send(order, self._till.form(order, attempt, result_code=PAID), "normal", 0)
            return self._returned(request, order, PAID)
        named = attempt.publisher_order_id if attempt else None
        paid = self._till.pay(order, publisher_order_id=named, payment_method=None, amount=None)
        self._send(order, self._till.form(order, paid), behaviour, _seconds(request.form.get("late_seconds", "")))
        return self._returned(request, order, PAID)

    def _send(self, order: Order, form: dict[str, str], behaviour: str, late_seconds: float) -> None:
        """The callback as the buyer wants to see it go wrong."""
        switches = self._till.switches
        if behaviour == "never":
            return
        if behaviour == "wrong_signature":
            form = with_wrong_signature(form)
        after = late_seconds if behaviour == "late" else switches.callback_delay_seconds
        if switches.redirect_before_callback:
            after = max(after, _REDIRECT_LEAD)
        self._till.send(order, form, copies=2 if behaviour == "twice" else None, after=after)
        self._till.deliver_due()

    def _cancel(self, request: Request, order: Order, _attempt: Attempt | None) -> Response:
        self._till.end(order, "canceled")
        self._till.deliver_due()
        return self._returned(request, order, CANCELED)

    def _expire(self, request: Request, order: Order, _attempt: Attempt | None) -> Response:
        self._till.end(order, "expired")
        self._till.deliver_due()
        return self._returned(request, order, CANCELED)

    def _back(self, request: Request, order: Order, _attempt: Attempt | None) -> Response:
        return self._returned(request, order, _RESULT_CODES.get(order.status, CANCELED))

    def _returned(self, request: Request, order: Order, result_code: str) -> Response:
        """Back to the shop, or, inside a shop's own page, the event that duitku.js waits for."""
        if "popup" in request.args:
            told = {"resultCode": result_code, "merchantOrderId": order.merchant_order_id, "reference": order.reference}
            return rendered("told.html", told=told)
        url = _return_url(order, result_code)
        if not url.startswith(("http://", "https://")):
            return self._page(request, order, order.attempt)
        return redirect(url, 303)


def _return_url(order: Order, result_code: str) -> str:
    """The returnUrl with three parameters appended: before a fragment, after a query (duitku.md 3.6)."""
    url, hash_sign, fragment = order.asked.return_url.partition("#")
    told = {
        "merchantOrderId": order.merchant_order_id,
        "resultCode": result_code,
        "reference": order.paid.reference if order.paid else order.reference,
    }
    joint = "?" if "?" not in url else "" if url.endswith(("?", "&")) else "&"
    return f"{url}{joint}{urlencode(told)}{hash_sign}{fragment}"


def _groups(amount: int, off: set[str]) -> dict[str, list[Channel]]:
    """Channels that take this amount, by the group's title."""
    offered = [
        channel
        for channel in CHANNELS.values()
        if channel.takes(amount) and not (channel.retired or channel.linked or channel.code in off)
    ]
    groups = {title: [channel for channel in offered if channel.group == key] for key, title in GROUPS.items()}
    return {title: channels for title, channels in groups.items() if channels}


def _seconds(text: str) -> float:
    return min(float(text), _LONGEST_DELAY) if text.isascii() and text.isdigit() else 0.0
