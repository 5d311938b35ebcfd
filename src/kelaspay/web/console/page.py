"""How a console page is made: its templates, its words in two languages, its headers. A fault becomes a page here."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from kelaspay.duitku import channel_name
from kelaspay.faults import Fault, InvalidInput, NotSignedIn
from kelaspay.formats import rupiah, wa_number, wib
from kelaspay.operator_faults import SecondFactorMissing
from kelaspay.operators import TRIED_FIRST
from kelaspay.outside import Outside
from kelaspay.school import DEFAULT
from kelaspay.store import schools
from kelaspay.web.console import words
from kelaspay.web.console.retold import retold
from kelaspay.web.console.visit import LANGUAGE_COOKIE, Visitor
from kelaspay.web.files import address

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

ENGLISH: Mapping[str, str] = tomllib.loads(
    (files("kelaspay.web") / "templates" / "console" / "english.toml").read_text(encoding="utf-8")
)
"""What the console says, from Bahasa Indonesia, in which its templates are written, to English."""


class Wording:
    """Says things in the reader's language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, text: str, **values: Any) -> str:
        said = ENGLISH.get(text, text) if self.language == "en" else text
        return said.format(**values) if values else said

    def retold(self, text: str | None) -> str:
        """What a fault said when it was kept."""
        return retold(self, text)

    def each(self, named: Mapping[str, str]) -> list[tuple[str, str]]:
        """Values with their names, to choose from."""
        return [(str(value), self(name)) for value, name in named.items()]

    def when(self, at: datetime | None) -> Markup:
        """A time in WIB, with UTC on hover."""
        if at is None:
            return Markup("-")
        utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        local = wib(at, self.language)
        return Markup('<time datetime="{}" title="{}">{}</time>').format(at.astimezone(UTC).isoformat(), utc, local)


def wording(request: Request) -> Wording:
    return Wording("en" if request.cookies.get(LANGUAGE_COOKIE) == "en" else "id")


def with_query(request: Request, **changed: object) -> str:
    """The page's own address with some of its query changed; a value of None leaves its name out."""
    values = {name: value for name, value in request.query_params.items() if name != "said"} | changed
    kept = {name: value for name, value in values.items() if value not in {None, ""}}
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path


SECOND_FACTOR = "/console/second-factor"
"""Where who owes a second factor is sent, from whichever page."""

templates = Environment(
    loader=PackageLoader("kelaspay", "web/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,  # as the buyer's pages
)
templates.filters.update(rupiah=rupiah, wa_number=wa_number, channel=channel_name)
templates.globals.update(words=words, TRIED_FIRST=TRIED_FIRST, with_query=with_query, address=address)


def page(request: Request, name: str, visitor: Visitor | None, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of the console; what an action said before the redirect stands on top of it."""
    outside: Outside = request.app.state.outside
    t = wording(request)
    said = words.SAID.get(request.query_params.get("said", ""))
    body = templates.get_template(f"console/{name}").render(
        request=request,
        visitor=visitor,
        t=t,
        when=t.when,
        translated=t.each,
        said=said,
        told=request.query_params.get("count", ""),
        sandbox=outside.settings.duitku_environment == "sandbox",
        now=outside.now(),
        switch=_schools(outside, visitor),
        **values,
    )
    return HTMLResponse(body, status_code=status, headers=HEADERS)


def _schools(outside: Outside, visitor: Visitor | None) -> list[tuple[str, str]]:
    """The schools to choose from, for who sees several: each key with its name."""
    if visitor is None or not visitor.everywhere:
        return []
    with outside.database.read() as db:
        others = [each.subdomain for each in schools.list_credentials(db)]
    return [(key, outside.schools.profile(key).seller.name) for key in (DEFAULT, *others)] if others else []


def back(path: str, said: str | None = None, **more: object) -> RedirectResponse:
    """To another page after an action, with what to say there."""
    query = urlencode({name: value for name, value in {"said": said, **more}.items() if value is not None})
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}{query}" if query else path, 303, HEADERS)


def why(t: Wording, fault: Fault) -> str:
    """A fault in the reader's language, with what is particular to it."""
    said = t(words.FAULTS[fault.code()]) if fault.code() in words.FAULTS else fault.message()
    return f"{said} {fault.detail}" if fault.detail else said


class ConsoleRoute(APIRoute):
    """A route whose faults are pages, and which sends whoever is not signed in to the sign-in page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except NotSignedIn:
                wanted = request.url.path if request.method == "GET" else "/console"
                if request.method == "GET" and request.url.query:
                    wanted = f"{wanted}?{request.url.query}"
                return RedirectResponse(f"/console/sign-in?next={quote(wanted, safe='')}", 303, HEADERS)
            except SecondFactorMissing:
                return back(SECOND_FACTOR)
            except RequestValidationError as error:
                named = {".".join(str(part) for part in each["loc"][1:]): str(each["msg"]) for each in error.errors()}
                return fault_page(request, InvalidInput(named))
            except Fault as fault:
                return fault_page(request, fault)

        return handled


def fault_page(request: Request, fault: Fault) -> HTMLResponse:
    text = str(fault) if isinstance(fault, InvalidInput) else why(wording(request), fault)
    return page(request, "fault.html", None, status=fault.status, text=text, code=fault.code())


def marked(text: str) -> Markup:
    """Lines of plain text as HTML lines."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


def readable(text: str) -> str:
    """JSON with a line for each value; anything else as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


templates.filters.update(marked=marked, readable=readable)
