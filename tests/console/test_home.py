"""Stories of the console's first page: what was sold, as the days go by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.console.desk import joined

if TYPE_CHECKING:
    from tests.console.desk import Desk
    from tests.world import World

ROW = (
    r'<th scope="row">{}</th><td class="number">([^<]+)</td><td class="number">([^<]+)</td><td class="number">([^<]+)<'
)


def sold(desk: Desk, span: str) -> tuple[str, ...]:
    """What was paid in these days, how many orders of how many made, and the share."""
    return tuple(re.findall(ROW.format(span), desk.open("/console"))[0])


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
