"""Where a school's programs are told what happens: added, changed, given another secret, removed; and what became of
each delivery. A secret stands in the answer that makes it and in no other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from kelaspay import endpoints
from kelaspay.endpoint_faults import (
    AddressRefused,
    DeliveryUnknown,
    EndpointDisabled,
    EndpointUnknown,
    TooManyEndpoints,
)
from kelaspay.faults import StillInProgress
from kelaspay.idempotency import Answer, Turn
from kelaspay.store import deliveries
from kelaspay.store import endpoints as kept
from kelaspay.store.database import Db
from kelaspay.store.deliveries import State
from kelaspay.store.endpoints import Disabled, Endpoint
from kelaspay.store.paging import Place
from kelaspay.web.json_bodies import JsonRoute
from kelaspay.web.v1.access import Caller, Reading, Writing
from kelaspay.web.v1.fields import Address, IdempotencyKey
from kelaspay.web.v1.listing import LARGEST_NUMBER, After, Limit, Page, page_of
from kelaspay.web.v1.once import answer_once
from kelaspay.web.v1.problems import ONCE, problems

router = APIRouter(prefix="/webhook_endpoints", tags=["Webhook endpoints"], route_class=JsonRoute)

Kind = Annotated[str, Field(json_schema_extra={"enum": list(endpoints.CHOICES)})]
Kinds = Annotated[list[Kind], Field(max_length=len(endpoints.CHOICES))]
OF_TYPES = "Of what it is told; empty: of everything, also of types that come later."
DeliveryId = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]


class EndpointWanted(BaseModel):
    """A new endpoint."""

    model_config = ConfigDict(extra="forbid")

    url: Address = Field(
        description="Where to post to: a public address, `https` in production, without a fragment.",
        examples=["https://shop.example.com/hooks/kelaspay"],
    )
    types: Kinds = Field(default=[], description=OF_TYPES, examples=[["order.paid", "enrollment.created"]])


class EndpointChange(BaseModel):
    """What is to change; what is left out or null stays."""

    model_config = ConfigDict(extra="forbid")

    url: Address | None = Field(default=None, examples=["https://shop.example.com/hooks/kelaspay"])
    types: Kinds | None = Field(default=None, description=OF_TYPES)
    enabled: StrictBool | None = Field(
        default=None,
        description="`false`: told nothing any more. `true`: told again, and first what waited before it was disabled.",
    )


class Nothing(BaseModel):
    """The body of a request that has none."""


class EndpointRead(BaseModel):
    """Where a school's program is told."""

    id: str = Field(examples=["we_0123456789abcdef"])
    url: str
    types: list[str] = Field(description=OF_TYPES)
    enabled: bool
    disabled_reason: Disabled | None = Field(
        description="`gone`: it answered 410. `failing`: nothing reached it for days. `by_hand`: somebody disabled it."
    )
    disabled_at: datetime | None
    failing_since: datetime | None = Field(description="Since when it has taken nothing.")
    old_secret_until: datetime | None = Field(description="Until then the secret before the present one signs too.")
    made_at: datetime


class EndpointWithSecret(EndpointRead):
    secret: str = Field(description="Verifies that a call comes from us; it is not shown again.", examples=["whsec_…"])


class DeliveryRead(BaseModel):
    """What became of one notice at one endpoint."""

    id: int
    webhook_id: str = Field(description="The `webhook-id` that the endpoint gets, the same at each attempt.")
    type: str = Field(examples=["order.paid"])
    merchant_order_id: str | None
    state: State
    attempts: int
    answer: int | None = Field(description="The status that it answered to the last attempt.")
    fault: str | None = Field(description="Why the last attempt failed.")
    raised_at: datetime = Field(description="When what it tells of happened.")
    tried_at: datetime | None
    next_at: datetime | None = Field(description="When it is tried next; null when it is not.")


class EndpointPage(Page[EndpointRead]):
    pass


class DeliveryPage(Page[DeliveryRead]):
    pass


@router.get("", summary="List webhook endpoints", responses=problems())
def list_endpoints(caller: Reading, place: After, limit: Limit = 50) -> EndpointPage:
    """The school's endpoints, the oldest first."""
    with caller.outside.database.read() as db:
        every = [(Place.at(each.made_at, each.id), each) for each in kept.list_endpoints(db, caller.school)]
    after = [each for each in every if place is None or (each[0].number, each[0].name) > (place.number, place.name)]
    return EndpointPage.model_validate(
        page_of(after[: limit + 1], limit, lambda each: _shown(each[1]), lambda each: each[0])
    )


