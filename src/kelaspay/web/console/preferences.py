"""When reminders rest, and for how long what is kept: set by an owner, used by what sends and by what forgets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.faults import NotAllowed
from kelaspay.outside import Outside
from kelaspay.retention import BOUNDS, Keep, kept
from kelaspay.store import preferences
from kelaspay.store.audit import EVERYWHERE
from kelaspay.store.preferences import QUIET_FROM, QUIET_UNTIL
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import OwnerActing, OwnerLooking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/settings", route_class=ConsoleRoute, include_in_schema=False)

PATH = "/console/settings/times"
HOURS = 24
LONGEST = 6


@router.get("/times")
def show(request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return _page(request, visitor)


@router.post("/quiet")
def set_quiet_hours(
    request: Request, visitor: OwnerActing, start: Annotated[str, Form()] = "", end: Annotated[str, Form()] = ""
) -> Response:
    """Between these hours reminders of the school wait; the same twice for never."""
    hours = [_number(each) for each in (start, end)]
    if not all(each is not None and each < HOURS for each in hours):
        return _page(request, visitor, wrong={"quiet": "hours"})
    outside = outside_of(request)
    values = {QUIET_FROM: hours[0] or 0, QUIET_UNTIL: hours[1] or 0}
    with outside.database.begin() as db:
        preferences.put_preferences(db, visitor.here, values, outside.now())
        write_down(request, visitor, "quiet_changed", visitor.here or None, f"{hours[0]}.00-{hours[1]}.00 WIB", db=db)
    return back(PATH, "quiet_changed")


@router.post("/retention")
def set_retention(
    request: Request,
    visitor: OwnerActing,
    events: Annotated[str, Form()] = "",
    messages: Annotated[str, Form()] = "",
    lapsed: Annotated[str, Form()] = "",
    audit: Annotated[str, Form()] = "",
) -> Response:
    """For how many days what is kept, for all schools alike; raises `NotAllowed` for who belongs to one."""
    if not visitor.everywhere:
        raise NotAllowed
    entered = {"events": events, "messages": messages, "lapsed": lapsed, "audit": audit}
    outside = outside_of(request)
    wrong = {name: "bounds" for name, text in entered.items() if not _fits(name, text)}
    if wrong:
        return _page(request, visitor, entered=entered, wrong=wrong)
    with outside.database.begin() as db:
        before = kept(db, _by_default(outside))
        values = {f"keep_{name}": int(text) for name, text in entered.items()}
        preferences.put_preferences(db, EVERYWHERE, values, outside.now())
        changes = [f"{name}: {getattr(before, name)} → {text}" for name, text in entered.items()]
        write_down(request, visitor, "retention_changed", None, ", ".join(changes), db=db)
    return back(PATH, "retention_changed")


def _page(
    request: Request, visitor: Visitor, *, entered: dict[str, str] | None = None, wrong: dict[str, str] | None = None
) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        start, end = preferences.quiet_hours(db, visitor.here)
        keep = kept(db, _by_default(outside))
    return page(
        request,
        "times.html",
        visitor,
        whose=outside.schools.profile(visitor.here).seller.name,
        status=422 if wrong else 200,
        start=start,
        end=end,
        hours=[(str(hour), f"{hour:02}.00") for hour in range(HOURS)],
        keep=entered or {name: str(getattr(keep, name)) for name in BOUNDS},
        bounds=BOUNDS,
        wrong=wrong or {},
    )


def _by_default(outside: Outside) -> Keep:
    return Keep.of(outside.settings)


def _fits(name: str, text: str) -> bool:
    days, (least, most) = _number(text), BOUNDS[name]
    return days is not None and least <= days <= most


def _number(text: str) -> int | None:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= LONGEST else None
