"""An operator at a browser: opens pages, fills in the forms that stand on them, and presses their buttons."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from tests.world import START

from kelaspay.operators import begin_session, hashed, invite
from kelaspay.store.audit import EVERYWHERE
from kelaspay.store.operators import Operator, Role, add_operator, set_password

if TYPE_CHECKING:
    import httpx2
    from tests.world import World

PASSWORD = "sebuah kata sandi panjang"
EMAIL = "ibu.pemilik@example.com"
SESSION = "__Host-kelaspay"


class Form:
    """A form as it stands on a page."""

    def __init__(self, action: str, method: str) -> None:
        self.action = action
        self.method = method
        self.fields: dict[str, list[str]] = {}


class Forms(HTMLParser):
    """Reads the forms of a page with what is filled in already."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None
        self._textarea: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(at.get("action", ""), at.get("method", "get").lower()))
        elif tag == "select":
            self._select = at.get("name")
        elif tag == "textarea":
            self._textarea = at.get("name")
            if self._textarea and self.forms:
                self.forms[-1].fields[self._textarea] = [""]
        elif tag == "option" and "selected" in at and self._select and self.forms:
            self.forms[-1].fields.setdefault(self._select, []).append(at.get("value", ""))
        elif tag == "input" and self.forms and "name" in at:
            ticked = at.get("type") != "checkbox" or "checked" in at
            if ticked:
                self.forms[-1].fields.setdefault(at["name"], []).append(at.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._textarea and self.forms:
            self.forms[-1].fields[self._textarea][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._textarea = None


class Desk:
    """One browser of one operator, with its own cookies."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.web = world.another_browser()
        self.page: httpx2.Response | None = None

    def open(self, path: str) -> str:
        self.page = self.web.get(path)
        return self.page.text

    def press(self, action: str, /, **filled: str | list[str]) -> str:
        """Fill in the form on this page whose action begins so, and send it; returned is the page that follows."""
        assert self.page is not None
        form = next(form for form in Forms(self.page.text).forms if form.action.startswith(action))
        fields = {name: values for name, values in form.fields.items() if name not in filled} | filled
        if form.method == "post":
            self.page = self.web.post(form.action, data=fields)
        else:
            self.page = self.web.get(form.action, params=fields)
        return self.page.text

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        self.open("/console/sign-in")
        return self.press("/console/sign-in", email=email, password=password)

    @property
    def text(self) -> str:
        assert self.page is not None
        return self.page.text

    @property
    def status(self) -> int:
        assert self.page is not None
        return self.page.status_code

    @property
    def path(self) -> str:
        assert self.page is not None
        return self.page.url.path


def invited(world: World, *, email: str = EMAIL, role: Role = Role.OWNER, school: str = EVERYWHERE) -> str:
    """The path of a one-time link for a new operator."""
    name = email.split("@", maxsplit=1)[0]
    token = invite(world.database, email=email, name=name, role=role, now=world.clock(), school=school)
    return f"/console/invitation/{token}"


def joined(
    world: World,
    *,
    email: str = EMAIL,
    role: Role = Role.OWNER,
    password: str = PASSWORD,
    school: str = EVERYWHERE,
) -> Desk:
    """A new operator who has chosen a password and is signed in, before any page was opened. It is written down as the
    invitation's page leaves it, whose own tests are in test_sign_in.py: to hash a password is slow by intent.
    """
    name = email.split("@", maxsplit=1)[0]
    with world.database.begin() as db:
        operator = add_operator(db, email=email, name=name, role=role, school=school, now=world.clock())
        set_password(db, operator.id, _hash_of(password))
        token = begin_session(db, operator, address="testclient", now=world.clock(), action="accepted_invitation")
    desk = Desk(world)
    desk.web.cookies.set(SESSION, token, domain="pay.example.com", path="/")
    return desk


@cache
def _hash_of(password: str) -> str:
    return hashed(password, Operator(0, "siapa@example.com", "Siapa", Role.OWNER, None, START))
