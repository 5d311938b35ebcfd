"""An order that only Duitku knows is taken up at the price that was asked, not at what left the buyer's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store import tables
from tests.console.desk import joined
from tests.shell import shell
from tests.world import COURSE, OFFER, PRICE

if TYPE_CHECKING:
    from kelaspay.payment import MerchantOrderId
    from tests.shell import Shell

__all__ = ["shell"]

BUYER = ("--name", "Siti", "--email", "siti@example.com", "--phone", "0812-3456-7890")
FEE = 4_000


def paid(shell: Shell, *, fee_in_it: bool) -> MerchantOrderId:
    """An order that was lost with the database, called back about; Duitku names the channel's fee beside the amount."""
    world = shell.world
    world.duitku.switches.fees_to_buyer = True
    world.duitku.switches.amount_includes_fee = fee_in_it
    order_id = world.buy(payment_method="BC")
    with world.database.begin() as db:
        for table in (tables.customers, tables.invoices, tables.payments):
            db.execute(sa.delete(table))
    world.call_back(world.duitku.pay(order_id, payment_method="BC"))
    return order_id


def test_a_fee_that_the_buyer_bore_is_not_in_the_price(shell: Shell) -> None:
    world = shell.world
    world.sell()
    order_id = paid(shell, fee_in_it=True)

    ran = shell("events", "adopt", "1", "--offer", OFFER, *BUYER)
    world.work()

    payment = world.payment(order_id)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{order_id} (Rp 150.000) is taken up and will be enrolled.\n"
    assert payment.status == "completed"
    assert (payment.payment_amount, payment.amount_received, payment.fee) == (PRICE, PRICE, FEE)
    assert world.enrolled() == [("siti@example.com", COURSE)]


def test_where_the_offer_costs_something_else_today_the_operator_hears_of_the_fee(shell: Shell) -> None:
    world = shell.world
    world.sell()
    order_id = paid(shell, fee_in_it=True)
    world.sell(price=140_000)

    ran = shell("events", "adopt", "1", "--offer", OFFER, *BUYER)
    world.work()

    assert ran.code == 0
    assert ran.err == (
        f"Rp 154.000 is kept as the price, for {OFFER} costs Rp 140.000: the channel's fee of Rp 4.000 may be in it.\n"
    )
    assert (world.payment(order_id).payment_amount, world.status(order_id)) == (PRICE + FEE, "completed")
    assert "the channel's fee is Rp 4000" in shell("payments", "show", order_id).out


def test_a_script_reads_of_the_fee_in_the_answer(shell: Shell) -> None:
    shell.world.sell()
    order_id = paid(shell, fee_in_it=True)
    shell.world.sell(price=140_000)
    words = ("events", "adopt", "1", "--offer", OFFER, *BUYER)

    rehearsed, done, repeated = shell.json(*words, "--dry-run"), shell.json(*words), shell.json(*words)

    assert rehearsed["doubt"] == done["doubt"]
    assert done == {
        "merchant_order_id": order_id,
        "doubt": f"Rp 154.000 is kept as the price, for {OFFER} costs Rp 140.000: "
        "the channel's fee of Rp 4.000 may be in it.",
        "dry_run": False,
        "said": f"{order_id} (Rp 154.000) is taken up and will be enrolled.",
    }
    assert repeated["doubt"] is None


def test_the_console_says_that_the_fee_may_be_in_the_price(shell: Shell) -> None:
    world = shell.world
    world.sell()
    order_id = paid(shell, fee_in_it=True)
    world.sell(price=140_000)
    desk = joined(world)

    desk.open("/console/events/1/adopt")
    said = desk.press(
        "/console/events/1/adopt",
        offer=OFFER,
        customer_name="Siti",
        customer_email="siti@example.com",
        customer_phone="0812-3456-7890",
    )

    assert desk.path == f"/console/payments/{order_id}"
    assert "mungkin sudah termasuk biaya metode" in said


def test_an_amount_without_the_fee_stays_the_price(shell: Shell) -> None:
    shell.world.sell()
    order_id = paid(shell, fee_in_it=False)

    ran = shell("events", "adopt", "1", "--offer", OFFER, *BUYER)

    assert (ran.code, ran.err) == (0, "")
    assert shell.world.payment(order_id).payment_amount == PRICE
