"""Bundles, and enrolling in all their courses with one call: done (201) or queued (202), the body empty either way
(thinkific.md 2.6).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific import catalogue, enrollments
from kelaspay_emulators.thinkific.answers import RefusedError, answer, empty, errors, not_found, read_instant, whole
from kelaspay_emulators.thinkific.asked import Route, blank
from kelaspay_emulators.thinkific.school import QueuedBundle

if TYPE_CHECKING:
    from datetime import datetime

    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON, Bundle, Enrollment
    from kelaspay_emulators.thinkific.school import School


def shown(bundle: Bundle) -> JSON:
    return {
        "id": bundle.id,
        "name": bundle.name,
        "description": None,
        "tagline": None,
        "banner_image_url": None,
        "course_ids": bundle.course_ids,
        "bundle_card_image_url": None,
        "slug": bundle.slug,
    }


def _bundle(asked: Asked) -> Bundle:
    bundle = asked.school.bundles.get(asked.id())
    if bundle is None:
        raise RefusedError(not_found())
    return bundle


def get_bundle(asked: Asked) -> Response:
    return answer(shown(_bundle(asked)))


def list_courses(asked: Asked) -> Response:
    courses = [asked.school.courses[each] for each in _bundle(asked).course_ids]
    return asked.page.of(courses, catalogue.shown_course)


def list_enrollments(asked: Asked) -> Response:
    bundle, school, filters = _bundle(asked), asked.school, asked.filters()
    users = _users(school, filters)
    rows = [
        each
        for each in _rows(school, bundle, users)
        if each.user_id in school.users and enrollments.fits(each, filters, asked.now)
    ]
    return asked.page.of(rows, lambda each: enrollments.shown(school, each))


def _users(school: School, filters: dict[str, str]) -> set[int] | None:
    named: list[int] = []
    if "user_id" in filters:
        named.append(whole(filters["user_id"]) or 0)
    if "email" in filters:
        user = school.user_by_email(filters["email"])
        named.append(user.id if user else 0)
    return set(named) if named else None


def _rows(school: School, bundle: Bundle, users: set[int] | None) -> list[Enrollment]:
    if users is None:
        return [each for each in school.bundle_enrollments.values() if each.course_id == bundle.id]
    if len(users) > 1:
        return []
    only = school.bundle_enrollment_of(users.pop(), bundle.id)
    return [only] if only else []


def create_enrollment(asked: Asked) -> Response:
    bundle = _bundle(asked)
    queued = QueuedBundle(
        asked.now + timedelta(seconds=asked.switches.bundle_delay_seconds),
        bundle.id,
        _user_id(asked),
        **_stamps(asked),
    )
    if asked.switches.bundle_mode == 202:  # noqa: PLR2004 - the switch is named after the status it answers
        asked.school.queued_bundles.append(queued)
        return empty(202)
    _enroll(asked.school, queued)
    return empty(201)


def _user_id(asked: Asked) -> int:
    given = asked.body.get("user_id")
    if blank(given):
        raise RefusedError(errors({"user_id": ["can't be blank"]}))
    user_id = whole(given)
    if user_id is None or user_id not in asked.school.users:
        raise RefusedError(errors({"user_id": ["is invalid"]}))
    return user_id


def _stamps(asked: Asked) -> dict[str, datetime | None]:
    if enrollments.wrong_stamps(asked.body) or enrollments.null_refused(asked):
        raise RefusedError(errors({"activated_at": ["is invalid"]}))
    return {name: read_instant(asked.body.get(name)) for name in ("activated_at", "expiry_date")}


def settle(school: School) -> None:
    """Do the queued enrollments whose time has come."""
    if not school.queued_bundles:
        return
    now = school.now()
    due = [each for each in school.queued_bundles if each.due_at <= now]
    school.queued_bundles = [each for each in school.queued_bundles if each.due_at > now]
    for queued in due:
        if queued.user_id in school.users:
            _enroll(school, queued)


def _enroll(school: School, queued: QueuedBundle) -> None:
    kept = school.bundle_enrollment_of(queued.user_id, queued.bundle_id)
    if kept is None:
        kept = school.add_bundle_enrollment(
            queued.user_id, queued.bundle_id, activated_at=queued.activated_at, expiry_date=queued.expiry_date
        )
    kept.activated_at = queued.activated_at or kept.activated_at
    kept.expiry_date = queued.expiry_date
    kept.creations += 1
    for course_id in school.bundles[queued.bundle_id].course_ids:
        enrollments.enroll(
            school,
            queued.user_id,
            course_id,
            activated_at=queued.activated_at,
            expiry_date=queued.expiry_date,
        )


def update_enrollment(asked: Asked) -> Response:
    """Changes the bundle's enrollment and each course's."""
    bundle, school, user_id = _bundle(asked), asked.school, _user_id(asked)
    _stamps(asked)
    kept = school.bundle_enrollment_of(user_id, bundle.id)
    if kept is None:
        return not_found()
    courses = [school.enrollment_of(user_id, course_id) for course_id in bundle.course_ids]
    for each in [kept, *(course for course in courses if course)]:
        enrollments.rewrite(each, asked.body, asked.now)
    return empty()


ROUTES = [
    Route("GET", "/bundles/<id>", get_bundle),
    Route("GET", "/bundles/<id>/courses", list_courses),
    Route("GET", "/bundles/<id>/enrollments", list_enrollments),
    Route("POST", "/bundles/<id>/enrollments", create_enrollment),
    Route("PUT", "/bundles/<id>/enrollments", update_enrollment),
]
