"""External orders: sales made elsewhere, stored and never shown again, and never deduplicated (thinkific.md 2.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, answer, empty, errors, not_found, whole
from kelaspay_emulators.thinkific.asked import Route, blank
from kelaspay_emulators.thinkific.records import ExternalOrder, Transaction

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON

_ORDER_TYPES = ("one-time", "subscription", "payment-plan")

Wrong = dict[str, list[str]]


def create_external_order(asked: Asked) -> Response:
    body, school = asked.body, asked.school
    sent = body.get("transaction")
    money: JSON = sent if isinstance(sent, dict) else {}
    wrong = _wrong_order(asked) | _wrong_money(money, "transaction.")
    if wrong:
        return errors(wrong)
    order = ExternalOrder(
        school.next_order_id(),
        str(body["payment_provider"]),
        whole(body["user_id"]) or 0,
        whole(body["product_id"]) or 0,
        str(body["order_type"]),
        asked.now,
        [_transaction(asked, money, "purchase")],
    )
    school.external_orders[order.id] = order
    return answer({"id": order.id}, 201)


def _wrong_order(asked: Asked) -> Wrong:
    body, school = asked.body, asked.school
    names = ("payment_provider", "user_id", "product_id", "order_type")
    wrong: Wrong = {name: ["can't be blank"] for name in names if blank(body.get(name))}
    if "user_id" not in wrong and whole(body["user_id"]) not in school.users:
        wrong["user_id"] = ["is invalid"]
    if "product_id" not in wrong and whole(body["product_id"]) not in school.products:
        wrong["product_id"] = ["is invalid"]
    if "order_type" not in wrong and body["order_type"] not in _ORDER_TYPES:
        wrong["order_type"] = ["is not included in the list"]
    return wrong


def _wrong_money(money: JSON, prefix: str = "") -> Wrong:
    wrong: Wrong = {}
    if _amount(money.get("amount")) is None:
        wrong[f"{prefix}amount"] = ["is not a number"]
    if blank(money.get("currency")):
        wrong[f"{prefix}currency"] = ["can't be blank"]
    return wrong


def _amount(value: object) -> int | float | None:
    """In the currency's smallest unit, which is kept as it was sent."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return whole(value)


def _transaction(asked: Asked, money: JSON, action: str) -> Transaction:
    reference = money.get("reference")
    return Transaction(
        action,
        _amount(money["amount"]) or 0,
        str(money["currency"]),
        None if reference is None else str(reference),
        asked.now,
    )


def _add(asked: Asked, action: str) -> Response:
    order = asked.school.external_orders.get(asked.id())
    if order is None:
        raise RefusedError(not_found())
    wrong = _wrong_money(asked.body)
    if wrong:
        return errors(wrong)
    order.transactions.append(_transaction(asked, asked.body, action))
    return empty(200)


def refund(asked: Asked) -> Response:
    return _add(asked, "refund")


def purchase(asked: Asked) -> Response:
    return _add(asked, "purchase")


ROUTES = [
    Route("POST", "/external_orders", create_external_order),
    Route("POST", "/external_orders/<id>/transactions/refund", refund),
    Route("POST", "/external_orders/<id>/transactions/purchase", purchase),
]
