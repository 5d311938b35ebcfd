"""What no event put right: asked after sparsely, and whatever is paid and not enrolled is set going however it came
about.
"""

from __future__ import annotations

import io
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from kelaspay.payment import Attention, EnrollmentState, Status
from kelaspay.reconcile import BATCH, HOURLY_BUDGET, Reconciled, reconcile
from kelaspay.revoke import ask_to_end, ask_to_revoke
from kelaspay.store import tables
from tests.databases import BOTH, ON_SQLITE
from tests.twin import queue
from tests.world import COURSE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from kelaspay.payment import MerchantOrderId
    from tests.world import World

SITI = ("siti@example.com", COURSE)
EVERY = 300.0
"""Seconds between two passes, as they are set by default."""


def pass_by(world: World, *, every: float = EVERY, **time: float) -> None:
    """Let time pass with the pass coming round as it does, or more rarely, and the work that it sets going."""
    end = world.clock() + timedelta(**time)
    while world.clock() < end:
        world.clock.move(seconds=every)
        world.reconcile()
        world.work()


def asked_at(world: World) -> list[datetime]:
    return [call.time for call in world.duitku.calls if "transactionstatus" in call.path.lower()]


def in_sql(world: World, *statements: Any) -> None:
    """Somebody's hand in the database."""
    with world.database.begin() as db:
        for statement in statements:
            db.execute(statement)


def everything(world: World) -> list[Any]:
    with world.database.read() as db:
        return [db.execute(sa.select(table)).all() for table in (*tables.metadata.sorted_tables, queue)]


class Stumbling:
    """Duitku behind a line that breaks, in a way that nobody foresaw, at what is asked of one order."""

    def __init__(self, world: World, order_id: str) -> None:
        self._duitku = world.duitku
        self._order_id = order_id.encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = environ["wsgi.input"].read()
        if self._order_id in asked:
            raise LookupError("nobody foresaw this")
        return self._duitku(environ | {"wsgi.input": io.BytesIO(asked)}, start_response)


# asking


def test_nobody_asks_while_the_buyer_can_be_expected_to_be_still_paying(world: World) -> None:
    world.sell()
    world.buy()

    pass_by(world, minutes=55)

    assert asked_at(world) == []


