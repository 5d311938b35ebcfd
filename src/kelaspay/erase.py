"""Forget who a buyer was, as the law lets them ask (UU 27/2022): names, addresses and phone numbers go, amounts and ids
stay. There is no way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.faults import CacheUnavailable, CustomerUnknown, MoveRefused
from kelaspay.store import people

if TYPE_CHECKING:
    from datetime import datetime

    from kelaspay.customers import Customers
    from kelaspay.payment import MerchantOrderId
    from kelaspay.store.database import Database


def erase(
    email: str, *, school: str | None, database: Database, customers: Customers, now: datetime, actor: str
) -> list[MerchantOrderId]:
    """The orders whose buyer was forgotten, at this school or with None at all; repeated there is nobody left.

    The cache forgets the buyer first, and nobody else fills it: of an order under way nobody is erased. Raises
    `CustomerUnknown`, `CacheUnavailable`, and `MoveRefused` while an order still needs to know whom to enroll.
    """
    with database.read() as db:
        order_ids = people.order_ids_of(db, school, email)
    if not order_ids:
        raise CustomerUnknown
    if not all(customers.forget(order_id) for order_id in order_ids):
        raise CacheUnavailable
    with database.begin() as db:
        if busy := people.under_way(db, school, email, now):
            raise MoveRefused(f"Orders under way that need to know the buyer: {busy}.")
        return people.forget_person(db, school, email, now, actor)
