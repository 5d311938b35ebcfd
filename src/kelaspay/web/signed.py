"""Values that come back from a browser and can be told from forged ones: which orders it made, who it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kelaspay.store import buyers
from kelaspay.store.buyers import MOST_ORDERS

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import Request
    from fastapi.responses import Response
    from pydantic import SecretStr

MADE = "made"
"""The cookie and the purpose of its signature. Not `orders`: under that name browsers keep proved orders, too."""
MADE_SECONDS = 90 * 86_400
BUYER = "buyer"
"""Likewise, for the address that was proved."""
SIGNED_IN = timedelta(days=7)


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
    """The public ids of the orders that are this browser's: it made them, or proved the address that they have now."""
    return [*made_orders(request), *proved_orders(request)]


def made_orders(request: Request) -> list[str]:
    """The public ids of the orders that this browser made, whatever address they have."""
    found = _kept(request, MADE)
    return [str(each) for each in found] if isinstance(found, list) else []


def proved_orders(request: Request) -> list[str]:
    """The public ids of the orders whose address this browser has proved. It is asked anew each time: an order that is
    given to another address is theirs no longer.
    """
    email = signed_in(request)
    if email is None:
        return []
    with request.app.state.outside.database.read() as db:
        return buyers.public_ids_of(db, email)


def signed_in(request: Request) -> str | None:
    """The address that this browser has proved."""
    found = _kept(request, BUYER)
    return found if isinstance(found, str) else None


def remember_made(request: Request, response: Response, public_id: str) -> None:
    """Let this browser, which made the order, see that."""
    outside = request.app.state.outside
    listed = [public_id, *(each for each in made_orders(request) if each != public_id)][:MOST_ORDERS]
    put(request, response, MADE, seal(listed, key=outside.secret_key, purpose=MADE), MADE_SECONDS)


def remember_buyer(request: Request, response: Response, email: str) -> None:
    """Let this browser, which proved the address, see its orders for a while."""
    outside = request.app.state.outside
    sealed = seal(email, key=outside.secret_key, purpose=BUYER, until=outside.now() + SIGNED_IN)
    put(request, response, BUYER, sealed, int(SIGNED_IN.total_seconds()))


def forget_buyer(request: Request, response: Response) -> None:
    """Have this browser know neither who was signed in nor which orders it made."""
    for name in (BUYER, MADE):
        drop(request, response, name)


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


def _kept(request: Request, name: str) -> Any:
    outside = request.app.state.outside
    return unsealed(
        request.cookies.get(named(request, name), ""), key=outside.secret_key, purpose=name, now=outside.now()
    )


def _secure(request: Request) -> bool:
    return bool(request.app.state.outside.settings.app_base_url.startswith("https://"))


def _signature(text: str, key: SecretStr, purpose: str) -> str:
    message = f"{purpose}\n{text}".encode()
    return hmac.new(key.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
