"""Whose a thing in an address is. Who belongs to one school is told of another's things that there are none.

Every name that an address of the console may hold stands here: one that does not is nobody's, and stays shut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kelaspay.api_faults import KeyUnknown
from kelaspay.faults import (
    CouponUnknown,
    CustomerUnknown,
    EventUnknown,
    Fault,
    MessageUnknown,
    OfferUnknown,
    OperatorUnknown,
    PaymentUnknown,
    SchoolUnknown,
)
from kelaspay.store import owners
from kelaspay.web.console.entered import id_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kelaspay.store.database import Database, Db


class Kind(NamedTuple):
    """How to see whether a thing is a school's, and what to say when it is not."""

    is_of: Callable[[Db, str, str], bool]
    unknown: type[Fault]


def _by_id(is_of: Callable[[Db, int, str], bool]) -> Callable[[Db, str, str], bool]:
    return lambda db, value, school: (number := id_in(value)) is not None and is_of(db, number, school)


KINDS = {
    "order_id": Kind(owners.owns_payment, PaymentUnknown),
    "event_id": Kind(_by_id(owners.owns_event), EventUnknown),
    "slug": Kind(owners.owns_offer, OfferUnknown),
    "code": Kind(owners.owns_coupon, CouponUnknown),
    "email": Kind(owners.owns_customer, CustomerUnknown),
    "message_id": Kind(_by_id(owners.owns_message), MessageUnknown),
    "key_id": Kind(_by_id(owners.owns_key), KeyUnknown),
    "operator_id": Kind(_by_id(owners.owns_operator), OperatorUnknown),
    "subdomain": Kind(lambda _db, value, school: value == school, SchoolUnknown),
}
FREE = {"kind", "language", "endpoint_id", "delivery_id"}
"""Name what all schools have, or what is looked for at the visitor's school alone by the flow that is called."""


def check_whose(database: Database, named: Mapping[str, object], school: str) -> None:
    """Raises what says that there is no such thing, for each thing named that is not this school's."""
    owned = {name: str(value).replace("\0", "") for name, value in named.items() if name not in FREE}
    if not owned:
        return
    with database.read() as db:
        for name, value in owned.items():
            kind = KINDS[name]
            if not kind.is_of(db, value, school):
                raise kind.unknown
