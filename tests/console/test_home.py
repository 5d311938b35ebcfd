"""Stories of the console's first page: what was sold, as the days go by."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from tests.console.desk import joined

from kelaspay.store.audit import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.console.desk import Desk
    from tests.world import World

    from kelaspay.store.database import Database

CELL = r'<td class="number"[^>]*>([^<]+)</td>'
ROW = r'<th scope="row">{}</th>' + 3 * CELL


def sold(desk: Desk, span: str) -> tuple[str, ...]:
    """What was paid in these days, how many orders of how many made, and the share."""
    return tuple(re.findall(ROW.format(span), desk.open("/console"))[0])


def set_up(desk: Desk) -> list[str]:
    """What is to be set up, as it is read."""
    listed = desk.open("/console").partition('<ol class="checklist">')[2].partition("</ol>")[0]
    return [re.sub(r"<[^>]+>", "", line) for line in re.findall(r"<li[^>]*>(.*)</li>", listed)]


def test_what_was_sold_today_moves_into_the_days_before(world: World) -> None:
    world.sell(price=150_000)
    desk = joined(world)
    assert sold(desk, "Hari ini") == ("Rp 0", "0 / 0", "-")

    world.buy(customer_email="budi@example.com")
    world.buy_and_pay()
    world.work()
    assert sold(desk, "Hari ini") == sold(desk, "7 hari") == ("Rp 150.000", "1 / 2", "50 %")

    world.work_for(days=1)
    desk.sign_in()
    assert sold(desk, "Hari ini") == ("Rp 0", "0 / 0", "-")
    assert sold(desk, "7 hari") == sold(desk, "30 hari") == ("Rp 150.000", "1 / 2", "50 %")

    world.buy_and_pay(customer_email="ani@example.com")
    world.work()
    assert sold(desk, "Hari ini") == ("Rp 150.000", "1 / 1", "100 %")
    assert sold(desk, "7 hari") == ("Rp 300.000", "2 / 3", "67 %")

    world.work_for(days=8)
    desk.sign_in()
    assert sold(desk, "7 hari") == ("Rp 0", "0 / 0", "-")
    assert sold(desk, "30 hari") == ("Rp 300.000", "2 / 3", "67 %")


def test_what_is_to_be_set_up_is_told_apart_from_how_far_it_is(embedded: World) -> None:
    desk = joined(embedded)
    before = set_up(desk)

    embedded.sell()
    embedded.buy_and_pay()
    embedded.work()
    after = set_up(desk)

    assert before[-2:] == ["Callback Duitku diterima: belum", "Pembelian uji dilakukan: belum"]
    assert after[-2:] == ["Callback Duitku diterima: sudah", "Pembelian uji dilakukan: sudah"]
    assert "Penawaran dijual: sudah" in after


@pytest.mark.parametrize("school", [EVERYWHERE, "akademi"])
def test_a_look_at_home_takes_one_connection_and_asks_each_thing_once(embedded: World, school: str) -> None:
    embedded.add_school("akademi")
    desk = joined(embedded, school=school)

    with watched(embedded.database) as (held, asked):
        desk.open("/console")

    assert desk.status == 200
    assert max(held) == 1
    assert [each for each in asked if asked.count(each) > 1 and "FROM products" in each] == []


@contextmanager
def watched(database: Database) -> Iterator[tuple[list[int], list[str]]]:
    """How many connections are held as each is taken, and the statements with their values."""
    engine, pool = database.engine, database.engine.pool
    assert isinstance(pool, sa.QueuePool)
    before, held, asked = pool.checkedout(), [], []

    def taken(*_: object) -> None:
        held.append(pool.checkedout() - before)

    def said(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append(f"{statement} {values}")

    sa.event.listen(engine, "checkout", taken)
    sa.event.listen(engine, "before_cursor_execute", said)
    yield held, asked
    sa.event.remove(engine, "checkout", taken)
    sa.event.remove(engine, "before_cursor_execute", said)
