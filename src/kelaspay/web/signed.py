"""Values that come back from a browser and can be told from forged ones: which orders it made, who it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from kelaspay.store.buyers import MOST_ORDERS

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import Request
    from fastapi.responses import Response
    from pydantic import SecretStr

ORDERS = "orders"
"""The cookie and the purpose of its signature."""
ORDERS_SECONDS = 90 * 86_400


def seal(value: Any, *, key: SecretStr, purpose: str, until: datetime | None = None) -> str:
    """`value` with a signature that holds for this purpose alone, perhaps for a while."""
    kept = {"v": value} | ({"t": int(until.timestamp())} if until else {})
    text = base64.urlsafe_b64encode(json.dumps(kept, separators=(",", ":")).encode()).rstrip(b"=").decode()
    return f"{text}.{_signature(text, key, purpose)}"


def unsealed(sealed: str, *, key: SecretStr, purpose: str, now: datetime) -> Any:
    """What was sealed; None for a forged, foreign or lapsed one."""
    text, _, signature = sealed.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(text, key, purpose).encode()):
        return None
    kept = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return kept["v"] if "t" not in kept or now.timestamp() < kept["t"] else None


def orders_of(request: Request) -> list[str]:
    """The public ids of the orders that this browser made."""
    outside = request.app.state.outside
    found = unsealed(
        request.cookies.get(named(request, ORDERS), ""), key=outside.secret_key, purpose=ORDERS, now=outside.now()
    )
    return [str(each) for each in found] if isinstance(found, list) else []


def remember_orders(request: Request, response: Response, public_ids: list[str]) -> None:
    """Let this browser, which made these orders or proved whose they are, see that."""
    outside = request.app.state.outside
    listed = [*public_ids, *(each for each in orders_of(request) if each not in public_ids)][:MOST_ORDERS]
    put(request, response, ORDERS, seal(listed, key=outside.secret_key, purpose=ORDERS), ORDERS_SECONDS)


def named(request: Request, name: str) -> str:
    """A cookie's name: with https one that browsers take from this host alone, and over https alone."""
    return f"__Host-{name}" if _secure(request) else name


def put(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """A cookie that script cannot read and no other site's form can use."""
    response.set_cookie(
        named(request, name), value, max_age=seconds, httponly=True, samesite="lax", secure=_secure(request)
    )


def drop(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(named(request, name), httponly=True, samesite="lax", secure=_secure(request))


def _secure(request: Request) -> bool:
    return bool(request.app.state.outside.settings.app_base_url.startswith("https://"))


def _signature(text: str, key: SecretStr, purpose: str) -> str:
    message = f"{purpose}\n{text}".encode()
    return hmac.new(key.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
