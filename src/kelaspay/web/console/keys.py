"""Which programs may use the API: keys are made here, shown once, and ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from kelaspay.api_faults import KeyUnknown
from kelaspay.faults import InvalidInput
from kelaspay.keys import make_key
from kelaspay.store import keys
from kelaspay.store.keys import ApiKey, Scope
from kelaspay.web.console.entered import id_in
from kelaspay.web.console.page import ConsoleRoute, back, page
from kelaspay.web.console.visit import OwnerActing, OwnerLooking, Visitor, outside_of, write_down

router = APIRouter(prefix="/console/keys", route_class=ConsoleRoute, include_in_schema=False)

KEYS = "/console/keys"


@router.get("")
def show(request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return _page(request, visitor)


@router.post("")
def add(
    request: Request,
    visitor: OwnerActing,
    name: Annotated[str, Form()] = "",
    scope: Annotated[list[str] | None, Form()] = None,
    school: Annotated[str, Form()] = "",
) -> HTMLResponse:
    """Make a key; it stands on the page that follows and nowhere else."""
    outside = outside_of(request)
    chosen = [each for each in Scope if each in (scope or ())]
    try:
        if school not in _schools(request, visitor):
            raise InvalidInput.one("school", "is not known")
        with outside.database.begin() as db:
            text, made = make_key(
                db,
                name=name,
                scopes=chosen,
                school=school,
                environment=outside.settings.duitku_environment,
                now=outside.now(),
            )
            write_down(request, visitor, "key_added", made.hint, made.name, db=db)
    except InvalidInput as fault:
        return _page(request, visitor, wrong=fault.fields, entered=name)
    return _page(request, visitor, made=text)


@router.get("/{key_id}/revoke")
def revoke_form(key_id: str, request: Request, visitor: OwnerLooking) -> HTMLResponse:
    return page(request, "key_revoke.html", visitor, key=_key(request, key_id))


@router.post("/{key_id}/revoke")
def revoke(key_id: str, request: Request, visitor: OwnerActing) -> Response:
    """End a key at once. Repeating it changes nothing."""
    outside = outside_of(request)
    key = _key(request, key_id)
    with outside.database.begin() as db:
        if keys.revoke_key(db, key.id, outside.now()):
            write_down(request, visitor, "key_revoked", key.hint, key.name, db=db)
    return back(KEYS, "key_revoked")


def _page(
    request: Request,
    visitor: Visitor,
    *,
    made: str | None = None,
    wrong: dict[str, str] | None = None,
    entered: str = "",
) -> HTMLResponse:
    outside = outside_of(request)
    with outside.database.read() as db:
        listed = keys.list_keys(db, visitor.only)
    return page(
        request,
        "keys.html",
        visitor,
        status=422 if wrong else 200,
        listed=listed,
        schools=_schools(request, visitor),
        scopes=list(Scope),
        rate=outside.settings.api_rate,
        made=made,
        wrong=wrong or {},
        entered=entered,
    )


def _schools(request: Request, visitor: Visitor) -> list[str]:
    """The schools that a key may be made for."""
    selling = outside_of(request).schools.selling()
    return selling if visitor.only is None else [each for each in selling if each == visitor.only]


def _key(request: Request, key_id: str) -> ApiKey:
    with outside_of(request).database.read() as db:
        found = next((each for each in keys.list_keys(db) if each.id == id_in(key_id)), None)
    if found is None:
        raise KeyUnknown
    return found
