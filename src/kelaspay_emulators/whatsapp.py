"""WhatsApp's Cloud API as far as a sender of templates meets it: a WSGI callable, and what it was sent.

After Meta's documentation of `POST /{version}/{phone-number-id}/messages` and of its error codes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

PATH = re.compile(r"/v\d+\.\d+/(\d+)/messages")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was taken: to whom, and the template filled in."""

    to: str
    template: str
    language: str
    text: str
    url: str


@dataclass(slots=True)
class WhatsAppEmulator:
    """One number with its approved templates: (name, language) to body and button address, blanks numbered."""

    token: str
    phone_number_id: str
    templates: dict[tuple[str, str], tuple[str, str]]
    sent: list[Sent] = field(default_factory=list)
    refuse_next: list[tuple[int, int]] = field(default_factory=list)
    """HTTP status and Meta's code with which the next messages are refused."""
    calls: int = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        self.calls += 1
        path = PATH.fullmatch(request.path)
        if request.method != "POST" or path is None or path[1] != self.phone_number_id:
            return _error(400, 100, "Unsupported post request. Object does not exist")
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, 190, "Error validating access token")
        if self.refuse_next:
            return _error(*self.refuse_next.pop(0), "Refused")
        return self._take(json.loads(request.get_data()))

    def _take(self, asked: dict[str, Any]) -> Response:
        to, wanted = str(asked.get("to", "")), asked.get("template", {})
        if asked.get("messaging_product") != "whatsapp" or asked.get("type") != "template":
            return _error(400, 100, "Invalid parameter")
        if not re.fullmatch(r"\d{8,15}", to):
            return _error(400, 100, "Recipient phone number is not valid")
        named = (str(wanted.get("name")), str(wanted.get("language", {}).get("code")))
        if named not in self.templates:
            return _error(404, 132001, "Template name does not exist in the translation")
        body, url = self.templates[named]
        values, link = _values(wanted, "body"), _values(wanted, "button")
        if len(values) != len(set(re.findall(r"\{\{\d+\}\}", body))) or len(link) != 1:
            return _error(400, 132000, "Number of parameters does not match the expected number of params")
        if any(not value or re.search(r"[\n\t]| {5}", value) for value in [*values, *link]):
            return _error(400, 132018, "Param text cannot have new-line/tab characters or many spaces")
        self.sent.append(Sent(to, *named, _filled(body, values), _filled(url, link)))
        taken = {"id": f"wamid.{len(self.sent)}", "message_status": "accepted"}
        contacts = [{"input": to, "wa_id": to}]
        return _json({"messaging_product": "whatsapp", "contacts": contacts, "messages": [taken]}, 200)


def _values(wanted: dict[str, Any], kind: str) -> list[str]:
    parts = [part for part in wanted.get("components", []) if part.get("type") == kind]
    return [str(each.get("text", "")) for part in parts for each in part.get("parameters", [])]


def _filled(text: str, values: list[str]) -> str:
    for number, value in enumerate(values, 1):
        text = text.replace(f"{{{{{number}}}}}", value)
    return text


def _error(status: int, code: int, message: str) -> Response:
    said = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    return _json({"error": said}, status)


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")
