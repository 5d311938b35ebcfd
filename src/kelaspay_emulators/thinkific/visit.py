"""A browser's (or a token client's) visit to one school's own site, and the pages it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import jinja2
from werkzeug.utils import redirect

from kelaspay_emulators.thinkific.answers import html

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.thinkific.oauth import Office
    from kelaspay_emulators.thinkific.records import Call, User
    from kelaspay_emulators.thinkific.school import School
    from kelaspay_emulators.thinkific.switches import Switches

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("kelaspay_emulators.thinkific"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _local(value: datetime | None) -> str:
    return value.strftime("%d-%m-%Y %H.%M UTC") if value else ""


_TEMPLATES.filters["local"] = _local


@dataclass(frozen=True, slots=True)
class Visit:
    request: Request
    school: School
    schools: dict[str, School]
    office: Office
    switches: Switches
    calls: list[Call]
    base: str
    """What stands before the site's paths: "/sites/kelas", or nothing where the host names the school."""
    ids: dict[str, str]

    @property
    def now(self) -> datetime:
        return self.school.now()

    @property
    def user(self) -> User | None:
        """Who is signed in here."""
        user_id = self.school.sessions.get(self.request.cookies.get(self.cookie, ""))
        return self.school.users.get(user_id) if user_id else None

    @property
    def cookie(self) -> str:
        return f"emulated_session_{self.school.subdomain}"

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        known = {"school": self.school, "base": self.base, "user": self.user, "now": self.now}
        return html(_TEMPLATES.get_template(template).render(**known, **values), status)

    def refusal(self, reason: str, status: int) -> Response:
        return self.page("refused.html", status, reason=reason)

    def to(self, path: str) -> Response:
        return redirect(f"{self.base}{path}", 302)


@dataclass(frozen=True, slots=True)
class Door:
    method: str
    path: str
    handler: Callable[[Visit], Response]


def away(url: str, **params: str) -> Response:
    """A redirect to another site with something to say in the query."""
    mark = "&" if "?" in url else "?"
    return redirect(f"{url}{mark}{urlencode(params)}" if params else url, 302)