@pytest.mark.parametrize(
    ("urls", "method"),
    [*((BOTH[0], method) for method in (..., "BC", "SP", "VC", "AT")), (BOTH[1], ...)],  # the database knows no methods
    indirect=["urls"],
)
def test_an_unpaid_payment_is_asked_after_six_times_at_the_most_with_growing_gaps(world: World, method: Any) -> None:
    world.sell()
    order_id = world.buy(payment_method=method)
    made = world.clock()

    pass_by(world, hours=3)
    pass_by(world, days=4, every=900.0)

    times = [made, *asked_at(world)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert 3 <= len(gaps) <= 6
    assert gaps == sorted(gaps)
    assert gaps[0] >= timedelta(minutes=10)
    assert world.status(order_id) == "expired"


def test_a_lost_callback_is_found(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.duitku.pay(order_id)

    pass_by(world, hours=2)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]
    assert world.duitku_asks() == 1


def test_what_lapsed_expires(world: World) -> None:
    world.sell()
    order_id = world.buy(payment_method="SP")

    pass_by(world, minutes=70)

    assert world.status(order_id) == "expired"
    assert world.duitku_asks() == 1


@ON_SQLITE
def test_all_payments_together_are_asked_after_no_more_than_the_hours_budget(world: World) -> None:
    world.sell()
    many = HOURLY_BUDGET + 15
    for each in range(many):
        world.buy(customer_email=f"buyer{each}@example.com")
    world.clock.move(hours=1)

    for _ in range(6):
        world.reconcile()
    within = world.duitku_asks()
    world.clock.move(hours=1, seconds=1)
    world.reconcile()

    assert within == HOURLY_BUDGET
    assert world.duitku_asks() == many


def test_an_ask_that_was_not_answered_is_not_used_up_and_an_outage_costs_few(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.duitku.pay(order_id)
    world.duitku.switches.down = True
    pass_by(world, hours=20)
    tried = world.duitku_asks()
    world.duitku.switches.down = False

    pass_by(world, hours=16)

    assert tried <= 20
    assert world.enrolled() == [SITI]


@pytest.mark.parametrize("status", [429, 403])
def test_a_duitku_that_has_blocked_us_is_left_alone_for_the_hour(world: World, status: int) -> None:
    world.duitku.switches.rate_limit, world.duitku.switches.block_status = 0, status
    world.sell()
    order_id = world.buy()
    world.duitku.pay(order_id)

    pass_by(world, hours=1, minutes=50)
    while_blocked = world.duitku_asks()
    world.duitku.switches.rate_limit = None
    pass_by(world, hours=3)

    assert while_blocked == 1
    assert world.enrolled() == [SITI]


@pytest.mark.parametrize("urls", [BOTH[0]], indirect=True)
def test_an_answer_that_cannot_be_decoded_is_none_and_holds_nothing_else_up(world: World) -> None:
    world.sell()
    stopped = world.buy_and_pay()
    world.hand_over()
    in_sql(world, tables.jobs.delete(), queue.delete())
    in_sql(world, sa.update(tables.payments).values(status="paid"))
    asked_after = world.buy(customer_email="budi@example.com")
    world.duitku.fail_next("transactionStatus", "200-garbled")
    world.clock.move(hours=1)

    done = world.reconcile()

    assert (done.stopped_by, done.restarted) == ("duitku_unavailable", [stopped])
    assert world.status(asked_after) == "pending"


@pytest.mark.parametrize("urls", [BOTH[0]], indirect=True)
def test_an_error_that_nobody_foresaw_at_one_payment_leaves_the_others_theirs(world: World) -> None:
    world.sell()
    odd = world.buy()
    world.clock.move(minutes=1)
    other = world.buy(customer_email="budi@example.com")
    world.duitku.pay(other)
    world.hosts.put("duitku", Stumbling(world, odd))
    world.clock.move(hours=1)

    done = world.reconcile()

    assert (done.asked, done.paid) == ([odd, other], [other])


@pytest.mark.parametrize("urls", [BOTH[0]], indirect=True)
@pytest.mark.parametrize("page", ["404-html", "403-html"])
def test_a_page_of_the_edges_in_front_of_duitku_says_nothing_of_any_order(world: World, page: str) -> None:
    world.sell()
    order_id = world.buy()
    world.duitku.fail_next("transactionStatus", page)
    world.clock.move(days=1, minutes=7)

    done = world.reconcile()

    assert done.stopped_by == "duitku_unavailable"
    assert world.status(order_id) == "pending"
    assert "expired" not in world.story(order_id)


def test_a_pass_that_another_process_begins_meanwhile_asks_nothing_twice(world: World) -> None:
    world.sell()
    world.buy()
    world.clock.move(hours=1)
    others: list[Reconciled] = []

    first = reconcile(
        database=world.database,
        school_of=world.school_of,
        start=world.engine.start,
        enqueue=world.engine.enqueue,
        alive=world.engine.alive,
        now=world.clock,
        seen=lambda: others.append(world.reconcile()),  # the first was slow, and lost its lease
    )

    assert [len(done.asked) for done in (first, *others)] == [0, 1]
    assert world.duitku_asks() == 1


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(world: World) -> None:
    world.sell()
    asked = world.buy(customer_email="first@example.com")
    world.duitku.pay(asked)
    stuck = world.buy_and_pay()
    world.hand_over()
    world.engine.run_due()
    in_sql(world, sa.update(tables.payments).where(tables.payments.c.merchant_order_id == stuck).values(status="paid"))
    world.clock.move(hours=1)
    before, calls = everything(world), len(world.duitku.calls)

    said = world.reconcile(dry_run=True)

    assert (said.asked, said.restarted) == ([asked], [stuck])
    assert everything(world) == before
    assert len(world.duitku.calls) == calls


# setting going


@pytest.mark.parametrize(
    "hand",
    [
        sa.delete(tables.jobs),
        sa.update(tables.jobs).values(active=False),
        sa.update(tables.jobs).values(active=False, holder="gone/1", lease_until=0.0, fault="defect"),
    ],
    ids=["deleted", "inactive", "stopped"],
)
def test_a_paid_payment_without_work_is_set_going(world: World, hand: Any) -> None:
    order_id = paid_and_waiting(world)
    world.engine.forget(order_id)
    in_sql(world, hand)

    pass_by(world, minutes=10)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


def test_a_payment_made_paid_in_sql_is_set_going(world: World) -> None:
    world.sell()
    order_id = world.buy()
    in_sql(world, sa.update(tables.payments).values(status=Status.PAID))

    pass_by(world, minutes=10)

    assert world.status(order_id) == "completed"
    assert world.enrolled() == [SITI]


def test_a_run_that_the_engine_lost_is_started_again(world: World) -> None:
    order_id = paid_and_waiting(world)
    world.engine.forget(order_id)
    world.clock.move(hours=1)

    said = world.reconcile()
    world.work()

    assert said.restarted == [order_id]
    assert world.enrolled() == [SITI]


def test_a_run_that_only_waits_in_a_long_queue_is_left_to_the_engine(world: World) -> None:
    paid_and_waiting(world)
    world.clock.move(hours=1)

    said = world.reconcile()

    assert said.restarted == []


def test_what_stopped_for_a_reason_is_left_to_a_person(world: World) -> None:
    world.offer("web-fundamentals", COURSE)
    order_id = world.buy_and_pay()
    world.work()

    pass_by(world, hours=2)

    assert world.status(order_id) == "review"
    assert world.story(order_id).count("review") == 1


def test_a_lost_run_is_found_behind_a_long_line_of_those_that_wait(embedded: World) -> None:
    world = embedded
    world.sell()
    orders = [world.buy_and_pay(customer_email=f"b{number}@example.com") for number in range(BATCH + 5)]
    while world.hand_over():
        pass
    world.clock.move(minutes=10)
    world.engine.forget(orders[-1])

    restarted = [world.reconcile().restarted for _ in range(40)]

    assert [found for found in restarted if found] == [[orders[-1]]]


def test_a_refund_whose_work_was_lost_is_set_going(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    ask_to_revoke(
        order_id, database=world.database, start=world.engine.start, now=world.clock, reason="asked", actor="operator"
    )
    lose(world, order_id)

    pass_by(world, minutes=10)

    assert ended(world, order_id)
    assert world.enrolled() == []


def test_an_end_whose_work_was_lost_is_set_going_once(world: World) -> None:
    order_id = enrolled_and_to_end(world)
    lose(world, order_id)
    world.clock.move(minutes=5)

    would = world.reconcile(dry_run=True)
    passes = [world.reconcile(), world.reconcile()]
    world.work()
    after = world.reconcile()

    assert [said.restarted for said in (would, *passes, after)] == [[order_id], [order_id], [], []]
    assert ended(world, order_id)
    assert world.enrolled() == []
    assert world.status(order_id) == "completed"
    assert world.story(order_id).count("revoked") == 1


def test_an_end_whose_process_died_before_it_was_written_down_is_set_going_again(world: World) -> None:
    order_id = enrolled_and_to_end(world)
    world.work()
    in_sql(world, sa.update(tables.enrollments).values(state=EnrollmentState.ENROLLED, revoked_at=None))
    lose(world, order_id)

    pass_by(world, minutes=10)

    assert ended(world, order_id)
    assert world.enrolled() == []


def test_an_end_that_thinkific_refused_is_left_to_a_person(world: World) -> None:
    order_id = enrolled_and_to_end(world)
    world.thinkific.fail_next("PUT", "/enrollments", "422")
    world.work()

    pass_by(world, hours=2)

    assert not ended(world, order_id)
    assert world.enrolled() == [SITI]
    assert world.payment(order_id).attention is Attention.THINKIFIC_REFUSED


def enrolled_and_to_end(world: World) -> MerchantOrderId:
    """In the course, and asked to be out of it; the money stays."""
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    ask_to_end(
        order_id, database=world.database, start=world.engine.start, now=world.clock, reason="asked", actor="operator"
    )
    return order_id


def lose(world: World, order_id: MerchantOrderId) -> None:
    """An order's work, as a database does that was put back from an old copy."""
    world.engine.forget(order_id)
    in_sql(world, sa.delete(tables.jobs))


def ended(world: World, order_id: MerchantOrderId) -> bool:
    enrollment = world.enrollment(order_id)
    return enrollment is not None and enrollment.state is EnrollmentState.REVOKED


def paid_and_waiting(world: World) -> MerchantOrderId:
    """Paid, and put off for a moment because Thinkific did not answer."""
    world.sell()
    world.thinkific.fail_next("POST", "/users", "503")
    order_id = world.buy_and_pay()
    world.work()
    assert world.status(order_id) == "paid"
    return order_id
