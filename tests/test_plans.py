"""No step of a sale walks a whole table, however many payments there are: what the database would do for each statement
is asked of the database itself.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kelaspay.messages import office, send_due
from tests.security.test_privacy import thinkific_says, tidied
from tests.test_refunds import refunded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world import World

GROWING = "payments|invoices|customers|jobs|enrollments|inbox|story|messages|notices|deliveries|calls|users"
SCAN = re.compile(rf"^SCAN ({GROWING})\b(?! USING (COVERING )?INDEX)")
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
        embedded.clock.move(days=40)
        embedded.reconcile()
        send_due(letters)
        tidied(embedded)
        embedded.clock.move(days=400)
        tidied(embedded)
    assert len(statements) > 50

    found = walked(embedded.database.engine, statements)

    assert {each: plan for each, plan in found.items() if not any(part in each for part in MAY_WALK)} == {}
