"""The OAuth consent page: who asks for what, "Izinkan" or "Batal", and the way back (thinkific.md 1.4, 1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.visit import Door, away

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.records import App
    from kelaspay_emulators.thinkific.visit import Visit


@dataclass(frozen=True, slots=True)
class _Asking:
    app: App
    redirect_uri: str
    state: str | None
    challenge: str | None
    form_post: bool


def authorize(visit: Visit) -> Response:
    """The consent page, or straight back with a new code where the app was let in before."""
    asking = _read(visit)
    if isinstance(asking, str):
        return visit.refusal(asking, 401)
    if asking.app.client_id in visit.school.installed:
        return _back_with_code(visit, asking)
    return visit.page("consent.html", app=asking.app, scopes=_readable(asking.app.scopes))


def _readable(scopes: frozenset[str]) -> list[tuple[str, str]]:
    """Each resource once, with what may be done to it."""
    words = {"read": "baca", "write": "tulis"}
    verbs: dict[str, list[str]] = {}
    for scope in sorted(scopes):
        verb, _, resource = scope.partition(":")
        verbs.setdefault(resource, []).append(words.get(verb, verb))
    return [(resource, " dan ".join(may)) for resource, may in sorted(verbs.items())]


def decide(visit: Visit) -> Response:
    asking = _read(visit)
    if isinstance(asking, str):
        return visit.refusal(asking, 401)
    if visit.request.form.get("decision") != "izinkan":
        return away(asking.redirect_uri, error="access denied")
    visit.school.installed.add(asking.app.client_id)
    return _back_with_code(visit, asking)


def _read(visit: Visit) -> _Asking | str:
    """What is asked, or why it cannot be: never a redirect to an address the app has not registered."""
    args = visit.request.args
    app = visit.office.apps.get(args.get("client_id", ""))
    if app is None:
        return "client_id ini tidak dikenal."
    redirect_uri = args.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        return f"redirect_uri tidak sama persis dengan yang terdaftar pada aplikasi: {redirect_uri}"
    if args.get("response_type") != "code":
        return "response_type harus code (hanya itu yang diemulasi)."
    challenge = args.get("code_challenge")
    if challenge and args.get("code_challenge_method") != "S256":
        return "code_challenge_method harus S256."
    return _Asking(app, redirect_uri, args.get("state"), challenge, args.get("response_mode") == "form_post")


def _back_with_code(visit: Visit, asking: _Asking) -> Response:
    """Thinkific adds `subdomain`; `state` comes back unchanged."""
    subdomain = visit.school.subdomain
    code = visit.office.new_code(asking.app, subdomain, asking.redirect_uri, asking.challenge)
    params = {"code": code, "subdomain": subdomain}
    if asking.state is not None:
        params["state"] = asking.state
    if asking.form_post:
        return visit.page("form_post.html", action=asking.redirect_uri, params=params)
    return away(asking.redirect_uri, **params)


DOORS = [
    Door("GET", "/oauth2/authorize", authorize),
    Door("POST", "/oauth2/authorize", decide),
]
