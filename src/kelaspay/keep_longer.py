"""A bundle sets the end of each of its courses, those that were there among them (thinkific.md 2.6), and a course that
is given in the same moment its own: who has one for longer, by another order or from before, keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kelaspay.store import enrollments, longer
from kelaspay.thinkific import CLOSE, end_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from kelaspay.payment import Enrollment
    from kelaspay.school import School
    from kelaspay.thinkific import Thinkific


def longer_inside(wanted: Enrollment, until: datetime | None, *, school: School) -> dict[int, datetime]:
    """The courses of a bundle that its user has for longer than `until`, each with its end. To be asked and kept before
    the bundle is given: after it Thinkific no longer knows.
    """
    if wanted.bundle_id is None or until is None:
        return {}
    ends = {
        there.course_id: end_of(there)
        for there in school.thinkific.find_enrollments(wanted.user_id or 0)
        if there.grants(school.now()) and (there.expiry_date is None or there.expiry_date > until + CLOSE)
    }
    inside = school.thinkific.bundle_courses(wanted.bundle_id) if ends else set()
    return {course_id: end for course_id, end in ends.items() if course_id in inside}


def keep_longer(wanted: Enrollment, *, school: School, guard: Callable[[], None]) -> None:
    """Once a bundle is there, put back the later ends that its courses had, and those that other orders have given
    since; once a course is, the later end that a bundle has given it since. Nothing is shortened, so a repeat is
    harmless.
    """
    with school.database.read() as db:
        given = enrollments.find_enrollment(db, wanted.merchant_order_id) or wanted
        ends = longer.kept(db, wanted.merchant_order_id)
        others = [each for each in longer.given_since(db, given) if ends.get(each.course_id) != end_of(each)]
    for course_id, end in _by_orders(given, others, school.thinkific):
        ends[course_id] = max(end, ends.get(course_id, end))
    for course_id, end in ends.items():
        there = school.thinkific.find_enrollment(given.user_id or 0, course_id)
        if there is not None and there.expiry_date is not None and there.expiry_date < end - CLOSE:
            school.thinkific.change_enrollment(there.enrollment_id, activated_at=None, expiry_date=end, guard=guard)


def _by_orders(given: Enrollment, others: Sequence[Any], thinkific: Thinkific) -> Iterator[tuple[int, datetime]]:
    """Which courses of the bundle, or whether the course alone, the other orders give, until when."""
    if not others:
        return
    inside = {given.course_id or 0} if given.bundle_id is None else thinkific.bundle_courses(given.bundle_id)
    for other in others:
        theirs = {other.course_id} if other.bundle_id is None else thinkific.bundle_courses(other.bundle_id)
        for course_id in inside & theirs:
            yield course_id, end_of(other)
