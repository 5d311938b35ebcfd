"""What createInvoice and inquiry refuse, in the order in which they look (duitku.md 3.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from kelaspay_emulators.duitku.answers import RefusedError, message
from kelaspay_emulators.duitku.channels import CHANNELS, LOWEST, channel_of
from kelaspay_emulators.duitku.orders import Asked

if TYPE_CHECKING:
    from kelaspay_emulators.duitku.fields import Fields
    from kelaspay_emulators.duitku.orders import Product
    from kelaspay_emulators.duitku.switches import Switches

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_LONGEST = {"merchantOrderId": 50, "email": 50, "phoneNumber": 50}
_LONGEST_OF_TABLE = {
    "productDetails": 255,
    "customerVaName": 20,
    "returnUrl": 255,
    "callbackUrl": 255,
    "additionalParam": 255,
    "merchantUserInfo": 255,
}
"""Lengths that the field tables give and the error table does not."""


def refuse(status: int, text: str) -> NoReturn:
    raise RefusedError(message(status, text))


def read_asked(product: Product, merchant_code: str, fields: Fields, switches: Switches) -> Asked:
    """What the merchant asks for, or the refusal."""
    _mandatory(product, fields, switches)
    _lengths(fields, switches)
    if not _EMAIL.fullmatch(fields.text("email")):
        refuse(400, "Invalid Email Address")
    _channel(fields, switches)
    amount = _amount(fields)
    _expiry(fields, switches)
    _items(fields, amount)
    return Asked(
        product=product,
        merchant_code=merchant_code,
        merchant_order_id=fields.text("merchantOrderId"),
        payment_amount=amount,
        payment_method=fields.text("paymentMethod"),
        product_details=fields.text("productDetails"),
        email=fields.text("email"),
        return_url=fields.text("returnUrl"),
        callback_url=fields.text("callbackUrl") or switches.default_callback_url or "",
        additional_param=fields.text("additionalParam"),
        merchant_user_info=fields.text("merchantUserInfo"),
        customer_va_name=fields.text("customerVaName"),
        phone_number=fields.text("phoneNumber"),
        expiry_period=fields.whole("expiryPeriod"),
    )


def _mandatory(product: Product, fields: Fields, switches: Switches) -> None:
    needed = ["merchantOrderId", "productDetails", "returnUrl"]
    if product == "v2":
        needed.insert(0, "paymentMethod")
    if not switches.default_callback_url:
        needed.append("callbackUrl")
    for name in needed:
        if not fields.text(name).strip():
            refuse(400, f"{name} is mandatory")


def _lengths(fields: Fields, switches: Switches) -> None:
    longest = _LONGEST | (_LONGEST_OF_TABLE if switches.strict_lengths else {})
    for name, length in longest.items():
        if len(fields.text(name)) > length:
            refuse(400, f"length of {name} can't > {length}")


def _channel(fields: Fields, switches: Switches) -> None:
    method = fields.text("paymentMethod")
    if not method:
        return
    channel = CHANNELS.get(method)
    if channel is None or channel.retired or method in switches.channels_off:
        refuse(404, "Payment channel not available")
    if channel.group in {"va", "ecommerce"} and not fields.text("customerVaName").strip():
        refuse(400, "Customer VA Name must not be empty for this payment channel")
    if channel.linked and not fields.has("accountLink"):
        refuse(400, "accountLink is mandatory")
    if channel.group == "paylater" and not (fields.has("customerDetail") and fields.records("itemDetails")):
        refuse(400, "customerDetail and itemDetails are mandatory")


def _amount(fields: Fields) -> int:
    amount = fields.whole("paymentAmount") or 0
    channel = channel_of(fields.text("paymentMethod"))
    if amount < channel.lowest:
        refuse(400, f"Minimum Payment {LOWEST} IDR")
    if amount > channel.highest:
        refuse(400, "Maximum Payment exceeded")
    return amount


def _expiry(fields: Fields, switches: Switches) -> None:
    asked, longest = fields.whole("expiryPeriod"), channel_of(fields.text("paymentMethod")).longest_minutes
    if switches.expiry_over_max == "reject" and asked and longest is not None and asked > longest:
        refuse(400, f"expiryPeriod can't > {longest}")


def _items(fields: Fields, amount: int) -> None:
    """Prices are line totals: their sum counts, and the quantity does not (duitku.md 3.2)."""
    items = fields.records("itemDetails")
    if items and sum(item.whole("price") or 0 for item in items) != amount:
        refuse(409, "Payment amount must be equal to all item price")
