"""What Duitku and Thinkific sent about a school's payments, and looking at it again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from kelaspay.faults import EventUnknown
from kelaspay.store import inbox, paging
from kelaspay.store.database import Db
from kelaspay.store.paging import Place
from kelaspay.web.v1.access import Caller, Reading, Writing
from kelaspay.web.v1.listing import LARGEST_NUMBER, After, Limit, page_of
from kelaspay.web.v1.problems import problems
from kelaspay.web.v1.shapes import EventPage, EventRead, EventWhole, event_read

router = APIRouter(prefix="/events", tags=["Events"])

LONGEST = 200
EventId = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]


@router.get("", summary="List events", responses=problems())
def list_events(
    caller: Reading,
    place: After,
    limit: Limit = 50,
    source: Annotated[str | None, Query(max_length=LONGEST, description="`duitku` or `thinkific`.")] = None,
    merchant_order_id: Annotated[str | None, Query(max_length=LONGEST, description="Only of this payment.")] = None,
) -> EventPage:
    """Callbacks and webhooks as they came in, the newest first, without their bodies."""
    with caller.outside.database.read() as db:
        rows = paging.events_after(
            db, caller.school, place, limit + 1, source=source, merchant_order_id=merchant_order_id
        )
    return EventPage.model_validate(page_of(rows, limit, event_read, lambda row: Place(row.id, "")))


@router.get("/{event_id}", summary="Read an event", responses=problems(EventUnknown))
def read_event(event_id: EventId, caller: Reading) -> EventWhole:
    """An event with its raw body, which holds what the sender knows of the buyer."""
    with caller.outside.database.read() as db:
        row = _own(db, caller, event_id)
    body = row.body.decode("utf-8", "replace")
    return EventWhole(**event_read(row), content_type=row.content_type, body=body)


@router.post("/{event_id}/replay", summary="Look at an event again", responses=problems(EventUnknown))
def replay(event_id: EventId, caller: Writing) -> EventRead:
    """Have it looked at as if it had just come in. Nothing is done twice by that."""
    with caller.outside.database.begin() as db:
        _own(db, caller, event_id)
        inbox.reopen(db, event_id)
        caller.write_down(db, "replayed", f"event {event_id}")
        return EventRead(**event_read(_own(db, caller, event_id)))


def _own(db: Db, caller: Caller, event_id: int) -> Any:
    row = inbox.find_event(db, event_id)
    if row is None or row.school != caller.school:
        raise EventUnknown(event_id=event_id)
    return row
