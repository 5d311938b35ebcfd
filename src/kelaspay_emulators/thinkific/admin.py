"""The emulator's own door for tests in another process: look at its state, set switches and faults, furnish schools.
Nothing of it is Thinkific's.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific import catalogue, enrollments, users, webhooks
from kelaspay_emulators.thinkific.answers import (
    RefusedError,
    answer,
    error,
    instant,
    no_such_route,
    read_instant,
    whole,
)
from kelaspay_emulators.thinkific.asked import read_body
from kelaspay_emulators.thinkific.faults import KINDS
from kelaspay_emulators.thinkific.oauth import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request, Response

    from kelaspay_emulators.thinkific.app import ThinkificEmulator
    from kelaspay_emulators.thinkific.records import JSON, Call, Enrollment, ExternalOrder
    from kelaspay_emulators.thinkific.school import School

PREFIX = "/_emulator/"
CONTROLS = (
    ("GET", "state", "the whole school: users, enrollments, external orders, products, webhooks"),
    ("GET", "calls", "every API call that came in"),
    ("GET", "switches", "every switch as it stands: limits, delays, and what the documentation leaves open"),
    ("POST", "switches", 'turn them, like {"latency_seconds": 5} or {"rate": 10}'),
    (
        "POST",
        "faults",
        'have the next calls fail: {"path_part": "/users", "kind": "503", "times": 2}; kinds: '
        + ", ".join(sorted(KINDS)),
    ),
    ("DELETE", "faults", "have no more calls fail"),
    ("POST", "courses", 'a course more: {"name": "Python", "price": "150000"}'),
    ("POST", "bundles", 'a bundle: {"name": "Paket", "course_ids": [1, 2]}'),
    ("POST", "users", 'a learner: {"email": "…", "first_name": "…", "last_name": "…"}'),
    ("POST", "enrollments", 'an access that was there before: {"user_id": 1, "course_id": 2}'),
    ("POST", "progress", 'a learner gets on: {"enrollment_id": 1, "percentage": 0.4}'),
    ("POST", "schools", 'a school more: {"subdomain": "…", "api_key": "…"}'),
    ("POST", "apps", 'an OAuth app: {"client_id": "…", "client_secret": "…", "redirect_uris": ["…"]}'),
    ("POST", "tokens", "an API access token"),
    ("POST", "uninstall", 'the school throws the app out: {"client_id": "…"}'),
    ("POST", "deliver", "send the webhooks that are due"),
)
"""What its page says that it can be told, each under the prefix."""


class Admin:
    def __init__(self, emulator: ThinkificEmulator) -> None:
        self._emulator = emulator
        self._doors: dict[tuple[str, str], Callable[[Request, JSON], Response]] = {
            ("GET", "state"): self._state,
            ("GET", "calls"): self._calls,
            ("GET", "switches"): self._switches,
            ("POST", "switches"): self._flip,
            ("POST", "faults"): self._fail,
            ("DELETE", "faults"): self._clear,
            ("POST", "schools"): self._add_school,
            ("POST", "courses"): self._add_course,
            ("POST", "bundles"): self._add_bundle,
            ("POST", "users"): self._add_user,
            ("POST", "enrollments"): self._add_enrollment,
            ("POST", "progress"): self._progress,
            ("POST", "apps"): self._add_app,
            ("POST", "tokens"): self._add_token,
            ("POST", "uninstall"): self._uninstall,
            ("POST", "deliver"): self._deliver,
        }

    def respond(self, request: Request) -> Response:
        """422 with a sentence for what does not fit."""
        door = self._doors.get((request.method, request.path.removeprefix(PREFIX)))
        if door is None:
            return no_such_route()
        try:
            return door(request, read_body(request))
        except RefusedError as refused:
            return refused.response
        except (ValueError, KeyError, TypeError) as unfit:
            return error(422, f"{type(unfit).__name__}: {unfit}")

    def _school(self, named: object) -> School:
        return self._emulator.schools[str(named)] if named else self._emulator.school

    def _state(self, request: Request, _body: JSON) -> Response:
        with self._emulator.lock:
            return answer(_shown(self._school(request.args.get("subdomain"))))

    def _calls(self, request: Request, _body: JSON) -> Response:
        """`after` skips so many; `subdomain` keeps one school's."""
        subdomain = request.args.get("subdomain")
        calls = self._emulator.calls[whole(request.args.get("after", "")) or 0 :]
        kept = [_call(each) for each in calls if subdomain in {None, each.subdomain}]
        return answer({"calls": kept, "total": len(self._emulator.calls)})

    def _switches(self, _request: Request, _body: JSON) -> Response:
        return answer(asdict(self._emulator.switches))

    def _flip(self, request: Request, body: JSON) -> Response:
        for name, value in body.items():
            if value is not None and not isinstance(value, bool | int | float | str | list):
                raise TypeError(f"A switch is not set to {value!r}.")
            self._emulator.switches.flip(name, value)
        return self._switches(request, body)

    def _fail(self, _request: Request, body: JSON) -> Response:
        path_part, times = str(body.get("path_part", "")), whole(body.get("times", 1)) or 1
        self._emulator.fail_next(str(body.get("method", "*")), path_part, str(body["kind"]), times)
        return answer({}, 201)

    def _clear(self, _request: Request, _body: JSON) -> Response:
        self._emulator.clear_faults()
        return answer({})

    def _add_school(self, _request: Request, body: JSON) -> Response:
        school = self._emulator.add_school(str(body["subdomain"]), str(body["api_key"]))
        return answer({"subdomain": school.subdomain, "gid": school.gid}, 201)

    def _add_course(self, _request: Request, body: JSON) -> Response:
        with self._emulator.lock:
            course = self._school(body.get("subdomain")).add_course(str(body["name"]), **_sold(body))
        return answer(asdict(course), 201)

    def _add_bundle(self, _request: Request, body: JSON) -> Response:
        school = self._school(body.get("subdomain"))
        course_ids = _ids(school, body["course_ids"])
        with self._emulator.lock:
            bundle = school.add_bundle(str(body["name"]), course_ids, **_sold(body))
        return answer(asdict(bundle), 201)

    def _add_user(self, _request: Request, body: JSON) -> Response:
        names = [str(body[name]) for name in ("email", "first_name", "last_name")]
        with self._emulator.lock:
            return answer(users.shown(self._school(body.get("subdomain")).add_user(*names)), 201)

    def _add_enrollment(self, _request: Request, body: JSON) -> Response:
        school = self._school(body.get("subdomain"))
        user_id, course_id = whole(body["user_id"]) or 0, whole(body["course_id"]) or 0
        stamps = {name: read_instant(body.get(name)) for name in ("activated_at", "expiry_date")}
        if user_id not in school.users or course_id not in school.courses or school.enrollment_of(user_id, course_id):
            raise ValueError("User or course is unknown, or they have an enrollment.")
        with self._emulator.lock:
            return answer(_enrollment(school, school.add_enrollment(user_id, course_id, **stamps)), 201)

    def _progress(self, _request: Request, body: JSON) -> Response:
        school = self._school(body.get("subdomain"))
        enrollment = school.enrollments[whole(body["enrollment_id"]) or 0]
        with self._emulator.lock:
            enrollments.progress(school, enrollment, float(str(body["percentage"])))
        return answer(_enrollment(school, enrollment))

    def _add_app(self, _request: Request, body: JSON) -> Response:
        uris, scopes = body.get("redirect_uris"), body.get("scopes")
        app = self._emulator.add_app(
            str(body["client_id"]),
            str(body["client_secret"]),
            [str(each) for each in uris] if isinstance(uris, list) else [],
            [str(each) for each in scopes] if isinstance(scopes, list) else ALL_SCOPES,
        )
        return answer({"client_id": app.client_id, "scopes": sorted(app.scopes)}, 201)

    def _add_token(self, _request: Request, body: JSON) -> Response:
        return answer({"access_token": self._school(body.get("subdomain")).add_access_token()}, 201)

    def _uninstall(self, _request: Request, body: JSON) -> Response:
        school = self._school(body.get("subdomain"))
        self._emulator.uninstall(str(body["client_id"]), school.subdomain)
        return answer({})

    def _deliver(self, _request: Request, _body: JSON) -> Response:
        return answer({"accepted": self._emulator.deliver_due()})


