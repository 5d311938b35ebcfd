"""Single sign-on by JWT: HS256 with the API key as it is, and the user found or made (thinkific.md 3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import whole
from kelaspay_emulators.thinkific.users import in_event
from kelaspay_emulators.thinkific.visit import Door, away
from kelaspay_emulators.thinkific.webhooks import fire

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.records import JSON, User
    from kelaspay_emulators.thinkific.visit import Visit

_PARTS = 3


def sign_in_by_token(visit: Visit) -> Response:
    args = visit.request.args
    claims = _claims(visit, args.get("jwt", ""))
    if isinstance(claims, str):
        return _refused(visit, claims)
    response = away(args.get("return_to") or f"{visit.base}/enrollments")
    return signed_in(visit, _user(visit, claims), response)


def _refused(visit: Visit, reason: str) -> Response:
    """To error_url with the reason, else to return_to, else a page."""
    args = visit.request.args
    if args.get("error_url"):
        return away(args["error_url"], error=reason)
    if args.get("return_to"):
        return away(args["return_to"])
    return visit.refusal(f"Masuk lewat SSO gagal: {reason}", 401)


def signed_in(visit: Visit, user: User, response: Response) -> Response:
    """Gives the browser its session."""
    session = secrets.token_urlsafe(24)
    visit.school.sessions[session] = user.id
    response.set_cookie(visit.cookie, session, path="/", httponly=True, samesite="Lax")
    fire(visit.school, "user.signin", in_event(user))
    return response


def _claims(visit: Visit, token: str) -> JSON | str:
    """The claims, or what is wrong with the token."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return "invalid token"
    header, claims = _decoded(parts[0]), _decoded(parts[1])
    if header is None or claims is None or header.get("alg") != "HS256":
        return "invalid token"
    signed = hmac.new(visit.school.api_key.encode(), f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(signed, _bytes(parts[2]) or b""):
        return "invalid signature"
    return _wrong_claims(visit, claims) or claims


def _wrong_claims(visit: Visit, claims: JSON) -> str | None:
    now = visit.now.timestamp() - visit.switches.sso_clock_behind_seconds
    issued, expires = whole(claims.get("iat")), whole(claims.get("exp"))
    if "@" not in str(claims.get("email", "")):
        return "email is required"
    if issued is None:
        return "iat is required"
    if issued > now:
        return "iat is in the future"
    if now - issued > visit.switches.sso_window_seconds or (expires is not None and expires <= now):
        return "token has expired"
    return None


def _decoded(part: str) -> JSON | None:
    raw = _bytes(part)
    try:
        read = json.loads(raw or b"")
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _bytes(part: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None


def _user(visit: Visit, claims: JSON) -> User:
    school, email = visit.school, str(claims["email"])
    user = school.user_by_email(email)
    if user is None:
        user = school.add_user(email, str(claims.get("first_name", "")), str(claims.get("last_name", "")))
        fire(school, "user.signup", in_event(user))
    if claims.get("external_id"):
        school.identify(user, "SSO", str(claims["external_id"]))
    user.details |= {name: claims[name] for name in ("bio", "company") if name in claims}
    return user


DOORS = [Door("GET", "/api/sso/v2/sso/jwt", sign_in_by_token)]
