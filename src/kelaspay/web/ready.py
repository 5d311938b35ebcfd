"""The way into the course for who has paid."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from kelaspay.outside import Outside
from kelaspay.payment import Customer, Status
from kelaspay.store import same_buyer
from kelaspay.web.signed import orders_of
from kelaspay.web.status import Standing, standing_of

router = APIRouter(include_in_schema=False)

TOKEN_SECONDS = 120
CLOCK_SECONDS = 60
"""By how much our clock may be ahead of Thinkific's, which refuses a token from the future (thinkific.md 3)."""


@router.get("/o/{public_id}/class")
def enter(public_id: str, request: Request) -> Response:
    """Into the course: signed in where that is safe, else to the school's own door."""
    outside: Outside = request.app.state.outside
    standing = standing_of(outside, public_id)
    site_url = outside.schools.profile(standing.payment.school).site_url
    door = f"{site_url}/enrollments"
    key = outside.schools.api_key(standing.payment.school)
    if key is not None and may_sign_in(standing, request) and standing.customer is not None:
        token = sign_in_token(standing.customer, key, outside.now())
        query = urlencode({"jwt": token, "return_to": door, "error_url": door})
        door = f"{site_url}/api/sso/v2/sso/jwt?{query}"
    return RedirectResponse(
        door, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def may_sign_in(standing: Standing, request: Request) -> bool:
    """Only a browser that ordered or has proved the address, and only into an account that this order made: an order
    proves that somebody paid, not that an account that was there before is theirs. Nor one in which somebody else has
    bought since: whoever orders first in another's name would be let in to all that they buy later.
    """
    outside: Outside = request.app.state.outside
    return (
        outside.settings.thinkific_sso
        and standing.payment.status is Status.COMPLETED
        and standing.enrollment is not None
        and standing.enrollment.user_created
        and _all_of(standing, outside) <= set(orders_of(request))
    )


def _all_of(standing: Standing, outside: Outside) -> set[str]:
    """The public ids of every order that gave this account something."""
    with outside.database.read() as db:
        user_id = standing.enrollment.user_id if standing.enrollment else None
        return {standing.payment.public_id} | same_buyer.orders_of_user(db, standing.payment.school, user_id or 0)


def sign_in_token(customer: Customer, key: SecretStr, now: datetime) -> str:
    """A token that signs this buyer in at Thinkific, for a short while (thinkific.md 3)."""
    issued = int(now.timestamp())
    claims = {
        "email": customer.email,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "iat": issued - CLOCK_SECONDS,
        "exp": issued + TOKEN_SECONDS,
        "jti": secrets.token_hex(16),
    }
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.new(key.get_secret_value().encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(signature)}"


def _part(value: dict[str, object]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
