"""What tests in another process use under /_emulator: drive orders, flip switches, order faults, see every call."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from kelaspay_emulators.duitku.faults import KINDS
from kelaspay_emulators.duitku.orders import STATUS_CODES, NotPossibleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Request

    from kelaspay_emulators.duitku.app import DuitkuEmulator
    from kelaspay_emulators.duitku.callbacks import Delivery
    from kelaspay_emulators.duitku.orders import Attempt, Order
    from kelaspay_emulators.duitku.switches import Switches

ROOT = "/_emulator/"
CONTROLS = (
    ("GET", "orders", "every order with its numbers and callbacks"),
    ("POST", "orders/{merchantOrderId}/pay", 'pay it; {"payment_method": "BC", "amount": 150000} where it matters'),
    ("POST", "orders/{merchantOrderId}/fail", "the payment fails"),
    ("POST", "orders/{merchantOrderId}/cancel", "the buyer cancels"),
    ("POST", "orders/{merchantOrderId}/expire", "its time is over"),
    ("POST", "orders/{merchantOrderId}/resend", "send its callback once more"),
    ("GET", "calls", "every API call that came in"),
    (
        "GET",
        "switches",
        "every switch as it stands: callbacks late, twice or never, limits, what the documentation leaves open",
    ),
    ("POST", "switches", 'turn them, like {"callback_copies": 2} or {"slow_seconds": 15}'),
    (
        "POST",
        "faults",
        'have the next calls fail: {"path_part": "inquiry", "kind": "503", "times": 2}; kinds: '
        + ", ".join(sorted(KINDS)),
    ),
    ("POST", "deliver", "send the callbacks that are due"),
)
"""What its page says that it can be told, each under the root."""
_ORDERS = "orders/"
_SHOWN = 100


class Admin:
    def __init__(self, emulator: DuitkuEmulator) -> None:
        self._emulator = emulator
        self._routes: dict[tuple[str, str], Callable[[Request], object]] = {
            ("GET", "orders"): self._orders,
            ("GET", "calls"): self._calls,
            ("GET", "switches"): lambda _: _switches_told(emulator.switches),
            ("POST", "switches"): self._flip,
            ("POST", "faults"): self._fault,
            ("POST", "deliver"): lambda _: {"sent": emulator.deliver_due()},
        }
        self._commands: dict[str, Callable[[str, Request], object]] = {
            "pay": self._pay,
            "fail": lambda order_id, _: {"callback": emulator.fail(order_id)},
            "cancel": lambda order_id, _: {"callback": emulator.cancel(order_id)},
            "expire": lambda order_id, _: emulator.expire(order_id),
            "resend": lambda order_id, _: emulator.resend(order_id),
        }

    def __call__(self, request: Request) -> Response:
        """JSON in and out: 400 for what makes no sense, 404 for what is not there, 409 for what cannot be done now."""
        path = request.path[len(ROOT) :]
        try:
            return _told(self._answer(request, path))
        except KeyError as missing:
            return _told({"error": f"There is no {missing.args[0]}."}, 404)
        except NotPossibleError as refused:
            return _told({"error": str(refused)}, 409)
        except (ValueError, TypeError) as wrong:
            return _told({"error": str(wrong)}, 400)

    def _answer(self, request: Request, path: str) -> object:
        handler = self._routes.get((request.method, path))
        if handler is not None:
            return handler(request)
        if not path.startswith(_ORDERS):
            raise KeyError(path)
        if request.method == "GET":
            return self._order(path[len(_ORDERS) :])
        order_id, _, command = path[len(_ORDERS) :].rpartition("/")
        done = self._commands[command](self._known(order_id), request)
        return {**(done if isinstance(done, dict) else {}), "order": self._order(order_id)}

    def _known(self, order_id: str) -> str:
        if order_id not in self._emulator.orders:
            raise KeyError(f"order {order_id}")
        return order_id

    def _order(self, order_id: str) -> object:
        return self._order_told(self._emulator.orders[self._known(order_id)])

    def _order_told(self, order: Order) -> dict[str, object]:
        return order_told(order, self._emulator.till.outbox.of(order))

    def _orders(self, request: Request) -> object:
        """The newest first, a hundred unless `limit` says otherwise."""
        limit = int(request.args.get("limit", _SHOWN))
        return {"orders": [self._order_told(order) for order in self._emulator.orders.newest(limit)]}

    def _calls(self, request: Request) -> object:
        """The newest last, of paths with `path` in them."""
        part, limit = request.args.get("path", "").lower(), int(request.args.get("limit", 1000))
        calls = [call for call in list(self._emulator.calls) if part in call.path.lower()][-limit:]
        return {"calls": [{**call._asdict(), "time": _instant(call.time)} for call in calls]}

    def _pay(self, order_id: str, request: Request) -> object:
        body = _body(request)
        amount = body.get("amount")
        callback = self._emulator.pay(
            order_id,
            publisher_order_id=_text(body, "publisher_order_id"),
            payment_method=_text(body, "payment_method"),
            amount=None if amount is None else int(str(amount)),
        )
        return {"callback": callback}

    def _flip(self, request: Request) -> object:
        for name, value in _body(request).items():
            self._emulator.switches.flip(name, value)
        return _switches_told(self._emulator.switches)

    def _fault(self, request: Request) -> object:
        body = _body(request)
        self._emulator.fail_next(
            str(body.get("path_part", "")), str(body.get("kind", "")), int(str(body.get("times", 1)))
        )
        return body


def order_told(order: Order, deliveries: list[Delivery]) -> dict[str, object]:
    return {
        "merchant_order_id": order.merchant_order_id,
        "merchant_code": order.merchant_code,
        "reference": order.reference,
        "product": order.asked.product,
        "status": order.status,
        "status_code": STATUS_CODES[order.status][0],
        "amount": order.amount,
        "payment_amount": order.asked.payment_amount,
        "callback_url": order.asked.callback_url,
        "return_url": order.asked.return_url,
        "created_at": _instant(order.created_at),
        "expires_at": _instant(order.expires_at),
        "paid_at": _instant(order.paid_at),
        "attempts": [_attempt_told(each) for each in order.attempts],
        "callbacks": [_delivery_told(each) for each in deliveries],
    }


def _attempt_told(attempt: Attempt) -> dict[str, object]:
    return {
        "publisher_order_id": attempt.publisher_order_id,
        "payment_method": attempt.payment_method,
        "reference": attempt.reference,
        "amount": attempt.amount,
        "va_number": attempt.va_number,
        "qr_string": attempt.qr_string,
        "paid_amount": attempt.paid_amount,
        "paid_at": _instant(attempt.paid_at),
    }


def _delivery_told(delivery: Delivery) -> dict[str, object]:
    sends = [{"time": _instant(time), "status": status} for time, status in delivery.sends]
    return {"due": _instant(delivery.due), "taken": delivery.taken, "sends": sends, "form": delivery.form}


def _switches_told(switches: Switches) -> dict[str, object]:
    told = {each.name: getattr(switches, each.name) for each in fields(switches)}
    return {name: sorted(value) if isinstance(value, set) else value for name, value in told.items()}


def _body(request: Request) -> dict[str, object]:
    raw = request.get_data()
    body = json.loads(raw) if raw.strip() else {}
    if not isinstance(body, dict):
        raise TypeError("The body is one JSON object.")
    return body


def _text(body: dict[str, object], name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)


def _instant(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def _told(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
