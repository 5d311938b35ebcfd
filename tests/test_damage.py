"""Pages of the SQLite file are damaged on which some orders lie: the others go on, and those are lost to nobody."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from kelaspay.store import standing
from kelaspay.work.engine import CONCURRENCY
from tests.chaos.fleet import until
from tests.chaos.scene import QUICK, email, scene
from tests.world import COURSE

if TYPE_CHECKING:
    from tests.world import World

PAGE = 4096
PAGEFUL = 20
"""Orders after which the next lies on another page than the first."""
TABLES_LEAF = 13
"""The first byte of a page with a table's rows (the file format, 1.6)."""


def test_an_order_on_a_damaged_page_counts_as_due_until_the_page_is_mended_and_it_is_enrolled(embedded: World) -> None:
    world, file = embedded, Path(str(embedded.database.engine.url.database))
    world.sell()
    order_id = world.buy_and_pay()
    world.hand_over()
    public_id = world.payment(order_id).public_id
    settled(world, file)
    were = damaged(file, {public_id})

    with capture_logs() as logs:
        for _ in range(5):
            world.work_for(minutes=10)
            world.reconcile()
    with world.database.read() as db:
        stands = standing.read(db, world.clock())
    settled(world, file)
    write(file, were)
    world.reconcile()
    world.work()

    assert were
    assert [entry["log_level"] for entry in logs if entry["event"] == "run_set_aside"] == ["error"] * 5
    assert (stands.jobs_waiting, stands.oldest_job_seconds) == (1, 3000.0)
    assert world.status(order_id) == "completed"
    assert world.enrolled() == [("siti@example.com", COURSE)]


def test_an_order_to_be_asked_after_on_a_damaged_page_keeps_no_lost_run_from_being_started_again(
    embedded: World,
) -> None:
    world, file = embedded, Path(str(embedded.database.engine.url.database))
    world.sell()
    lost = world.buy_and_pay()
    world.hand_over()
    world.engine.forget(lost)
    unpaid = [world.buy(customer_email=f"pembeli{index}@example.com") for index in range(PAGEFUL)]
    public_id = world.payment(unpaid[-1]).public_id
    world.clock.move(hours=2)
    settled(world, file)
    were = damaged(file, {public_id})

    with capture_logs() as logs:
        done = world.reconcile()
    world.work()

    assert were
    assert (done.restarted, done.stopped_by) == ([lost], "database_damaged")
    assert [entry["part"] for entry in logs if entry["event"] == "pass_set_aside"] == ["ask"]
    assert world.status(lost) == "completed"
    assert world.enrolled() == [("siti@example.com", COURSE)]


def test_orders_on_damaged_pages_keep_no_other_from_its_course(tmp_path: Path, fresh_redis: str) -> None:
    file = tmp_path / "kelaspay.db"
    with scene(tmp_path, f"sqlite:///{file}", fresh_redis, QUICK) as at:
        web = at.fleet.web()
        assert until(web.ready), web.printed()
        orders = [at.ordered(index) for index in range(3 * CONCURRENCY)]
        for order_id in orders:
            at.duitku.pay(order_id)
        assert until(lambda: len(asked(file, "SELECT merchant_order_id FROM jobs")) == len(orders)), web.printed()
        assert web.stop() == 0
        first = orders[: CONCURRENCY + 1]
        rows = dict(asked(file, "SELECT public_id, merchant_order_id FROM payments"))
        were = damaged(file, {public_id for public_id, order_id in rows.items() if order_id in first})
        lost = {order_id for public_id, order_id in rows.items() if any(public_id.encode() in were[at] for at in were)}
        buyers = {email(index) for index, order_id in enumerate(orders) if order_id not in lost}

        worker = at.fleet.worker()

        assert CONCURRENCY < len(lost) < len(orders)
        assert until(lambda: set(at.enrollments()) == buyers), worker.printed()
        assert until(lambda: worker.printed().count("run_set_aside") == len(lost)), worker.printed()
        assert worker.stop() == 0


def settled(world: World, file: Path) -> None:
    """Everything is in the file itself, and no connection remembers a page of it."""
    world.database.close()
    assert asked(file, "PRAGMA wal_checkpoint(TRUNCATE)") == [(0, 0, 0)]


def asked(file: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute(query).fetchall()


def damaged(file: Path, words: set[str]) -> dict[int, bytes]:
    """Overwrite the pages of tables on which any of these words stands; returned is what was there, by its place."""
    whole = file.read_bytes()
    pages = {at: whole[at : at + PAGE] for at in range(PAGE, len(whole), PAGE)}
    were = {
        at: page
        for at, page in pages.items()
        if page[0] == TABLES_LEAF and any(word.encode() in page for word in words)
    }
    write(file, dict.fromkeys(were, b"\xff" * PAGE))
    return were


def write(file: Path, pages: dict[int, bytes]) -> None:
    with file.open("r+b") as there:
        for at, page in pages.items():
            there.seek(at)
            there.write(page)
