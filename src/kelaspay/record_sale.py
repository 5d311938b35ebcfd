"""Record a sale with Thinkific, so that the school counts it; at most once, for nobody could take back a second one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kelaspay.once import send_once
from kelaspay.payment import Attention, ExternalOrderState
from kelaspay.store import enrollments, offers, payments, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.once import Sent
    from kelaspay.payment import Enrollment, MerchantOrderId, Payment
    from kelaspay.school import School
    from kelaspay.store.database import Db

STOPPED = "its sender stopped before the answer"


def record_sale(merchant_order_id: MerchantOrderId, *, school: School, guard: Callable[[], None]) -> None:
    """Record the sale with Thinkific, at most once.

    Where the answer was lost a person is told; the buyer's access does not wait for it.
    """
    with school.database.read() as db:
        payment, wanted = enrollments.given(db, merchant_order_id)
        product_id = _product_id(db, payment, wanted)
        copied = restored.was_under_way(db, merchant_order_id)
    if wanted.external_order_state is ExternalOrderState.SENDING:
        if not _given_up(merchant_order_id, school=school):  # it was written down, or the right to send given back
            record_sale(merchant_order_id, school=school, guard=guard)
        return
    if product_id is None or not school.external_orders or wanted.external_order_state is not None:
        return
    if payment.free:  # no money came in that the school could count
        return
    if copied:
        with school.database.begin() as db:
            sale_unknown(db, merchant_order_id, "it may have been sent before the restore", school.now())
        return
    send = partial(
        school.thinkific.create_external_order,
        wanted.user_id or 0,
        product_id,
        amount=payment.payment_amount,
        reference=merchant_order_id,
    )
    sent = send_once(
        merchant_order_id, "external_order_state", lambda last: send(guard=last), school=school, guard=guard
    )
    _write_sale_down(merchant_order_id, sent, school=school)


def _given_up(merchant_order_id: MerchantOrderId, *, school: School) -> bool:
    """Whether a sale that another run was sending is not written down until now; then a person is told."""
    with school.database.begin() as db:
        _payment, wanted = enrollments.given(db, merchant_order_id)
        if wanted.external_order_state is not ExternalOrderState.SENDING:
            return False
        sale_unknown(db, merchant_order_id, STOPPED, school.now())
        return True


def _write_sale_down(merchant_order_id: MerchantOrderId, sent: Sent, *, school: School) -> None:
    at = school.now()
    with school.database.begin() as db:
        if sent.state is ExternalOrderState.UNKNOWN:
            sale_unknown(db, merchant_order_id, sent.why or "", at)
            return
        enrollments.save_enrollment(db, merchant_order_id, external_order_state=sent.state, external_order_id=sent.id)
        if sent.state is ExternalOrderState.REFUSED:
            payments.tell(db, merchant_order_id, at, "thinkific", "external_order_refused", sent.why)
            return
        payments.unflag(db, merchant_order_id, Attention.EXTERNAL_ORDER_UNKNOWN)
        payments.tell(db, merchant_order_id, at, "thinkific", "external_order", str(sent.id))


def _product_id(db: Db, payment: Payment, wanted: Enrollment) -> int | None:
    """The product that was sold, by the offer or by the catalogue; None where neither knows it."""
    if payment.product_id is not None:
        return payment.product_id
    kind, productable_id = ("Course", wanted.course_id) if wanted.bundle_id is None else ("Bundle", wanted.bundle_id)
    product = offers.product_of(db, payment.school, kind, productable_id) if productable_id is not None else None
    return product.product_id if product else None


def sale_unknown(db: Db, merchant_order_id: MerchantOrderId, why: str, now: datetime) -> None:
    """Write down that its answer was lost, and have a person look for it in the school's list."""
    enrollments.save_enrollment(db, merchant_order_id, external_order_state=ExternalOrderState.UNKNOWN)
    text = f"Whether Thinkific recorded the sale is not known: {why}"
    payments.flag(db, merchant_order_id, Attention.EXTERNAL_ORDER_UNKNOWN, text, now)
