"""What the description of the API cannot say to a machine that makes up requests: which offers there are, what a phone
number is, and how Duitku signs. Loaded by schemathesis through SCHEMATHESIS_HOOKS.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import strategies as st

from kelaspay.duitku import CHANNELS
from kelaspay.payment import folded
from kelaspay_emulators.duitku import TEST_MERCHANTS
from kelaspay_emulators.thinkific import ThinkificEmulator
from tests.world import COURSE

if TYPE_CHECKING:
    from schemathesis import Case, HookContext

SOLD = "python-dasar"
"""The offer that is sold: it stays as it is, or no payment could be made of it."""

KEY = "Idempotency-Key"
WELL_FORMED = re.compile("[!-~]{1,255}")

letters = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)

schemathesis.openapi.format("person-name", st.builds("{} {}".format, letters.map(str.title), letters.map(str.title)))
schemathesis.openapi.format("email", st.builds("{}@example.com".format, letters))
schemathesis.openapi.format("phone", st.integers(10**8, 10**9 - 1).map("081{}".format))
schemathesis.openapi.format("offer-slug", st.just(SOLD))
schemathesis.openapi.format("offer-name", st.just(COURSE))
schemathesis.openapi.format("payment-method", st.sampled_from(sorted(CHANNELS)))
schemathesis.openapi.format("coupon-code", st.just(""))


@schemathesis.hook
def filter_case(_context: HookContext, case: Case[Any]) -> bool:
    """Whether a case leaves the offer that is sold alone, and the only one of its name."""
    if "/api/v1/offers" not in case.path or case.method == "GET":
        return True
    body: Any = case.body
    named = body.get("name") if isinstance(body, dict) else None
    return case.path_parameters.get("slug") != SOLD and folded(str(named)) != folded(COURSE)


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: Any) -> None:
    """What no schema can ask for: an offer's end lies behind its beginning and its price before above its
    price, another request has another key, and a
    buyer goes back to a site that the seller named: here to none; a webhook's address is a public one.
    """
    body: Any = case.body
    if isinstance(body, dict) and isinstance(body.get("return_url"), str):
        del body["return_url"]
    if isinstance(body, dict) and {"on_sale_from", "on_sale_until"} <= body.keys():
        del body["on_sale_until"]
    if isinstance(body, dict) and {"price", "price_before"} <= body.keys() and _positive(case):
        del body["price_before"]
    if _positive(case):
        _sign(case)
        if "/webhook_endpoints" in case.path and isinstance(body, dict) and body.get("url"):
            body["url"] = "https://hooks.example.com/orders"
    if WELL_FORMED.fullmatch(str(case.headers.get(KEY, ""))):
        case.headers[KEY] = secrets.token_urlsafe()


def _positive(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def _sign(case: Case[Any]) -> None:
    """As Duitku and Thinkific do, who alone know the keys."""
    body: Any = case.body
    if case.path == "/webhooks/duitku":
        merchant_code, api_key = next(iter(TEST_MERCHANTS.items()))
        signed = merchant_code + body["amount"] + body["merchantOrderId"]
        body["merchantCode"] = merchant_code
        body["signature"] = _hmac(api_key, signed.encode())
    elif case.path == "/webhooks/thinkific":
        sent = json.dumps(body, allow_nan=False).encode()  # as requests writes it
        case.headers["X-Thinkific-Hmac-Sha256"] = _hmac(ThinkificEmulator().school.api_key, sent)


def _hmac(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
