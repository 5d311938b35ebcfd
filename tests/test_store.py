"""The store on both databases: migrations and tables agree, times are aware, a move is one conditional statement."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from kelaspay.faults import DatabaseUnavailable
from kelaspay.migrate import migrate
from kelaspay.migrations import config, current
from kelaspay.payment import (
    NEXT,
    Customer,
    MerchantOrderId,
    Payment,
    Rupiah,
    Status,
    before,
    folded,
    new_merchant_order_id,
    new_public_id,
)
from kelaspay.store import inbox, payments
from kelaspay.store.database import Database, Db, UtcDateTime
from kelaspay.store.inbox import Event
from kelaspay.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SITI = Customer("Siti Rahmawati", "siti@example.com", "+6281234567890")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database in which nothing is yet."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/empty.db" if sqlite else request.getfixturevalue("fresh_postgres")
    with closing(Database(url)) as database:
        yield database


@pytest.fixture
def database(urls: tuple[str, str | None]) -> Iterator[Database]:
    """A migrated database."""
    with closing(Database(urls[0])) as made:
        yield made


def schema(database: Database) -> dict[str, list[str]]:
    inspector = sa.inspect(database.engine)
    return {name: [column["name"] for column in inspector.get_columns(name)] for name in inspector.get_table_names()}


def test_the_migrations_make_the_tables_that_the_code_knows(empty: Database) -> None:
    settings = config()
    with empty.engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        options = {"compare_type": True, "compare_server_default": True}
        different = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert different == []


def test_the_migrations_run_once_and_then_do_nothing(empty: Database) -> None:
    before_all = current(empty)
    migrate(empty)
    made, revision = schema(empty), current(empty)
    migrate(empty)

    assert before_all[0] is None
    assert revision[0] == revision[1] == before_all[1]
    assert set(metadata.tables) < set(made)
    assert schema(empty) == made
    assert current(empty) == revision


def test_processes_that_start_at_the_same_moment_migrate_once(empty: Database) -> None:
    def start(_number: int) -> None:
        with closing(Database(empty.url)) as database:
            migrate(database)

    with ThreadPoolExecutor(4) as starting:
        list(starting.map(start, range(4)))

    assert current(empty)[0] == current(empty)[1]


def test_a_database_that_cannot_be_reached_is_a_passing_fault() -> None:
    with closing(Database("postgresql://nobody@127.0.0.1:1/none")) as away:
        for ask in (migrate, current):
            with pytest.raises(DatabaseUnavailable):
                ask(away)
        with pytest.raises(DatabaseUnavailable), away.begin():
            pass
        with pytest.raises(DatabaseUnavailable), away.read():
            pass


def test_sqlite_is_as_durable_as_it_can_be(sqlite_url: str) -> None:
    with closing(Database(sqlite_url)) as database, database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_server_that_goes_silent_holds_up_its_connections_for_half_a_minute_at_most(postgres_url: str) -> None:
    made = Database(postgres_url)
    with made.read() as db, socket.socket(fileno=os.dup(_opened(db).fileno())) as wire:
        unanswered = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        asked = [
            wire.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ]
    made.close()

    assert unanswered == 20_000
    assert asked == [15, 5, 3]


def _opened(db: Db) -> Any:
    """The driver's own connection."""
    return db.connection.dbapi_connection


# Times.


def test_a_naive_time_is_refused_before_it_is_kept(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="naive"), database.begin() as db:
        payments.tell(db, "KP1", datetime(2026, 11, 23, 2, 0), "test", "told")  # noqa: DTZ001 - that is the point

    assert story(database, "KP1") == []


@given(time=st.datetimes(timezones=st.timezones()))
def test_any_aware_time_is_kept_as_utc(time: datetime) -> None:
    kept = UtcDateTime().process_bind_param(time, sa.dialects.sqlite.dialect())

    assert kept is not None
    assert kept.timestamp() == time.timestamp()
    assert kept.tzinfo is UTC


def test_an_event_with_a_naive_time_is_refused_before_it_is_kept(database: Database) -> None:
    naive = NOW.replace(tzinfo=None)
    event = Event("duitku", "0" * 64, None, None, None, None, None, "text/plain", b"", naive)

    with pytest.raises(ValueError, match="naive"), database.begin() as db:
        inbox.keep(db, [event])


