"""Send at most once what Thinkific neither knows again nor can be asked about (thinkific.md 2.10): sales and refunds.

The right to send is taken once and for all in the last moment before sending, and given back only when the request
surely was not taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kelaspay.faults import (
    Superseded,
    ThinkificBusy,
    ThinkificRefused,
    ThinkificUnauthorized,
    ThinkificUnavailable,
    ThinkificUnreachable,
)
from kelaspay.payment import ExternalOrderState
from kelaspay.store import enrollments

if TYPE_CHECKING:
    from collections.abc import Callable

    from kelaspay.payment import MerchantOrderId
    from kelaspay.school import School

NOT_TAKEN = (ThinkificUnreachable, ThinkificBusy, ThinkificUnauthorized)
Column = Literal["external_order_state", "refund_state"]
"""Where it stands who may send, and what became of it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it: recorded with Thinkific's id where there is one, refused, or not known."""

    state: ExternalOrderState
    id: int | None = None
    why: str | None = None


def send_once(
    merchant_order_id: MerchantOrderId,
    column: Column,
    send: Callable[[Callable[[], None]], int | None],
    *,
    school: School,
    guard: Callable[[], None],
) -> Sent:
    """Call `send` with the guard that takes the right to. Raises `Superseded` when another has it, and what says that
    the request surely was not taken: then it may be repeated.
    """
    claimed = False

    def last_moment() -> None:
        nonlocal claimed
        guard()
        with school.database.begin() as db:
            claimed = enrollments.claim_once(db, merchant_order_id, column)
        if not claimed:
            raise Superseded(merchant_order_id=merchant_order_id)

    try:
        return Sent(ExternalOrderState.RECORDED, send(last_moment))
    except NOT_TAKEN:
        if claimed:  # another process's claim is not ours to give back
            with school.database.begin() as db:
                enrollments.release_once(db, merchant_order_id, column)
        raise
    except ThinkificUnavailable as fault:
        return Sent(ExternalOrderState.UNKNOWN, why=str(fault))
    except ThinkificRefused as fault:
        return Sent(ExternalOrderState.REFUSED, why=str(fault))
