"""How long the console's lists take with very many payments: `python bench/console_lists.py sqlite:///bench.db`.

The database that is named is filled when it is empty, by statements that make the rows inside it. Each page is then
asked for through the web application, as an operator's browser would, and the median is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from starlette.testclient import TestClient

from kelaspay.app import create_app
from kelaspay.inbox import Inbox
from kelaspay.migrate import migrate
from kelaspay.operators import accept, invite
from kelaspay.outside import opened
from kelaspay.settings import load
from kelaspay.store.operators import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.outside import Outside
    from kelaspay.store.database import Database

PAYMENTS = 1_000_000
BASE = "http://localhost:8000"
WARMING = 2
ASKS = 15
PASSWORD = "a password for measuring"  # noqa: S105 - of a database that is thrown away

SERIES = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :count) {} FROM s",
    "postgresql": "{} FROM generate_series(1, CAST(:count AS bigint)) AS s(n)",
}
AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ((:count - n) * 31536000.0 / :count + {}) || ' seconds')",
    "postgresql": "now() - make_interval(secs => (CAST(:count AS float) - n) * 31536000.0 / :count + {})",
}
PAD = {"sqlite": "printf('%016d', n)", "postgresql": "lpad(CAST(n AS text), 16, '0')"}
STATUS = (
    "CASE WHEN n > :count * 0.995 AND n % 3 = 0 THEN 'pending' WHEN n % 10 < 3 THEN 'expired' WHEN n % 50 = 7 "
    "THEN 'failed' WHEN n % 5003 = 0 THEN 'review' WHEN n % 9001 = 0 THEN 'paid' ELSE 'completed' END"
)
PAID = f"({STATUS}) IN ('review', 'paid', 'completed')"
ID = "'KP251123-' || {pad}"


@dataclass(frozen=True, slots=True)
class Figure:
    """What one page took, in milliseconds."""

    database: str
    page: str
    median_ms: float
    slowest_ms: float


def fill(database: Database, count: int) -> None:
    """Make `count` payments over a year with all that hangs on them; a database that has some is left as it is."""
    dialect = "postgresql" if database.postgresql else "sqlite"
    with database.begin() as db:
        if db.execute(sa.text("SELECT 1 FROM payments LIMIT 1")).first() is not None:
            return
        for statement in _statements(dialect):
            db.execute(sa.text(statement), {"count": count})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def _statements(dialect: str) -> Iterator[str]:
    series, pad = SERIES[dialect], PAD[dialect]
    order_id, made, later = ID.format(pad=pad), AT[dialect].format("120"), AT[dialect].format("60")

    def insert(table: str, values: dict[str, str], where: str = "") -> str:
        select = series.format(f"SELECT {', '.join(values.values())}")
        body = f"INSERT INTO {table} ({', '.join(values)}) {select}"
        return f"{body} WHERE {where}" if where else body

    paid_at = f"CASE WHEN {PAID} THEN {later} END"
    yield insert(
        "payments",
        {
            "merchant_order_id": order_id,
            "public_id": pad,
            "offer": "'offer-' || (n % 20)",
            "product_details": "'Kelas nomor ' || (n % 20)",
            "payment_amount": "99000 + (n % 7) * 50000",
            "payment_method": "CASE n % 4 WHEN 0 THEN 'BC' WHEN 1 THEN 'SP' WHEN 2 THEN 'I1' ELSE 'OV' END",
            "status": STATUS,
            "reference": f"'D0001' || {pad}",
            "attention": f"CASE WHEN ({STATUS}) = 'review' THEN 'course_unmapped' END",
            "created_at": made,
            "expires_at": later,
            "paid_at": paid_at,
            "completed_at": f"CASE WHEN ({STATUS}) = 'completed' THEN {later} END",
        },
    )
    yield insert(
        "customers",
        {
            "merchant_order_id": order_id,
            "name": "'Pembeli Nomor ' || (n / 3)",
            "email": "'pembeli' || (n / 3) || '@example.com'",
            "phone": "'+628' || (1000000000 + n / 3)",
        },
    )
    yield insert(
        "invoices",
        {
            "merchant_order_id": order_id,
            "reference": f"'D0001' || {pad}",
            "payment_method": "'BC'",
            "payment_url": "'https://example.com/'",
            "va_number": "'7007' || (1000000000000 + n)",
            "made_at": made,
        },
    )
    yield insert(
        "enrollments",
        {
            "merchant_order_id": order_id,
            "state": f"CASE ({STATUS}) WHEN 'review' THEN 'blocked' WHEN 'paid' THEN 'pending' ELSE 'enrolled' END",
            "user_id": "n / 3",
            "course_id": "n % 20",
            "enrolled_at": paid_at,
        },
        PAID,
    )
    yield insert(
        "jobs",
        {
            "merchant_order_id": order_id,
            "run": "1",
            "active": {"sqlite": "n % 9001 = 0", "postgresql": "n % 9001 = 0"}[dialect],
            "wake_at": later,
            "attempts": "1",
            "fault": f"CASE ({STATUS}) WHEN 'review' THEN 'course_unmapped' WHEN 'paid' THEN 'thinkific_busy' END",
        },
        PAID,
    )
    yield insert(
        "inbox",
        {
            "source": "'duitku'",
            "digest": pad,
            "merchant_order_id": order_id,
            "result_code": "'00'",
            "receipt": f"'D0001' || {pad}",
            "amount": "99000",
            "content_type": "'application/x-www-form-urlencoded'",
            "body": {"sqlite": "x'61'", "postgresql": "CAST('a' AS bytea)"}[dialect],
            "received_at": later,
            "started_at": later,
            "outcome": "'started'",
        },
        PAID,
    )
    yield insert(
        "messages",
        {
            "merchant_order_id": order_id,
            "kind": "'access_ready'",
            "state": "CASE WHEN n % 4001 = 0 THEN 'failed' ELSE 'sent' END",
            "due_at": later,
            "attempts": "1",
            "recipient": "'pembeli' || (n / 3) || '@example.com'",
            "subject": "'Akses kelas siap'",
            "raised_at": later,
            "sent_at": later,
        },
        PAID,
    )


def pages(count: int) -> dict[str, str]:
    """What an operator looks at, by a name for it."""
    n = count // 2 + 1
    payments = "/console/payments"
    return {
        "Home": "/console",
        "Payments": payments,
        "Payments, page 1000 or so": f"{payments}?after=2026-06-01T00:00:00%2B00:00~KP251123-{n:016d}",
        "Payments completed": f"{payments}?status=completed",
        "Payments in review": f"{payments}?status=review",
        "Payments refunded (none)": f"{payments}?status=refunded",
        "Payments not enrolled": f"{payments}?need=not_enrolled",
        "Payments blocked": f"{payments}?need=blocked",
        "Payments enrolled": f"{payments}?access=enrolled",
        "Payments whose access is blocked": f"{payments}?access=blocked",
        "Payments of an offer": f"{payments}?offer=offer-7",
        "Payments of a method": f"{payments}?method=OV",
        "Payments of an offer, a method, in review": f"{payments}?offer=offer-7&method=OV&status=review",
        "Payments of an offer that sold nothing": f"{payments}?offer=none",
        "Payments of two days": f"{payments}?since=2026-06-01&until=2026-06-02",
        "Search by order id": f"{payments}?q=KP251123-{n:016d}",
        "Search by e-mail": f"{payments}?q=pembeli{n // 3}@example.com",
        "Search by phone": f"{payments}?q=08{1_000_000_000 + n // 3}",
        "Search by name": f"{payments}?q=Nomor%20{(count - 50) // 3}",
        "Search by VA number": f"{payments}?q=7007{1_000_000_000_000 + n}",
        "Search by Duitku reference": f"{payments}?q=D0001{n:016d}",
        "One payment": f"{payments}/KP251123-{n:016d}",
        "Events": "/console/events",
        "Jobs tried again": "/console/jobs",
        "Jobs given up": "/console/jobs?state=dead",
        "Customers, by e-mail": f"/console/customers?q=pembeli{n // 3}@example.com",
        "One customer": f"/console/customers/pembeli{n // 3}@example.com",
        "Audit": "/console/audit",
    }


def measure(url: str, count: int = PAYMENTS) -> list[Figure]:
    """Fill the database at `url` if it is empty, and time every page."""
    with tempfile.TemporaryDirectory() as folder:
        key = "a key for measuring, long enough"
        settings = load(app_base_url=BASE, data_dir=Path(folder), database_url=url, redis_url=None, secret_key=key)
        with opened(settings) as outside:
            migrate(outside.database)
            fill(outside.database, count)
            inbox = Inbox(outside.database, outside.now)
            try:
                with TestClient(create_app(outside, inbox, lambda *_: None), base_url=BASE) as web:
                    web.cookies.set("kelaspay_session", _session(outside))
                    return [_timed(web, outside, name, path) for name, path in pages(count).items()]
            finally:
                inbox.close()


def _session(outside: Outside) -> str:
    now = outside.now()
    token = invite(outside.database, email="bench@example.com", name="bench", role=Role.OWNER, now=now)
    return accept(outside.database, token, PASSWORD, address="bench", now=now).token


def _timed(web: TestClient, outside: Outside, name: str, path: str) -> Figure:
    took = []
    for _ in range(WARMING + ASKS):
        began = time.perf_counter()
        answer = web.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:  # noqa: PLR2004 - a page that failed was not timed
            raise RuntimeError(f"{path}: {answer.status_code}")
    kept = took[WARMING:]
    which = "PostgreSQL" if outside.database.postgresql else "SQLite"
    return Figure(which, name, round(statistics.median(kept), 1), round(max(kept), 1))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("url", help="sqlite:///FILE or postgresql://…; filled when empty")
    asked.add_argument("--payments", type=int, default=PAYMENTS)
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    figures = measure(given.url, given.payments)
    if given.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
        return
    for figure in figures:
        print(f"{figure.median_ms:>8.1f} ms  (slowest {figure.slowest_ms:>7.1f})  {figure.page}")


if __name__ == "__main__":
    main()
