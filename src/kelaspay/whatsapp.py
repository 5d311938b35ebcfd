"""WhatsApp's official Cloud API: sends one approved template to one phone. Addresses, errors and parsing inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from kelaspay.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

PATIENCE = 20.0
PASSING = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004})
"""Codes of limits, of maintenance and of Meta's own trouble: the same may be taken a little later."""
KEY = frozenset({0, 3, 10, 190})
"""Codes of a token that has lapsed or lacks a permission: a person must look, and then the message may still go."""


class WhatsAppUnavailable(Fault):
    """WhatsApp does not take the message just now."""

    status = 503
    retry = True


class WhatsAppRefused(Fault):
    """WhatsApp refuses the message for good."""

    status = 502


@dataclass(frozen=True, slots=True)
class Note:
    """A template with what fills it in."""

    to: str
    """E.164, with the plus."""
    template: str
    language: str
    values: tuple[str, ...]
    link: str
    """What follows the address of the template's button."""
    text: str
    """As the buyer reads it; kept for the operator, not sent."""


def cloud_api(http: httpx2.Client, *, url: str, phone_number_id: str, token: SecretStr) -> Callable[[Note], None]:
    """Sends from one number of the seller's; `url` is Graph's address with its version.

    Raises `WhatsAppUnavailable` or `WhatsAppRefused`. There is no key against repeats: a request whose answer was lost
    and that is sent again may arrive twice.
    """

    def post(note: Note) -> None:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        try:
            answer = http.post(
                f"{url}/{phone_number_id}/messages", json=_wanted(note), headers=headers, timeout=PATIENCE
            )
        except httpx2.RequestError as error:
            raise WhatsAppUnavailable(type(error).__name__) from error
        if not answer.is_success:
            raise _refusal(answer)

    return post


def _wanted(note: Note) -> dict[str, Any]:
    body = [{"type": "text", "text": value} for value in note.values]
    link = [{"type": "text", "text": note.link}]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": note.to.removeprefix("+"),
        "type": "template",
        "template": {
            "name": note.template,
            "language": {"code": note.language},
            "components": [
                {"type": "body", "parameters": body},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": link},
            ],
        },
    }


def _refusal(answer: httpx2.Response) -> Fault:
    """By Meta's code, for its texts and its HTTP statuses are no contract."""
    try:
        said = answer.json()["error"]
        code = int(said["code"])
    except (ValueError, KeyError, TypeError):
        return WhatsAppUnavailable(f"HTTP {answer.status_code}")
    what = f"{said.get('message', '')} (code {code})".strip()
    return WhatsAppUnavailable(what) if code in PASSING | KEY else WhatsAppRefused(what)
