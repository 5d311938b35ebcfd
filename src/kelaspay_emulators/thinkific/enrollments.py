"""Enrollments in courses: a free trial without `activated_at`, no DELETE, 422 as an array (thinkific.md 2.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.answers import (
    RefusedError,
    answer,
    empty,
    error,
    errors,
    instant,
    not_found,
    read_instant,
    whole,
)
from kelaspay_emulators.thinkific.asked import Route, truth
from kelaspay_emulators.thinkific.webhooks import fire

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from kelaspay_emulators.thinkific.asked import Asked
    from kelaspay_emulators.thinkific.records import JSON, Enrollment
    from kelaspay_emulators.thinkific.school import School

_STAMPS = {"activated_at": "Activated at is invalid.", "expiry_date": "Expiry date is invalid."}
_COMPLETE = 100


def shown(school: School, enrollment: Enrollment) -> JSON:
    user = school.users[enrollment.user_id]
    return {
        "id": enrollment.id,
        "created_at": instant(enrollment.created_at),
        "user_email": user.email,
        "user_name": user.full_name,
        "user_id": user.id,
        "course_name": _course_name(school, enrollment),
        "course_id": enrollment.course_id,
        "percentage_completed": str(enrollment.percentage_completed),
        "expired": enrollment.expired(school.now()),
        "is_free_trial": enrollment.is_free_trial,
        "completed": enrollment.completed_at is not None,
        "started_at": instant(enrollment.started_at),
        "activated_at": instant(enrollment.activated_at),
        "completed_at": instant(enrollment.completed_at),
        "updated_at": instant(enrollment.updated_at),
        "expiry_date": instant(enrollment.expiry_date),
        "credential_id": None,
        "certificate_url": None,
        "certificate_expiry_date": None,
    }


def _course_name(school: School, enrollment: Enrollment) -> str:
    return (school.courses.get(enrollment.course_id) or school.bundles[enrollment.course_id]).name


def in_event(school: School, enrollment: Enrollment) -> JSON:
    """`free_trial`, not `is_free_trial`; user and course nested (thinkific.md 4.4)."""
    user = school.users[enrollment.user_id]
    whom: JSON = {name: getattr(user, name) for name in ("id", "email", "first_name", "last_name")}
    course: JSON = {"id": enrollment.course_id, "name": _course_name(school, enrollment)}
    stamps = ("activated_at", "completed_at", "created_at", "expiry_date", "started_at", "updated_at")
    return {
        **{name: instant(getattr(enrollment, name)) for name in stamps},
        "id": enrollment.id,
        "course": course,
        "course_id": enrollment.course_id,
        "free_trial": enrollment.is_free_trial,
        "percentage_completed": str(enrollment.percentage_completed),
        "user": whom,
    }


def list_enrollments(asked: Asked) -> Response:
    filters, school = asked.filters(), asked.school
    now = school.now()
    found = [each for each in _candidates(school, filters) if fits(each, filters, now)]
    return asked.page.of(found, lambda each: shown(school, each))


def _candidates(school: School, filters: dict[str, str]) -> list[Enrollment]:
    """The fewest that can match: of one user and course, of one user, or all."""
    user_id, course_id = _one_user(school, filters), filters.get("course_id")
    if user_id is None:
        return [each for each in school.enrollments.values() if course_id is None or each.course_id == whole(course_id)]
    if course_id is None:
        return school.enrollments_of(user_id)
    only = school.enrollment_of(user_id, whole(course_id) or 0)
    return [only] if only else []


def _one_user(school: School, filters: dict[str, str]) -> int | None:
    """The one user asked for, 0 where there is none such, None where nobody was named."""
    named = {whole(filters["user_id"]) or 0} if "user_id" in filters else set()
    if "email" in filters:
        user = school.user_by_email(filters["email"])
        named.add(user.id if user else 0)
    if not named:
        return None
    return named.pop() if len(named) == 1 else 0


def fits(enrollment: Enrollment, filters: dict[str, str], now: datetime) -> bool:
    """Whether the flags and dates asked for are true of it."""
    flags = {
        "free_trial": enrollment.is_free_trial,
        "full": not enrollment.is_free_trial,
        "completed": enrollment.completed_at is not None,
        "expired": enrollment.expired(now),
    }
    if any(name in filters and truth(filters[name]) != flag for name, flag in flags.items()):
        return False
    return _in_time(enrollment.created_at, "created", filters) and _in_time(enrollment.updated_at, "updated", filters)


def _in_time(stamp: datetime, field: str, filters: dict[str, str]) -> bool:
    for name, value in filters.items():
        test = name.removeprefix(f"{field}_")
        if test == name:
            continue
        if not _compares(test, stamp, _asked_instant(value), by_day=field == "updated"):
            return False
    return True


def _asked_instant(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value if "T" in value else f"{value}T00:00:00Z").astimezone(UTC)
    except ValueError as unreadable:
        raise RefusedError(error(400, "Invalid date.")) from unreadable


def _compares(test: str, stamp: datetime, asked: datetime, *, by_day: bool) -> bool:
    """updated_* looks at days only (thinkific.md 2.5)."""
    if test == "on":
        return stamp.date() == asked.date()
    left, right = (stamp.date(), asked.date()) if by_day else (stamp, asked)
    tests = {
        "before": left < right,
        "on_or_before": left <= right,
        "after": left > right,
        "on_or_after": left >= right,
    }
    return tests.get(test, True)


def create_enrollment(asked: Asked) -> Response:
    school, user_id, course_id = asked.school, whole(asked.body.get("user_id")), whole(asked.body.get("course_id"))
    wrong = _wrong_ids(school, user_id, course_id) + wrong_stamps(asked.body)
    if wrong or user_id is None or course_id is None:
        return errors(wrong)
    already = school.enrollment_of(user_id, course_id)
    if already and asked.switches.enrollment_mode == "422":
        return errors(["User is already enrolled in this course."])
    if already and asked.switches.enrollment_mode == "400":
        return error(400, "already_enrolled")
    stamps = {name: read_instant(asked.body.get(name)) for name in _STAMPS}
    return answer(shown(school, enroll(school, user_id, course_id, **stamps)), 201)


def _wrong_ids(school: School, user_id: int | None, course_id: int | None) -> list[str]:
    wrong = [] if course_id in school.courses else ["Course could not be found."]
    return wrong if user_id in school.users else [*wrong, "User could not be found."]


def wrong_stamps(body: JSON) -> list[str]:
    return [complaint for name, complaint in _STAMPS.items() if not _readable(body.get(name))]


def null_refused(asked: Asked) -> bool:
    return not asked.switches.null_expiry_clears and asked.body.get("expiry_date", "") is None


def _readable(value: object) -> bool:
    try:
        read_instant(value)
    except ValueError:
        return False
    return True


def enroll(
    school: School, user_id: int, course_id: int, *, activated_at: datetime | None, expiry_date: datetime | None
) -> Enrollment:
    """Make the enrollment, or take up the one there is with its expiry reset, and tell the webhooks of a new one."""
    enrollment = school.enrollment_of(user_id, course_id)
    if enrollment is None:
        enrollment = school.add_enrollment(user_id, course_id, activated_at=activated_at, expiry_date=expiry_date)
        topic = "enrollment.trial" if enrollment.is_free_trial else "enrollment.created"
        fire(school, topic, in_event(school, enrollment))
    else:
        enrollment.activated_at = activated_at or enrollment.activated_at
        enrollment.expiry_date = expiry_date
        enrollment.updated_at = school.now()
    school.note_creation(enrollment, full=activated_at is not None)
    return enrollment


def get_enrollment(asked: Asked) -> Response:
    found = asked.school.enrollments.get(asked.id())
    return answer(shown(asked.school, found)) if found else not_found()


def update_enrollment(asked: Asked) -> Response:
    found = asked.school.enrollments.get(asked.id())
    if found is None:
        return not_found()
    wrong = wrong_stamps(asked.body)
    if wrong or null_refused(asked):
        return errors(wrong or [_STAMPS["expiry_date"]])
    rewrite(found, asked.body, asked.now)
    return empty()


def rewrite(enrollment: Enrollment, body: JSON, now: datetime) -> None:
    """Only what the body names; null clears."""
    if "activated_at" in body:
        enrollment.activated_at = read_instant(body["activated_at"])
    if "expiry_date" in body:
        enrollment.expiry_date = read_instant(body["expiry_date"])
    enrollment.updated_at = now


def progress(school: School, enrollment: Enrollment, percentage: float) -> None:
    """The student learned: what the player does in the real thing."""
    now = school.now()
    enrollment.started_at = enrollment.started_at or now
    enrollment.percentage_completed = float(percentage)
    enrollment.updated_at = now
    fire(school, "enrollment.progress", in_event(school, enrollment))
    if percentage >= _COMPLETE and enrollment.completed_at is None:
        enrollment.completed_at = now
        extra: JSON = {"credential_id": None, "certificate_url": None, "certificate_expiry_date": None}
        fire(school, "enrollment.completed", in_event(school, enrollment) | extra)


ROUTES = [
    Route("GET", "/enrollments", list_enrollments),
    Route("POST", "/enrollments", create_enrollment),
    Route("GET", "/enrollments/<id>", get_enrollment),
    Route("PUT", "/enrollments/<id>", update_enrollment),
]
