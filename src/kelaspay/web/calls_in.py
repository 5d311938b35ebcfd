"""How Duitku's callbacks and Thinkific's webhooks come in, for the description of the API: their routes stand beside
the framework, which therefore cannot tell of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kelaspay.faults import (
    BadSignature,
    CallbackTooLarge,
    InboxUnavailable,
    MalformedCallback,
    NotConfigured,
    SourceRefused,
    WrongMerchant,
)
from kelaspay.web.v1.problems import problems

if TYPE_CHECKING:
    from kelaspay.faults import Fault

TAG = {"name": "Calls in", "description": "What Duitku and Thinkific call; nobody else can, for they sign."}
PLAIN = "^[!-~]([ -~]*[!-~])?$"
"""No space at either end: it would be cut off, and the signature no longer hold."""


def _text(example: str, text: str = "", *, longest: int = 255, pattern: str = PLAIN) -> dict[str, Any]:
    told = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern, "examples": [example]}
    return told | ({"description": text} if text else {})


DUITKU = {
    "type": "object",
    "required": ["merchantCode", "amount", "merchantOrderId", "resultCode", "signature"],
    "properties": {
        "merchantCode": _text("D0001"),
        "amount": _text("150000", "Whole rupiah.", longest=15, pattern="^[0-9]{1,15}$"),
        "merchantOrderId": _text("KP261123-k3v6c2lqxp7nz5ea", longest=50),
        "resultCode": _text("00", "`00`: paid. Not signed, so Duitku is asked before anything is done."),
        "signature": _text(
            "a signature in hex", "HMAC-SHA256 or, in the older form, MD5 of merchantCode, amount and merchantOrderId."
        ),
        "reference": _text("D0001ABCDEF"),
        "publisherOrderId": _text("MGUHWKJX3M1KMSQN5"),
    },
    "additionalProperties": {"type": "string"},
}
THINKIFIC = {
    "type": "object",
    "required": ["id", "resource", "action", "payload"],
    "properties": {
        "id": _text("20171121175015268-9f1c"),
        "resource": _text("enrollment", pattern="^[a-z_]+$"),
        "action": _text("progress", pattern="^[a-z_]+$"),
        "payload": {"type": "object"},
    },
}
SIGNATURE = {
    "name": "X-Thinkific-Hmac-Sha256",
    "in": "header",
    "required": True,
    "description": "HMAC-SHA256 of the raw body in hex, with the school's API key or the app's client secret.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}


def _call(name: str, text: str, kind: str, schema: dict[str, Any], *faults: type[Fault]) -> dict[str, Any]:
    refused = problems(*faults, BadSignature, MalformedCallback, CallbackTooLarge, NotConfigured, key=False, path=False)
    kept = {"description": "Kept on disk.", "content": {"text/plain": {"schema": {"type": "string", "const": "OK"}}}}
    return {
        "tags": [TAG["name"]],
        "summary": name,
        "description": text,
        "operationId": name.lower().replace(" ", "_"),
        "requestBody": {"required": True, "content": {kind: {"schema": schema}}},
        "responses": {"200": kept} | {str(status): each for status, each in refused.items()},
    }


PATHS: dict[str, Any] = {
    "/webhooks/duitku": {
        "post": _call(
            "Take a callback of Duitku",
            "Answered once it is on disk; the same again is counted, not done again. JSON is taken too. A school with "
            "a merchant of its own has an address of its own below this one.",
            "application/x-www-form-urlencoded",
            DUITKU,
            WrongMerchant,
            SourceRefused,
            InboxUnavailable,
        )
    },
    "/webhooks/thinkific": {
        "post": _call(
            "Take a webhook of Thinkific",
            "Progress, completion, changed addresses. Hints, never orders: nobody is enrolled by one.",
            "application/json",
            THINKIFIC,
            InboxUnavailable,
        )
        | {"parameters": [SIGNATURE]}
    },
}
