"""What is kept about people: every column is accounted for, goes when its time is over, and goes when it is asked."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
import pkgutil
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kelaspay.store
from kelaspay.change_email import change_email
from kelaspay.erase import erase
from kelaspay.retention import Keep, tidy
from kelaspay.review import mark_paid
from kelaspay.revoke import ask_to_revoke
from kelaspay.store import buyers, inbox, payments, people, tables
from kelaspay.store.tables import metadata

if TYPE_CHECKING:
    from tests.world import World

PRIVACY = Path(__file__).parent.parent.parent / "docs" / "privacy.md"
KEEP = Keep(events=90, messages=90, lapsed=30, audit=730)
PERSONAL = ("siti@example.com", "Siti", "Rahmawati", "81234567890")


def columns() -> set[str]:
    for module in pkgutil.iter_modules(kelaspay.store.__path__):
        importlib.import_module(f"kelaspay.store.{module.name}")
    return {f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.c}


def accounted_for() -> Counter[str]:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", PRIVACY.read_text(encoding="utf-8"), re.MULTILINE)
    return Counter(f"{table}.{column}" for table, named, *_ in rows for column in re.findall(r"`(\w+)`", named))


def thinkific_says(world: World, payload: dict[str, Any]) -> None:
    """A signed webhook about a learner comes in and is looked at."""
    thinkific_says_of(world, "user", "updated", "1", payload)


def thinkific_says_of(world: World, resource: str, action: str, event_id: str, payload: dict[str, Any]) -> None:
    body = json.dumps({"id": event_id, "resource": resource, "action": action, "payload": payload}).encode()
    signature = hmac.new(world.thinkific.school.api_key.encode(), body, hashlib.sha256).hexdigest()
    answer = world.web.post("/webhooks/thinkific", content=body, headers={"X-Thinkific-Hmac-Sha256": signature})
    assert answer.status_code == 200
    world.work()


def kept(world: World) -> str:
    return repr(world.kept())


def tidied(world: World) -> dict[str, int]:
    return tidy(database=world.database, keep=KEEP, now=world.clock)


def test_every_column_says_what_it_is_and_how_long_it_is_kept() -> None:
    told = accounted_for()

    assert sorted(columns() - set(told)) == []
    assert sorted(set(told) - columns()) == []
    assert [column for column, times in told.items() if times > 1] == []


def test_who_nearly_bought_is_forgotten_after_a_while(world: World) -> None:
    world.sell()
    order_id = world.buy()
    world.clock.move(days=8)
    world.reconcile()
    assert world.status(order_id) == "expired"

    world.clock.move(days=10)
    tidied(world)
    assert "siti@example.com" in kept(world)
    world.clock.move(days=90)
    tidied(world)

    assert [each for each in PERSONAL if each in kept(world)] == []
    assert world.status(order_id) == "expired"
    assert sum(tidied(world).values()) == 0


def test_what_events_and_letters_said_goes_and_the_order_and_its_buyer_stay(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    [before] = world.events()

    world.clock.move(days=91)
    tidied(world)

    [after] = world.events()
    assert (bytes(before.body) != b"", bytes(after.body)) == (True, b"")
    assert after.receipt == before.receipt
    assert world.status(order_id) == "completed"
    with world.database.read() as db:
        assert people.orders_of(db, None, "siti@example.com") != []


def test_an_orders_story_names_no_address_whatever_a_person_writes_into_it(world: World) -> None:
    world.sell()
    order_id = world.buy(customer_email="siti@example.com")
    change_email(order_id, "rahma@surat.example", school=world.school, start=world.engine.start, actor="operator")
    said: dict[str, Any] = {
        "database": world.database,
        "start": world.engine.start,
        "now": world.clock,
        "actor": "operator",
    }
    mark_paid(order_id, reason="Ditelepon; emailnya siti@example.com.", **said)
    ask_to_revoke(order_id, reason="<siti@example.com>, RAHMA@surat.example", **said)

    with world.database.read() as db:
        told = [row.text for row in payments.read_story(db, order_id) if row.text]
    assert "si••@example.com → ra•••@surat.example" in told
    assert "Ditelepon; emailnya si••@example.com." in told
    assert [text for text in told if "siti@" in text or "rahma@" in text.lower()] == []


def test_nothing_is_taken_from_an_event_that_nobody_has_looked_at(embedded: World) -> None:
    embedded.sell()
    order_id = embedded.buy()
    embedded.call_back(embedded.duitku.pay(order_id))

    embedded.clock.move(days=200)
    tidied(embedded)

    assert bytes(embedded.events()[0].body) != b""
    embedded.work()
    assert embedded.status(order_id) == "completed"


def test_an_event_without_its_body_can_be_looked_at_again(embedded: World) -> None:
    thinkific_says(embedded, {"id": 7, "email": "siti@example.com"})
    embedded.clock.move(days=200)
    tidied(embedded)

    with embedded.database.begin() as db:
        inbox.reopen(db, embedded.events()[0].id)
    embedded.work()

    assert embedded.events()[0].outcome == "forgotten"


@pytest.mark.parametrize("also", ["orders", "webhooks"])
def test_an_erased_buyer_is_nowhere_any_more(world: World, also: str) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    if also == "webhooks":
        thinkific_says(world, {"id": 98_000_001, "email": "Siti@Example.com", "first_name": "Siti"})

    with world.database.begin() as db:
        people.forget_person(db, None, "siti@example.com", world.clock(), "operator")

    assert [each for each in PERSONAL if each in kept(world)] == []
    assert world.status(order_id) == "completed"


def test_an_erased_buyer_is_named_by_no_other_order(world: World) -> None:
    world.sell()
    given, asking = world.buy(), world.buy(customer_email="budi@example.com")
    change_email(given, "ani@example.com", school=world.school, start=world.engine.start, actor="operator")
    with world.database.begin() as db:
        buyers.want_email(db, asking, "siti@example.com")
    world.buy_and_pay()
    world.work()

    erased(world)

    assert "siti@example.com" not in kept(world)


def test_a_buyer_of_many_orders_is_erased_from_each(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    with world.database.begin() as db:
        for table in (tables.payments, tables.customers):
            row = db.execute(table.select().where(table.c.merchant_order_id == order_id)).one()
            same = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
            own = {"merchant_order_id", "public_id"} & set(same)
            db.execute(table.insert(), [same | dict.fromkeys(own, f"KP261123-{n}") for n in range(600)])

    erased(world)

    assert "siti@example.com" not in kept(world)


def erased(world: World) -> None:
    erase(
        "siti@example.com",
        school=None,
        database=world.database,
        customers=world.outside.customers,
        now=world.clock(),
        actor="operator",
    )
