"""No step of a sale walks a whole table, however many payments there are: what the database would do for each statement
is asked of the database itself.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.bench.population import populate
from kelaspay.messages import office, send_due
from tests.security.test_privacy import thinkific_says, tidied
from tests.test_marked_by_hand import asked, marked
from tests.test_refunds import refunded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World

GROWING = "payments|invoices|customers|jobs|enrollments|inbox|story|messages|notices|deliveries|calls|users"
SCAN = re.compile(rf"^SCAN ({GROWING})\b(?! USING (COVERING )?INDEX)")
MANY = 1_000
"""Payments. To look at one takes more than one instruction."""
MAY_WALK = (
    "SELECT inbox.id FROM inbox WHERE inbox.received_at <",  # what has had its time is looked for without a lock
    "SELECT messages.id FROM messages WHERE messages.raised_at <",
    "FROM calls ORDER BY calls.id LIMIT",  # the first few only
)


@contextmanager
def noted(engine: sa.Engine) -> Iterator[dict[str, Any]]:
    """Each statement that is run meanwhile, once, with values of one of its runs."""
    found: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        found[statement] = parameters[0] if many else parameters

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def walked(engine: sa.Engine, statements: dict[str, Any]) -> dict[str, list[str]]:
    """The statements that would read all of a growing table, with what the database says of them."""
    plans = {}
    with engine.connect() as connection:
        for statement, values in statements.items():
            if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
                plans[" ".join(statement.split())] = [row.detail for row in rows if SCAN.match(row.detail)]
    return {statement: plan for statement, plan in plans.items() if plan}


@contextmanager
def counted(engine: sa.Engine) -> Iterator[list[str]]:
    """One word for every hundred instructions that SQLite carries out meanwhile."""
    done: list[str] = []
    asked: list[Any] = []

    def count(connection: sa.Connection) -> None:
        asked.append(connection.connection.driver_connection)
        asked[-1].set_progress_handler(lambda: done.append("a hundred"), 100)

    sa.event.listen(engine, "engine_connect", count)
    try:
        yield done
    finally:
        sa.event.remove(engine, "engine_connect", count)
        for connection in asked:
            connection.set_progress_handler(None, 100)


def test_a_pass_of_reconcile_costs_the_same_however_many_payments_are_completed(embedded: World) -> None:
    with counted(embedded.database.engine) as of_none:
        embedded.reconcile()
    populate(embedded.database, waiting=[], completed=MANY, now=embedded.clock())
    with counted(embedded.database.engine) as of_many:
        embedded.reconcile()

    assert len(of_many) < len(of_none) + MANY / 100


def test_no_step_of_a_sale_walks_a_whole_table(embedded: World) -> None:
    embedded.sell()
    letters = office(embedded.outside.settings, embedded.outside.schools.profile, embedded.database, embedded.clock)
    with noted(embedded.database.engine) as statements:
        order_id = embedded.buy_and_pay()
        embedded.work()
        embedded.buy_and_pay(offer="web-fundamentals", customer_email="budi@example.com")
        again = embedded.buy_and_pay()
        embedded.work()
        embedded.buy(customer_email="lama@example.com")
        enrollment = embedded.enrollment(order_id)
        assert enrollment is not None
        thinkific_says(embedded, {"id": enrollment.user_id, "email": "siti.baru@example.com"})
        refunded(embedded, again)
        send_due(letters)
        beside = embedded.buy(customer_email="tunai@example.com", payment_method="BC")
        marked(embedded, beside)
        embedded.call_back(embedded.duitku.pay(beside))
        asked(embedded)
        embedded.clock.move(days=40)
        embedded.reconcile()
        send_due(letters)
        tidied(embedded)
        embedded.clock.move(days=400)
        tidied(embedded)
    assert len(statements) > 50
    assert embedded.payment(beside).attention is not None

    found = walked(embedded.database.engine, statements)

    assert {each: plan for each, plan in found.items() if not any(part in each for part in MAY_WALK)} == {}
