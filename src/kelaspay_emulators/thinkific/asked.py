"""One request as a handler sees it: who asks, in which school, with what body and which filters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import Page, RefusedError, not_found, unreadable, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.thinkific.records import JSON, Key
    from kelaspay_emulators.thinkific.school import School
    from kelaspay_emulators.thinkific.switches import Switches

_NESTED = re.compile(r"(\w+)\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Asked:
    request: Request
    school: School
    key: Key
    switches: Switches
    body: JSON
    ids: dict[str, str]
    """The variable parts of the path."""

    @property
    def now(self) -> datetime:
        return self.school.now()

    @property
    def page(self) -> Page:
        return Page.asked(self.request.args)

    def id(self, name: str = "id") -> int:
        """A numeric id of the path; anything else names no record."""
        found = whole(self.ids[name])
        if found is None:
            raise RefusedError(not_found())
        return found

    def filters(self) -> dict[str, str]:
        """What `query[...]` says: a bare `?email=` filters nothing (thinkific.md 2.1)."""
        return {
            name[6:-1]: value
            for name, value in self.request.args.items()
            if name.startswith("query[") and name.endswith("]") and value != ""
        }


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Callable[[Asked], Response]


def read_body(request: Request) -> JSON:
    """The body of a JSON or form request as one object; anything else is refused with 400."""
    if request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return _read_form(request)
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as unparsed:
        raise RefusedError(unreadable()) from unparsed
    if not isinstance(body, dict):
        raise RefusedError(unreadable())
    return body


def _read_form(request: Request) -> JSON:
    body: JSON = {}
    for name, value in request.form.items():
        nested = _NESTED.fullmatch(name)
        if nested is None:
            body[name] = value
            continue
        inner = body.setdefault(nested[1], {})
        if isinstance(inner, dict):
            inner[nested[2]] = value
    return body


def truth(value: object) -> bool:
    return value is True or str(value).lower() in {"true", "1"}


def blank(value: object) -> bool:
    return value is None or not str(value).strip()
