"""Customer data in Redis or in the process, in front of the database: lost or stopped, the database answers."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from kelaspay.customers import Customers
from kelaspay.erase import erase
from kelaspay.faults import CacheUnavailable, PaymentUnknown
from kelaspay.payment import Customer, MerchantOrderId
from kelaspay.store import payments, tables
from tests.api.client import Program
from tests.servers import RedisServer
from tests.world import COURSE, OFFER, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from tests.world import World

SITI = Customer("Siti Rahmawati", "siti@example.com", "+6281234567890")
ORDER = MerchantOrderId("KP261123-x")


@pytest.fixture
def beside_redis(sqlite_url: str, fresh_redis: str, tmp_path: Path) -> Iterator[World]:
    with world_on(tmp_path, sqlite_url, fresh_redis) as made:
        yield made


def in_redis(world: World) -> redis.Redis:
    assert world.outside.cache is not None
    return world.outside.cache


def forget_in_database(world: World) -> None:
    with world.database.begin() as db:
        db.execute(tables.customers.delete())


def test_a_customer_stays_in_redis_until_after_the_invoice_has_ended(beside_redis: World) -> None:
    beside_redis.sell()
    order_id = beside_redis.buy(payment_method="BC")

    [key] = list(in_redis(beside_redis).scan_iter("kelaspay:customer:*"))
    left = timedelta(seconds=in_redis(beside_redis).ttl(key))
    invoice = beside_redis.payment(order_id).expires_at - beside_redis.clock()

    assert key == f"kelaspay:customer:{order_id}".encode()
    assert invoice < left <= invoice + timedelta(days=3)


def test_a_customer_is_recalled_from_redis_without_the_database(beside_redis: World) -> None:
    beside_redis.sell()
    order_id = beside_redis.buy()
    forget_in_database(beside_redis)

    assert beside_redis.school.customers.recall(order_id) == SITI


@pytest.mark.parametrize("found", [None, b"", b"{", b"[]", b'{"name": "Siti"}', b"\xff"])
def test_what_redis_lost_or_garbled_is_read_from_the_database(beside_redis: World, found: bytes | None) -> None:
    beside_redis.sell()
    order_id = beside_redis.buy()
    in_redis(beside_redis).flushdb()
    if found is not None:
        in_redis(beside_redis).set(f"kelaspay:customer:{order_id}", found)

    assert beside_redis.school.customers.recall(order_id) == SITI


def test_without_redis_the_process_remembers(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy()
    forget_in_database(embedded)

    assert embedded.school.customers.recall(order_id) == SITI


def test_the_process_forgets_when_the_time_is_over(embedded: World) -> None:
    customers = Customers(embedded.database, None)
    customers.remember(ORDER, SITI, 0)
    with pytest.raises(PaymentUnknown):
        customers.recall(ORDER)


def test_many_who_order_at_once_are_all_remembered(embedded: World) -> None:
    customers = Customers(embedded.database, None)

    def remember(shopper: int) -> None:
        for number in range(1500):
            customers.remember(MerchantOrderId(f"{shopper}-{number}"), SITI, 60)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as shoppers:
            list(shoppers.map(remember, range(6)))
    finally:
        sys.setswitchinterval(before)

    assert customers.recall(MerchantOrderId("5-1499")) == SITI


def test_another_process_reads_the_database(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy()

    assert Customers(embedded.database, None).recall(order_id) == SITI


def test_who_pays_for_an_unknown_order_is_unknown(world: World) -> None:
    with pytest.raises(PaymentUnknown):
        world.school.customers.recall(ORDER)


def test_a_redis_that_stops_in_the_middle_costs_a_query_and_no_more(sqlite_url: str, tmp_path: Path) -> None:
    server = RedisServer()
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        world = stack.enter_context(world_on(tmp_path, sqlite_url, server.url))
        world.sell()
        before = world.buy()
        server.stop()
        with capture_logs() as logged:
            after = world.buy(customer_email="ani@example.com")
            for order_id in (before, after):
                assert world.call_back(world.duitku.pay(order_id)).status_code == 200
            world.work()
        readiness = world.web.get("/readyz")

        assert sorted(world.enrolled()) == [("ani@example.com", COURSE), ("siti@example.com", COURSE)]
        assert (readiness.status_code, readiness.json()["redis"]) == (200, "lost: the database answers")
        lost = [line for line in logged if line["event"] == "redis_lost" and line["part"] == "customers"]
        assert len(lost) == 1
        assert "siti" not in str(logged)


def test_a_redis_that_was_never_there_costs_no_sale(sqlite_url: str, tmp_path: Path) -> None:
    server = RedisServer()
    with world_on(tmp_path, sqlite_url, server.url) as world:
        world.sell()
        world.buy_and_pay()
        world.work()

        assert world.enrolled() == [("siti@example.com", COURSE)]


def test_a_redis_that_is_away_is_left_alone_for_a_while_by_whoever_missed_it(sqlite_url: str, tmp_path: Path) -> None:
    server = RedisServer()
    with world_on(tmp_path, sqlite_url, server.url) as world, capture_logs() as logged:
        world.sell()
        buyer = TestClient(world.web.app, base_url=str(world.web.base_url), client=("36.68.10.20", 50_000))
        for name in ("siti", "ani"):
            form = {"customer_name": name, "customer_email": f"{name}@example.com", "customer_phone": "08123456789"}
            made = buyer.post(f"/buy/{OFFER}", data=form, follow_redirects=False)
            assert made.status_code == 303, name
        program = Program(world)
        assert [program.get("/payments").status_code for _ in range(2)] == [200, 200]
        for name in ("budi", "wati"):
            world.buy_and_pay(customer_email=f"{name}@example.com")
            world.work()

        lost = [line["part"] for line in logged if line["event"] == "redis_lost"]
        assert set(lost) == {"customers", "gate", "limits", "turnstile", "watching"}
        assert max(Counter(lost).values()) <= 2  # once, or twice on a machine that stood still for the pause
        assert len(world.enrolled()) == 2


def test_nobody_is_erased_while_redis_cannot_be_made_to_forget_them(sqlite_url: str, tmp_path: Path) -> None:
    server = RedisServer()
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        world = stack.enter_context(world_on(tmp_path, sqlite_url, server.url))
        world.sell()
        order_id = world.buy_and_pay()
        world.work()
        server.stop()

        with pytest.raises(CacheUnavailable):
            erase(
                SITI.email,
                school=None,
                database=world.database,
                customers=world.outside.customers,
                now=world.clock(),
                actor="operator",
            )

        with world.database.read() as db:
            assert payments.find_customer(db, order_id) == SITI
