"""A copy of the database taken in the middle of traffic, and a service that goes on from it somewhere else."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from kelaspay.backup import BackupFailed, back_up, restore
from kelaspay.payment import Attention
from kelaspay.store.database import Database
from tests.console.desk import joined
from tests.servers import fresh_database, programs
from tests.shell import shell
from tests.test_external_orders import booked
from tests.test_refunds import bought, refund
from tests.world import COURSE, OFFER, PRICE, World, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.shell import Shell

__all__ = ["shell"]

BUYERS = 4


@pytest.fixture(autouse=True)
def _pg_dump_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the server's own version; pg_dump refuses a newer server."""
    monkeypatch.setenv("PATH", str(programs()), prepend=":")


@pytest.fixture
def elsewhere(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database of the same kind, on another disk."""
    if not world.database.postgresql:
        made = Database(f"sqlite:///{tmp_path / 'elsewhere' / 'kelaspay.db'}")
        yield made
        made.close()
        return
    with fresh_database(request.getfixturevalue("postgres")) as url:
        made = Database(url)
        yield made
        made.close()


def buyer(number: int) -> str:
    return f"pembeli{number}@example.com"


def test_whoever_paid_ends_in_the_course_once_though_the_database_is_an_older_one(
    world: World, elsewhere: Database, urls: tuple[str, str | None], tmp_path: Path
) -> None:
    """One had finished before the copy, one had paid but was not enrolled, one paid after it and was enrolled, and one
    pays after it while nobody listens. Then the first database is gone.
    """
    world.sell()
    orders = [world.buy(customer_email=buyer(number)) for number in range(BUYERS)]
    world.call_back(world.duitku.pay(orders[0]))
    world.work()
    world.call_back(world.duitku.pay(orders[1]))
    copy = back_up(world.database, tmp_path / "copies", now=world.clock)
    world.call_back(world.duitku.pay(orders[2]))
    world.work()
    world.duitku.pay(orders[3])
    assert len(world.enrolled()) == BUYERS - 1
    sales = len(world.thinkific.school.external_orders)

    if world.outside.cache is not None:
        world.outside.cache.flushdb()

    assert restore(elsewhere, copy, now=world.clock) == BUYERS - 1
    with world_on(tmp_path, elsewhere.url, urls[1], beside=world) as after:
        for _ in range(30):
            after.clock.move(hours=1)
            after.reconcile()
            after.work()

        assert [after.status(order_id) for order_id in orders] == ["completed"] * BUYERS
        assert sorted(after.enrolled()) == [(buyer(number), COURSE) for number in range(BUYERS)]
        assert len(world.thinkific.school.external_orders) == sales
        flagged = [after.payment(order_id).attention for order_id in orders]
        assert flagged == [None, *["external_order_unknown"] * (BUYERS - 1)]


def test_a_sale_that_waited_in_the_copy_and_was_recorded_after_it_is_not_recorded_again(
    world: World, elsewhere: Database, urls: tuple[str, str | None], tmp_path: Path
) -> None:
    world.sell()
    world.thinkific.fail_next("POST", "/external_orders", "403-plan", 1)
    order_id = world.buy_and_pay()
    world.work()
    before = world.status(order_id)
    copy = back_up(world.database, tmp_path / "copies", now=world.clock)
    world.work_for(hours=2)
    restore(elsewhere, copy, now=world.clock)
    with world_on(tmp_path, elsewhere.url, urls[1], beside=world) as after:
        after.reconcile()
        after.work_for(hours=3)
        after.reconcile()
        after.work_for(hours=3)
        attention = after.payment(order_id).attention

    assert before == "completed"
    assert len(world.thinkific.school.external_orders) == 1
    assert attention is Attention.EXTERNAL_ORDER_UNKNOWN


def test_a_refund_that_waited_in_the_copy_and_was_recorded_after_it_is_not_recorded_again(
    world: World, elsewhere: Database, urls: tuple[str, str | None], tmp_path: Path
) -> None:
    world.sell()
    order_id = bought(world)
    refund(world, order_id)
    copy = back_up(world.database, tmp_path / "copies", now=world.clock)
    world.work()
    restore(elsewhere, copy, now=world.clock)
    with world_on(tmp_path, elsewhere.url, urls[1], beside=world) as after:
        after.clock.move(minutes=5)
        after.reconcile()
        after.work_for(hours=3)
        attention = after.payment(order_id).attention

    assert booked(world) == ["purchase", "refund"]
    assert attention is Attention.EXTERNAL_ORDER_UNKNOWN


def test_a_copy_is_whole_private_and_leaves_the_youngest(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    (folder / "unrelated").mkdir(parents=True)
    made = []
    for _ in range(3):
        world.clock.move(hours=1)
        made.append(back_up(world.database, folder, now=world.clock, keep=2))

    assert sorted(each for each in folder.iterdir() if each.is_file()) == made[1:]
    assert [each.stat().st_mode & 0o777 for each in made[1:]] == [0o600, 0o600]


def test_a_rehearsed_copy_says_what_would_go_and_touches_nothing(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    made = []
    for _ in range(3):
        shell.world.clock.move(hours=1)
        made.append(back_up(shell.world.database, folder, now=shell.world.clock))

    rehearsed = shell("backup", "--keep", "2", "--dry-run", str(folder))
    nowhere = shell("backup", "--keep", "2", "--dry-run", str(tmp_path / "nowhere"))

    assert rehearsed.lines == [
        f"A copy would be written into {folder}.",
        f"{made[0]} would be deleted.",
        f"{made[1]} would be deleted.",
    ]
    assert sorted(folder.iterdir()) == made
    assert (nowhere.code, (tmp_path / "nowhere").exists()) == (0, False)


def test_a_database_that_is_there_stays(world: World, tmp_path: Path) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    copy = back_up(world.database, tmp_path / "copies", now=world.clock)

    with pytest.raises(BackupFailed, match=r"is there already|is not empty"):
        restore(world.database, copy, now=world.clock)

    assert world.payment(order_id).merchant_order_id == order_id


def test_what_is_no_copy_is_refused_and_leaves_nothing(tmp_path: Path, world: World, elsewhere: Database) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"nothing of ours" * 1000)

    with pytest.raises(BackupFailed):
        restore(elsewhere, wrong, now=world.clock)
    with pytest.raises(BackupFailed, match="is not there"):
        restore(elsewhere, tmp_path / "absent", now=world.clock)

    restore(elsewhere, back_up(world.database, tmp_path, now=world.clock), now=world.clock)


def test_the_commands_say_in_a_line_what_they_did_or_why_not(shell: Shell, tmp_path: Path) -> None:
    made = shell("backup", "copies")
    copy = made.out.strip()
    again = shell("restore", copy)
    into_a_file = shell("backup", copy)
    shell.set(DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}")
    restored = shell("restore", copy)

    assert (made.code, made.err) == (0, "")
    assert (again.code, again.out) == (1, "")
    assert "is there already" in again.err
    assert (into_a_file.code, into_a_file.err) == (1, f"kelaspay: {copy} cannot be a folder (File exists)\n")
    assert restored.out == (
        "Restored. 0 payments were under way; start Kelaspay, and it asks Duitku what became of them.\n"
    )
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM payments").fetchone() == (0,)


def test_a_copy_can_be_piped_in_for_whoever_runs_the_command_may_not_read_the_file(
    shell: Shell, tmp_path: Path
) -> None:
    copy = Path(shell("backup", "copies").out.strip()).read_bytes()
    shell.set(DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}")

    at_a_terminal = shell("restore", "-", typed="\n")
    nothing = shell("restore", "-", piped=b"")
    restored = shell("restore", "-", piped=copy)

    assert (at_a_terminal.code, at_a_terminal.err.count("nothing is piped in")) == (1, 1)
    assert (nothing.code, nothing.err) == (1, "kelaspay: what was piped in is no copy of a Kelaspay database\n")
    assert restored.out.startswith("Restored. ")


def test_a_password_is_not_on_pg_dumps_command_line(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: World
) -> None:
    spy = tmp_path / "bin" / "pg_dump"
    spy.parent.mkdir()
    real = shutil.which("pg_dump")
    spy.write_text(f'#!/bin/sh\necho "$@" "$PGPASSWORD" > {tmp_path}/said\nexec {real} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", str(spy.parent), prepend=":")
    parts = urlsplit(postgres_url)
    database = Database(urlunsplit(parts._replace(netloc=f"postgres:s%2Fcret@{parts.hostname}:{parts.port}")))

    back_up(database, tmp_path / "copies", now=embedded.clock)
    database.close()

    options, password = (tmp_path / "said").read_text().strip().rsplit(" ", 1)
    assert password == "s/cret"
    assert "cret" not in options


def test_an_order_made_after_the_copy_and_then_paid_is_taken_up_by_a_person_and_enrolled_once(
    world: World, elsewhere: Database, urls: tuple[str, str | None], tmp_path: Path
) -> None:
    """Duitku's callback comes after the restore, for an order that the copy does not hold."""
    world.sell()
    copy = back_up(world.database, tmp_path / "copies", now=world.clock)
    order_id = world.buy()
    paid = world.duitku.pay(order_id)
    restore(elsewhere, copy, now=world.clock)
    with world_on(tmp_path, elsewhere.url, urls[1], beside=world) as after:
        assert after.call_back(paid).status_code == 200
        after.work()
        (event,) = after.events()
        assert event.outcome == "unknown_order"

        desk = joined(after)
        assert "<strong>1</strong> <span>Uang untuk pesanan tidak dikenal" in desk.open("/console")
        shown = desk.open(f"/console/events/{event.id}")
        assert f"/console/events/{event.id}/adopt" in shown
        desk.open(f"/console/events/{event.id}/adopt")
        desk.press(
            f"/console/events/{event.id}/adopt",
            offer=OFFER,
            customer_name="",
            customer_email="siti@",
            customer_phone="1",
        )
        assert (desk.status, after.enrolled()) == (422, [])
        for _ in range(2):
            desk.open(f"/console/events/{event.id}/adopt")
            if desk.path.endswith("/adopt"):
                desk.press(
                    f"/console/events/{event.id}/adopt",
                    offer=OFFER,
                    customer_name="Siti Rahmawati",
                    customer_email="siti@example.com",
                    customer_phone="0812-3456-7890",
                )
            assert desk.path == f"/console/payments/{order_id}"
            after.work()

        assert after.status(order_id) == "completed"
        assert "<strong>0</strong> <span>Uang untuk pesanan tidak dikenal" in desk.open("/console")
        assert after.enrolled() == [("siti@example.com", COURSE)]
        payment = after.payment(order_id)
        assert (payment.payment_amount, payment.attention) == (PRICE, "external_order_unknown")
        assert after.story(order_id)[:3] == ["created", "adopted", "paid"]
