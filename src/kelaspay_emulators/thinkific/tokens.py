"""The OAuth token and revocation endpoints (thinkific.md 1.6)."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import RefusedError, answer, empty, error
from kelaspay_emulators.thinkific.asked import read_body
from kelaspay_emulators.thinkific.oauth import TOKEN_SECONDS
from kelaspay_emulators.thinkific.visit import Door

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.oauth import Grant
    from kelaspay_emulators.thinkific.records import JSON, App
    from kelaspay_emulators.thinkific.visit import Visit


def token(visit: Visit) -> Response:
    app, with_secret = _client(visit)
    body = read_body(visit.request)
    match body.get("grant_type"):
        case "authorization_code":
            return _for_code(visit, app, body, with_secret=with_secret)
        case "refresh_token":
            return _for_refresh_token(visit, app, body, with_secret=with_secret)
        case _:
            return error(400, "unsupported_grant_type")


def _client(visit: Visit) -> tuple[App, bool]:
    """Basic authentication; without a secret it is a PKCE client, which proves itself by the verifier."""
    client_id, secret = _basic(visit.request.headers.get("Authorization", ""))
    app = visit.office.apps.get(client_id)
    if app is None or (secret and not hmac.compare_digest(secret.encode(), app.client_secret.encode())):
        raise RefusedError(error(401, "invalid_client"))
    return app, bool(secret)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = decoded.partition(":")
    return client_id, secret


def _for_code(visit: Visit, app: App, body: JSON, *, with_secret: bool) -> Response:
    code, verifier = str(body.get("code", "")), body.get("code_verifier")
    kept = visit.office.codes.get(code)
    proven = with_secret or (kept is not None and kept.challenge is not None)
    text = None if verifier is None else str(verifier)
    redeemed = visit.office.redeem(code, app, visit.school.subdomain, text)
    if not (proven and redeemed):
        return error(400, "invalid_grant")
    return _shown(visit, visit.office.grant(app, visit.school.subdomain, renewable=with_secret))


def _for_refresh_token(visit: Visit, app: App, body: JSON, *, with_secret: bool) -> Response:
    if not with_secret:
        return error(401, "invalid_client")
    renewed = visit.office.renew(str(body.get("refresh_token", "")), app, visit.school.subdomain)
    refused = error(visit.switches.refresh_refused_status, "invalid refresh token")
    return _shown(visit, renewed) if renewed else refused


def _shown(visit: Visit, grant: Grant) -> Response:
    body: JSON = {
        "access_token": grant.access_token,
        "token_type": "bearer",
        "expires_in": TOKEN_SECONDS,
        "gid": visit.school.gid,
    }
    if grant.refresh_token is not None:
        body["refresh_token"] = grant.refresh_token
    return answer(body)


def revoke(visit: Visit) -> Response:
    """200 whether or not the token was known; a client that names itself must do so rightly."""
    if "Authorization" in visit.request.headers:
        _client(visit)
    visit.office.revoke(str(read_body(visit.request).get("token", "")))
    return empty(200)


DOORS = [
    Door("POST", "/oauth2/token", token),
    Door("POST", "/oauth2/revoke", revoke),
]
