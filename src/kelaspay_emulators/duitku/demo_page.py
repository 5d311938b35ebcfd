"""The sandbox's page for paying a number by hand, with the element ids that test robots know (duitku.md 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay_emulators.duitku.channels import CHANNELS
from kelaspay_emulators.duitku.orders import NotPossibleError
from kelaspay_emulators.duitku.rendering import rendered

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.duitku.orders import Attempt, Order
    from kelaspay_emulators.duitku.till import Till

PATH = "/payment/demo/demosuccesstransaction.aspx"
_UNKNOWN = "Object reference not set to an instance of an object."
"""What the sandbox says of an unknown or expired number."""


def demo_page(till: Till, request: Request) -> Response:
    method, number = request.form.get("hfPaymentMethod", ""), request.form.get("TextBoxOrderId", "").strip()
    if request.method != "POST":
        return _page()
    till.tick()
    found = _payable(till, method, number)
    if found is None:
        return _page(method, number, error=_UNKNOWN)
    order, attempt = found
    amount = f"Rp {attempt.amount:,}"
    if "Button2" not in request.form:
        return _page(method, number, amount=amount)
    try:
        _pay(till, order, attempt, request.form.get("TextBoxAnount", ""))
    except NotPossibleError:
        return _page(method, number, error=_UNKNOWN)
    return _page(method, number, amount=amount, result="SUCCESS")


def _payable(till: Till, method: str, number: str) -> tuple[Order, Attempt] | None:
    found = till.orders.by_number(number)
    if found is None or found[1].paid_at is not None or method not in {"", found[1].payment_method}:
        return None
    order = found[0]
    return found if order.status == "pending" or till.switches.expired_payable or order.status == "paid" else None


def _pay(till: Till, order: Order, attempt: Attempt, entered: str) -> None:
    digits = "".join(each for each in entered if each in "0123456789")
    amount = int(digits) if 0 < len(digits) <= len("999999999999") else None
    paid = till.pay(order, publisher_order_id=attempt.publisher_order_id, payment_method=None, amount=amount)
    till.send(order, till.form(order, paid))
    till.deliver_due()


def _page(method: str = "", number: str = "", *, amount: str = "", error: str = "", result: str = "") -> Response:
    channels = [channel for channel in CHANNELS.values() if channel.numbered]
    return rendered(
        "demo.html", channels=channels, method=method, number=number, amount=amount, error=error, result=result
    )
