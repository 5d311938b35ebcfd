"""A request's fields as an ASP.NET server reads them: names in any case, numbers also as text, unknown ones ignored."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class UnreadableError(Exception):
    """The body is not one JSON object (or form), or a field is not of its type."""


class Fields:
    def __init__(self, found: dict[str, object]) -> None:
        self._found = {name.lower(): value for name, value in found.items()}

    @classmethod
    def of(cls, request: Request, *, form: bool = False) -> Fields:
        """The JSON body; a form as well where the call takes one (duitku.md 3.4)."""
        if form and request.mimetype == "application/x-www-form-urlencoded":
            return cls(dict(request.form.items()))
        try:
            body = json.loads(request.get_data())
        except (ValueError, RecursionError) as unparsed:
            raise UnreadableError from unparsed
        if not isinstance(body, dict):
            raise UnreadableError
        return cls(body)

    def text(self, name: str) -> str:
        """The value as text; empty where it is missing or null."""
        value = self._found.get(name.lower())
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            raise UnreadableError(name)
        return str(value)

    def whole(self, name: str) -> int | None:
        """A whole number, sent as one or as text; None where it is missing."""
        text = self.text(name).strip()
        if not text:
            return None
        if not _WHOLE.fullmatch(text):
            raise UnreadableError(name)
        return int(text)

    def records(self, name: str) -> list[Fields]:
        """A list of objects; null, an empty list and a single empty object are all nothing."""
        value = self._found.get(name.lower())
        if isinstance(value, list) and all(isinstance(each, dict) for each in value):
            return [Fields(each) for each in value]
        if not value:
            return []
        raise UnreadableError(name)

    def has(self, name: str) -> bool:
        """Whether there is anything at all in it."""
        return _filled(self._found.get(name.lower()))


def _filled(value: object) -> bool:
    if isinstance(value, dict):
        return any(_filled(each) for each in value.values())
    if isinstance(value, list):
        return any(_filled(each) for each in value)
    return value not in (None, "")
