"""The emulator as one WSGI application: which surface a request means, and what stands in its way before it is
answered (edge, faults, authentication, plan, limits, scope), in the order in which the real thing is met.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import httpx2
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from kelaspay_emulators.thinkific import (
    bundles,
    catalogue,
    enrollments,
    external_orders,
    furnishings,
    graphql,
    groups,
    promotions,
    users,
    webhooks,
)
from kelaspay_emulators.thinkific.access import SUBDOMAIN, Doorkeeper, refuse_out_of_scope
from kelaspay_emulators.thinkific.admin import PREFIX as ADMIN
from kelaspay_emulators.thinkific.admin import Admin
from kelaspay_emulators.thinkific.answers import PLAN, RefusedError, error, no_such_route
from kelaspay_emulators.thinkific.asked import Asked, Route, read_body
from kelaspay_emulators.thinkific.faults import Faults, blocked
from kelaspay_emulators.thinkific.limits import Limits
from kelaspay_emulators.thinkific.oauth import ALL_SCOPES, Office
from kelaspay_emulators.thinkific.records import App, Call
from kelaspay_emulators.thinkific.school import School
from kelaspay_emulators.thinkific.site import Site
from kelaspay_emulators.thinkific.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from kelaspay_emulators.thinkific.records import Delivery, Key

REST, V2 = "/api/public/v1", "/api/v2"
GRAPHQL = ("/stable/graphql", "/beta/graphql")
NOTED_OF_SITES = ("/oauth2/", "/api/sso/")
"""What of a school's own site is kept among the calls; pages are not."""
CALLS_KEPT = 500_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    return httpx2.post(url, content=body, headers=dict(headers), timeout=10).status_code


def _map(prefix: str, routes: Iterable[Route]) -> Map:
    rules = [Rule(prefix + each.path, methods=[each.method], endpoint=each.handler) for each in routes]
    return Map(rules, strict_slashes=False, redirect_defaults=False, merge_slashes=False)


_REST_ROUTES = _map(
    REST,
    chain(
        users.ROUTES,
        enrollments.ROUTES,
        bundles.ROUTES,
        catalogue.ROUTES,
        external_orders.ROUTES,
        promotions.ROUTES,
        groups.ROUTES,
        furnishings.ROUTES,
    ),
)
_V2_ROUTES = _map(V2, webhooks.ROUTES)


