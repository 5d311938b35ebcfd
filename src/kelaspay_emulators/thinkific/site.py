"""Finds whose site a request means, by host (`kelas.thinkific.test`) or by path (`/sites/kelas/...`), and opens the
door that its path names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from kelaspay_emulators.thinkific import consent, pages, sso, tokens
from kelaspay_emulators.thinkific.access import SUBDOMAIN
from kelaspay_emulators.thinkific.answers import no_such_route
from kelaspay_emulators.thinkific.visit import Visit

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.thinkific.oauth import Office
    from kelaspay_emulators.thinkific.records import Call
    from kelaspay_emulators.thinkific.school import School
    from kelaspay_emulators.thinkific.switches import Switches

_HOSTS = (".thinkific.test", ".localhost")
_DOORS = [*pages.DOORS, *consent.DOORS, *tokens.DOORS, *sso.DOORS]
_MAP = Map(
    [Rule(each.path, methods=[each.method], endpoint=each.handler) for each in _DOORS],
    strict_slashes=False,
    redirect_defaults=False,
    merge_slashes=False,
)


@dataclass(frozen=True, slots=True)
class Site:
    schools: dict[str, School]
    office: Office
    switches: Switches
    calls: list[Call]

    def respond(self, request: Request) -> Response:
        school, base, path = self._place(request)
        if school is None:
            return no_such_route()
        request.environ[SUBDOMAIN] = school.subdomain
        try:
            handler, ids = _MAP.bind("", path_info=path, default_method=request.method).match()
        except HTTPException:
            return no_such_route()
        visit = Visit(request, school, self.schools, self.office, self.switches, self.calls, base, dict(ids))
        answered: Response = handler(visit)
        return answered

    def _place(self, request: Request) -> tuple[School | None, str, str]:
        """The school, what stands before its paths, and the path within; "/" alone is the first school's."""
        if request.path.startswith("/sites/"):
            subdomain, _, rest = request.path.removeprefix("/sites/").partition("/")
            return self.schools.get(subdomain), f"/sites/{subdomain}", f"/{rest}"
        host = request.host.partition(":")[0]
        ending = next((each for each in _HOSTS if host.endswith(each)), None)
        if ending is not None:
            return self.schools.get(host.removesuffix(ending)), "", request.path
        first = next(iter(self.schools.values()))
        return (first, f"/sites/{first.subdomain}", "/") if request.path == "/" else (None, "", request.path)