def _sold(body: JSON) -> dict[str, str]:
    return {name: str(body[name]) for name in ("price", "slug", "status") if body.get(name) is not None}


def _ids(school: School, given: object) -> list[int]:
    found = [whole(each) for each in given] if isinstance(given, list) else []
    known = [each for each in found if each is not None and each in school.courses]
    if len(known) != len(found):
        raise ValueError("A bundle holds courses that the school has.")
    return known


def _shown(school: School) -> JSON:
    return {
        "subdomain": school.subdomain,
        "gid": school.gid,
        "users": [users.shown(each) for each in school.users.values()],
        "enrollments": [_enrollment(school, each) for each in school.enrollments.values()],
        "bundle_enrollments": [_enrollment(school, each) for each in school.bundle_enrollments.values()],
        "enrolled": [list(pair) for pair in school.enrolled()],
        "external_orders": [_external_order(each) for each in school.external_orders.values()],
        "courses": [catalogue.shown_course(each) for each in school.courses.values()],
        "bundles": [asdict(each) for each in school.bundles.values()],
        "products": [catalogue.shown_product(each) for each in school.products.values()],
        "webhooks": [webhooks.shown(each) for each in school.webhooks.values()],
        "deliveries_waiting": len(school.deliveries),
        "installed": sorted(school.installed),
    }


def _enrollment(school: School, enrollment: Enrollment) -> JSON:
    counts = {"creations": enrollment.creations, "full_creations": enrollment.full_creations}
    return {**enrollments.shown(school, enrollment), **counts}


def _external_order(order: ExternalOrder) -> JSON:
    transactions = [{**asdict(each), "at": instant(each.at)} for each in order.transactions]
    return {**asdict(order), "created_at": instant(order.created_at), "transactions": transactions}


def _call(call: Call) -> JSON:
    return {**asdict(call), "at": instant(call.at)}