def test_a_time_comes_back_as_it_went_in_aware_and_in_utc(database: Database) -> None:
    at = datetime(2026, 11, 23, 9, 0, 0, 123_456, timezone(timedelta(hours=7)))
    with database.begin() as db:
        payments.tell(db, "KP1", at, "test", "told")

    [(found, _what)] = story(database, "KP1")
    assert found == at
    assert found.tzinfo is UTC


def story(database: Database, order_id: str) -> list[tuple[Any, str]]:
    with database.read() as db:
        return [(row.at, row.what) for row in payments.read_story(db, order_id)]


# Moves between states.


def made(status: Status) -> Payment:
    return Payment(
        merchant_order_id=new_merchant_order_id(NOW),
        public_id=new_public_id(),
        offer="kelas",
        product_details="Kelas",
        payment_amount=Rupiah(150_000),
        status=status,
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def put(database: Database, status: Status) -> MerchantOrderId:
    """A payment in this state."""
    payment = made(status)
    with database.begin() as db:
        payments.add_payment(db, payment, SITI, idempotency_key=None, digest="", lease=None)
    return payment.merchant_order_id


def status_of(database: Database, order_id: str) -> Status:
    with database.read() as db:
        found = payments.find_payment(db, order_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("status", Status)
def test_a_payment_moves_where_the_table_of_moves_says_and_nowhere_else(database: Database, status: Status) -> None:
    for to in Status:
        order_id = put(database, status)
        with database.begin() as db:
            moved = payments.move(db, order_id, to, NOW, actor="test", paid_at=NOW)
        allowed = to in NEXT[status]

        assert moved is allowed
        assert status_of(database, order_id) == (to if allowed else status)
        assert [what for _at, what in story(database, order_id)] == ["created", to][: 2 if allowed else 1]


def test_the_invoice_of_an_order_that_nobody_claims_can_be_made_in_the_same_millisecond(database: Database) -> None:
    with database.begin() as db:
        orders = [made(Status.PENDING) for _ in range(50)]
        claimed = []
        for order in orders:
            payments.add_payment(db, order, SITI, idempotency_key=None, digest="", lease=None)
            claimed.append(payments.claim_invoice(db, order.merchant_order_id, 60))

    assert claimed == [True] * len(orders)


def test_every_state_has_its_moves_and_none_leads_to_itself_or_back_to_pending() -> None:
    assert set(NEXT) == set(Status)
    for status in Status:
        assert status not in NEXT[status]
        assert Status.PENDING not in NEXT[status]
        assert set(before(status)) == {state for state in Status if status in NEXT[state]}


def test_no_late_news_takes_a_paid_payment_back() -> None:
    unpaid = {Status.PENDING, Status.EXPIRED, Status.FAILED}
    for status in (Status.PAID, Status.COMPLETED, Status.REFUNDED, Status.REVIEW):
        assert not NEXT[status] & unpaid


def test_of_many_who_move_a_payment_at_once_one_wins(database: Database) -> None:
    order_id = put(database, Status.PENDING)

    def pay(_number: int) -> bool:
        with database.begin() as db:
            return payments.move(db, order_id, Status.PAID, NOW, actor="test")

    with ThreadPoolExecutor(8) as paying:
        won = list(paying.map(pay, range(8)))

    assert won.count(True) == 1
    assert [what for _at, what in story(database, order_id)] == ["created", "paid"]


def test_what_a_transaction_that_failed_did_is_undone(database: Database) -> None:
    order_id = put(database, Status.PENDING)

    def fail_in_the_middle() -> None:
        with database.begin() as db:
            assert payments.move(db, order_id, Status.PAID, NOW, actor="test")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()

    assert status_of(database, order_id) == Status.PENDING


# Ids and names.


@given(now=st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_an_order_id_starts_with_letters_and_is_short_enough_for_duitku(now: datetime) -> None:
    ids = {new_merchant_order_id(now) for _ in range(20)}

    assert len(ids) == 20
    assert all(each[:2] == "KP" and len(each) <= 50 and each.isascii() and each.isprintable() for each in ids)


@given(name=st.text(max_size=60))
def test_folding_a_name_twice_changes_nothing_more(name: str) -> None:
    assert folded(folded(name)) == folded(name)
    assert folded(f"  {name.upper()}\t ") == folded(name.upper())