class ThinkificEmulator:
    """A WSGI application with its state in memory, safe for threads; needs no socket
    (`httpx2.WSGITransport(app=emulator)`).
    """

    def __init__(
        self,
        *,
        subdomain: str = "kelas",
        api_key: str = "0123456789abcdef0123456789abcdef",
        public_url: str = "http://thinkific.test",
        now: Callable[[], datetime] = _utc_now,
        switches: Switches | None = None,
        post: webhooks.Post | None = None,
    ) -> None:
        self.now = now
        self.public_url = public_url.rstrip("/")
        self.switches = switches or Switches()
        self.schools: dict[str, School] = {}
        self.school = self.add_school(subdomain, api_key)
        self.calls: list[Call] = []
        self.office = Office(now)
        self.lock = threading.RLock()
        self._calls_lock = threading.Lock()
        self._post = post or _post
        self._faults = Faults(self.switches, now)
        self.limits = Limits(self.switches, now)
        self._doorkeeper = Doorkeeper(self.schools, self.office)
        self._site = Site(self.schools, self.office, self.switches, self.calls)
        self._admin = Admin(self)

    def add_school(self, subdomain: str, api_key: str) -> School:
        """One more school; ValueError where the subdomain or the key is another's."""
        if any(each.subdomain == subdomain or each.api_key == api_key for each in self.schools.values()):
            raise ValueError("A school has its own subdomain and its own API key.")
        school = School(subdomain=subdomain, api_key=api_key, now=self.now, name=subdomain.replace("-", " ").title())
        self.schools[subdomain] = school
        return school

    def add_app(
        self, client_id: str, client_secret: str, redirect_uris: Iterable[str], scopes: Iterable[str] = ALL_SCOPES
    ) -> App:
        """An OAuth app as the Partner Portal keeps it: its redirect addresses and its scopes."""
        return self.office.add_app(client_id, client_secret, redirect_uris, scopes)

    def fail_next(self, method: str, path_part: str, kind: str, times: int = 1) -> None:
        """The next so many requests of the method ("*" for any) whose path holds the part fail in this way."""
        self._faults.add(method, path_part, kind, times)

    def clear_faults(self) -> None:
        self._faults.clear()

    def uninstall(self, client_id: str, subdomain: str | None = None) -> None:
        """The school throws the app out: its tokens die, `app.uninstalled` is sent, its webhooks go."""
        app, school = self.office.apps[client_id], self.schools[subdomain or self.school.subdomain]
        with self.lock:
            self.office.uninstall(app, school.subdomain)
            school.installed.discard(client_id)
            webhooks.fire(school, "app.uninstalled", {"subdomain": school.subdomain}, only=app)
            for webhook in school.made_by(app):
                del school.webhooks[webhook.id]

    def embedded_query(self, client_id: str, subdomain: str | None = None) -> dict[str, str]:
        """What the school's administration adds to the app's address when it shows it in a frame (thinkific.md 1.9)."""
        app, school = self.office.apps[client_id], self.schools[subdomain or self.school.subdomain]
        query = {
            "subdomain": school.subdomain,
            "tgid": school.gid,
            "timestamp": str(int(self.now().timestamp())),
        }
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return query | {"hmac": hmac.new(app.client_secret.encode(), text.encode(), hashlib.sha256).hexdigest()}

    def deliver_due(self) -> int:
        """Send every webhook delivery that is due; how many were accepted."""
        accepted = 0
        for school in list(self.schools.values()):
            with self.lock:
                bundles.settle(school)
                due = webhooks.take_due(school)
            accepted += sum(self._delivered(school, each) for each in due)
        return accepted

    def _delivered(self, school: School, delivery: Delivery) -> bool:
        """The target answers while nothing is locked, for it may well ask the emulator something first."""
        status = webhooks.attempt(school, delivery, self._post)
        with self.lock:
            return webhooks.settle(school, delivery, status, self.switches)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path.startswith(ADMIN):
            return self._admin.respond(request)
        if self._is_page(request.path):
            return self._befallen(request)
        return self._recorded(request)

    @staticmethod
    def _is_page(path: str) -> bool:
        api = path.startswith((REST, V2, *GRAPHQL))
        return not api and not any(each in path for each in NOTED_OF_SITES)

    def _recorded(self, request: Request) -> Response:
        status = 0
        try:
            response = self._befallen(request)
            status = response.status_code
        finally:
            self._note(request, status)
        return response

    def _note(self, request: Request, status: int) -> None:
        subdomain = str(request.environ.get(SUBDOMAIN, request.headers.get("X-Auth-Subdomain", "")))
        with self._calls_lock:
            if len(self.calls) >= CALLS_KEPT:
                del self.calls[: CALLS_KEPT // 10]
            self.calls.append(Call(self.now(), request.method, request.path, status, subdomain))

    def _befallen(self, request: Request) -> Response:
        if not request.headers.get("User-Agent"):
            return blocked()
        kind = self._faults.take(request.method, request.path)
        if kind is None:
            return self._let_in(request)
        return self._faults.befall(kind, request, lambda: self._let_in(request))

    def _let_in(self, request: Request) -> Response:
        try:
            return self._surface(request)
        except RefusedError as refused:
            return refused.response

    def _surface(self, request: Request) -> Response:
        if request.path.startswith(f"{REST}/"):
            return self._rest(request)
        if request.path.startswith(f"{V2}/"):
            key = self._doorkeeper.webhooks(request)
            return self._routed(_V2_ROUTES, request, key)
        if request.path in GRAPHQL:
            return self._graphql(request)
        with self.lock:
            return self._site.respond(request)

    def _graphql(self, request: Request) -> Response:
        key = self._doorkeeper.graphql(request)
        with self.lock:
            return graphql.respond(self.schools[key.subdomain], read_body(request), self.public_url)

    def _rest(self, request: Request) -> Response:
        key = self._doorkeeper.rest(request)
        if self.switches.plan_without_api:
            return error(403, PLAN)
        with self.limits.admitted(key.subdomain):
            if self.switches.latency_seconds:
                time.sleep(self.switches.latency_seconds)
            refuse_out_of_scope(key, request.method, request.path.removeprefix(REST))
            return self._routed(_REST_ROUTES, request, key)

    def _routed(self, routes: Map, request: Request, key: Key) -> Response:
        try:
            handler, ids = routes.bind_to_environ(request.environ).match()
        except HTTPException:
            return no_such_route()
        school = self.schools[key.subdomain]
        with self.lock:
            bundles.settle(school)
            asked = Asked(request, school, key, self.switches, read_body(request), dict(ids))
            answered: Response = handler(asked)
            return answered