@router.post(
    "",
    summary="Add a webhook endpoint",
    status_code=201,
    response_model=EndpointWithSecret,
    responses=problems(AddressRefused, TooManyEndpoints, *ONCE, body=True),
)
def add_endpoint(
    wanted: EndpointWanted, caller: Writing, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Have an address told of the school's orders. The answer holds the secret."""
    outside = caller.outside

    def act(turn: Turn) -> Answer:
        with outside.database.begin() as db:
            _, made = endpoints.put_endpoint(
                db,
                wanted.url,
                kinds=wanted.types,
                school=caller.school,
                vault=outside.vault,
                dialer=outside.dialer,
                now=outside.now(),
            )
            caller.write_down(db, "endpoint_added", made.id, made.url)
            return turn.answered(db, 201, _shown(made).model_dump_json())

    return _with_secret(request, wanted, act, caller=caller, key=idempotency_key)


@router.get("/{endpoint_id}", summary="Read a webhook endpoint", responses=problems(EndpointUnknown))
def read_endpoint(endpoint_id: str, caller: Reading) -> EndpointRead:
    """One endpoint of the school's, without its secret."""
    with caller.outside.database.read() as db:
        return _shown(_own(db, caller, endpoint_id))


@router.patch(
    "/{endpoint_id}",
    summary="Change a webhook endpoint",
    responses=problems(EndpointUnknown, AddressRefused, body=True),
)
def change_endpoint(endpoint_id: str, wanted: EndpointChange, caller: Writing) -> EndpointRead:
    """Another address or other types, from now on; or disable it and enable it again."""
    changed = endpoints.change_endpoint(
        endpoint_id,
        school=caller.school,
        url=wanted.url,
        kinds=wanted.types,
        enabled=wanted.enabled,
        database=caller.audited("endpoint_changed", endpoint_id, ", ".join(sorted(wanted.model_fields_set))),
        dialer=caller.outside.dialer,
        now=caller.outside.now(),
    )
    return _shown(changed)


@router.post(
    "/{endpoint_id}/rotate",
    summary="Make another secret",
    status_code=201,
    response_model=EndpointWithSecret,
    responses=problems(EndpointUnknown, *ONCE),
)
def rotate_secret(
    endpoint_id: str, caller: Writing, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """The answer holds the new secret. For 24 hours the one before it signs too."""
    outside = caller.outside

    def act(turn: Turn) -> Answer:
        with outside.database.begin() as db:
            endpoints.put_secret(db, endpoint_id, school=caller.school, vault=outside.vault, now=outside.now())
            caller.write_down(db, "endpoint_rotated", endpoint_id)
            return turn.answered(db, 201, _shown(_own(db, caller, endpoint_id)).model_dump_json())

    return _with_secret(request, Nothing(), act, caller=caller, key=idempotency_key)


@router.delete("/{endpoint_id}", summary="Remove a webhook endpoint", responses=problems(EndpointUnknown))
def remove_endpoint(endpoint_id: str, caller: Writing) -> EndpointRead:
    """Forget it with its secret and its deliveries. It comes back as it was."""
    with caller.outside.database.read() as db:
        removed = _own(db, caller, endpoint_id)
    database = caller.audited("endpoint_removed", endpoint_id)
    endpoints.remove_endpoint(endpoint_id, school=caller.school, database=database)
    return _shown(removed)


@router.get("/{endpoint_id}/deliveries", summary="List deliveries", responses=problems(EndpointUnknown))
def list_deliveries(
    endpoint_id: str,
    caller: Reading,
    place: After,
    limit: Limit = 50,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
) -> DeliveryPage:
    """What was sent to the endpoint or waits to be, the newest first."""
    with caller.outside.database.read() as db:
        _own(db, caller, endpoint_id)
        rows = deliveries.list_deliveries(
            db,
            school=caller.school,
            endpoint_id=endpoint_id,
            state=state,
            before=place.number if place else None,
            limit=limit + 1,
        )
    return DeliveryPage.model_validate(page_of(rows, limit, _delivery, lambda row: Place(row.id, "")))


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    summary="Send a delivery again",
    responses=problems(EndpointUnknown, DeliveryUnknown, EndpointDisabled, StillInProgress),
)
def redeliver(endpoint_id: str, delivery_id: DeliveryId, caller: Writing) -> DeliveryRead:
    """Send it once more from the beginning, under the id that it had, so that the receiver knows a repeat."""
    outside = caller.outside
    with outside.database.read() as db:
        _own(db, caller, endpoint_id)
        found = deliveries.find_delivery(db, delivery_id, caller.school)
    if found is None or found.endpoint_id != endpoint_id:
        raise DeliveryUnknown(delivery_id=delivery_id)
    database = caller.audited("redelivered", f"delivery {delivery_id}")
    endpoints.redeliver(delivery_id, school=caller.school, database=database, now=outside.now())
    with outside.database.read() as db:
        again = deliveries.find_delivery(db, delivery_id, caller.school)
    if again is None:
        raise DeliveryUnknown(delivery_id=delivery_id)
    return _delivery(again)


def _with_secret(
    request: Request, body: BaseModel, act: Callable[[Turn], Answer], *, caller: Caller, key: str | None
) -> Response:
    """The answer that a secret stands in. It is kept without it and completed from the endpoint's own, sealed one: a
    repeat after another rotation gets the newest.
    """

    def complete(answer: str) -> str:
        shown = EndpointRead.model_validate_json(answer)
        secret = endpoints.secret_of(shown.id, database=caller.outside.database, vault=caller.outside.vault)
        return EndpointWithSecret(**shown.model_dump(), secret=secret).model_dump_json()

    asker = f"api {caller.school}"
    return answer_once(request, body, act, asker=asker, key=key, school=caller.school, complete=complete)


def _own(db: Db, caller: Caller, endpoint_id: str) -> Endpoint:
    found = kept.find_endpoint(db, endpoint_id, caller.school)
    if found is None:
        raise EndpointUnknown(endpoint_id=endpoint_id)
    return found


def _shown(endpoint: Endpoint) -> EndpointRead:
    own = {name: getattr(endpoint, name) for name in EndpointRead.model_fields if name not in {"types", "enabled"}}
    types = [] if kept.wants_all(endpoint.types) else endpoint.listed
    return EndpointRead(**own, types=types, enabled=endpoint.disabled_at is None)


def _delivery(row: Any) -> DeliveryRead:
    told = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    told |= {"webhook_id": row.notice_id, "next_at": row.due_at if row.state == State.WAITING else None}
    return DeliveryRead.model_validate(told)
