"""Who got into which course by a school's payments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from kelaspay.api_faults import EnrollmentUnknown
from kelaspay.payment import EnrollmentState
from kelaspay.store import enrollments, paging
from kelaspay.store.paging import Place
from kelaspay.web.v1.access import Reading
from kelaspay.web.v1.listing import After, Limit, page_of
from kelaspay.web.v1.problems import problems
from kelaspay.web.v1.shapes import EnrollmentPage, EnrollmentRead, enrollment_read

router = APIRouter(prefix="/enrollments", tags=["Enrollments"])

LONGEST = 200


@router.get("", summary="List enrollments", responses=problems())
def list_enrollments(
    caller: Reading,
    place: After,
    limit: Limit = 50,
    state: Annotated[EnrollmentState | None, Query(description="Only in this state.")] = None,
    email: Annotated[str | None, Query(max_length=LONGEST, description="Only of this buyer.")] = None,
) -> EnrollmentPage:
    """The school's enrollments, that of the newest payment first."""
    lowered = email.strip().lower() if email is not None else None
    with caller.outside.database.read() as db:
        rows = paging.enrollments_after(db, caller.school, place, limit + 1, state=state, email=lowered)
    shown = page_of(rows, limit, enrollment_read, lambda row: Place.at(row.created_at, row.merchant_order_id))
    return EnrollmentPage.model_validate(shown)


@router.get("/{merchant_order_id}", summary="Read an enrollment", responses=problems(EnrollmentUnknown))
def read_enrollment(merchant_order_id: str, caller: Reading) -> EnrollmentRead:
    """The access that this payment gave."""
    with caller.outside.database.read() as db:
        own = paging.school_of_payment(db, merchant_order_id) == caller.school
        found = enrollments.find_enrollment(db, merchant_order_id) if own else None
    if found is None:
        raise EnrollmentUnknown(merchant_order_id=merchant_order_id)
    return enrollment_read(found)
