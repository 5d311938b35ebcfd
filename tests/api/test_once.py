"""A request with an Idempotency-Key is done once, however often it comes and wherever the first attempt stopped."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from kelaspay.faults import StillInProgress, Superseded
from kelaspay.idempotency import Answer, Asked, Turn, once
from kelaspay.store.program_tables import answers
from tests.api.client import Program
from tests.databases import BOTH
from tests.world import OFFER, WANTED

if TYPE_CHECKING:
    from concurrent.futures import Future

    import httpx2

    from tests.world import World

NEW = {"slug": "sql-dasar", "name": "SQL Dasar", "price": 99_000, "course_id": 7}
ROUTES: dict[str, Any] = {"/offers": NEW, "/payments": WANTED}


def replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_request_gets_the_first_answer_again(world: World, route: str) -> None:
    world.sell()
    program = Program(world)
    first = program.post(route, ROUTES[route], Idempotency_Key="k-1")
    second = program.post(route, ROUTES[route], Idempotency_Key="k-1")

    assert (first.status_code, replayed(first)) == (201, False)
    assert (second.status_code, replayed(second)) == (201, True)
    assert second.content == first.content
    assert len(program.get(route).json()["data"]) == 1 + (route == "/offers")


def test_a_buyers_front_end_gets_the_first_answer_again_too(world: World) -> None:
    world.sell()
    first, second = world.ask_to_buy(key="k-1"), world.ask_to_buy(key="k-1")

    assert (replayed(first), replayed(second)) == (False, True)
    assert second.content == first.content
    assert len(world.duitku.orders) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_key_with_another_body_is_refused(embedded: World, route: str) -> None:
    embedded.sell()
    program = Program(embedded)
    program.post(route, ROUTES[route], Idempotency_Key="k-1")
    changed = {"slug": "lain", "customer_name": "Budi"}
    other = program.post(
        route, {name: changed.get(name, value) for name, value in ROUTES[route].items()}, Idempotency_Key="k-1"
    )
    elsewhere = program.post("/offers" if route == "/payments" else "/payments", ROUTES[route], Idempotency_Key="k-2")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert elsewhere.json()["code"] == "invalid_input"


def test_a_key_is_one_schools_and_one_doors(world: World) -> None:
    world.sell()
    world.add_school()
    program, others = Program(world), Program(world, school="akademi")
    one = program.post("/offers", NEW, Idempotency_Key="k-1")
    two = others.post("/offers", NEW | {"slug": "sql-lanjut"}, Idempotency_Key="k-1")
    three = world.ask_to_buy(key="k-1")

    assert [each.status_code for each in (one, two, three)] == [201, 201, 201]
    assert not any(replayed(each) for each in (one, two, three))


def test_an_answer_is_kept_for_a_day(embedded: World) -> None:
    embedded.sell()
    program = Program(embedded)
    first = program.post("/payments", WANTED, Idempotency_Key="k-1")
    embedded.clock.move(hours=23, minutes=59)
    same = program.post("/payments", WANTED, Idempotency_Key="k-1")
    embedded.clock.move(minutes=2)
    new = program.post("/payments", WANTED, Idempotency_Key="k-1")

    assert (replayed(same), same.content == first.content) == (True, True)
    assert (replayed(new), new.status_code) == (False, 201)
    assert new.json()["merchant_order_id"] != first.json()["merchant_order_id"]


def test_what_failed_is_not_kept(embedded: World) -> None:
    embedded.sell()
    program = Program(embedded)
    unknown = program.post("/payments", WANTED | {"offer": "x"}, Idempotency_Key="k-1")
    embedded.duitku.switches.down = True
    down = program.post("/payments", WANTED, Idempotency_Key="k-1")
    embedded.duitku.switches.down = False
    other = program.post("/payments", WANTED | {"customer_name": "Budi"}, Idempotency_Key="k-1")
    again = program.post("/payments", WANTED, Idempotency_Key="k-1")

    assert (unknown.status_code, down.status_code, other.status_code, again.status_code) == (422, 503, 422, 201)
    assert [each["merchant_order_id"] for each in program.get("/payments").json()["data"]] == [
        again.json()["merchant_order_id"]
    ]


def test_while_the_first_is_running_a_repeat_is_told_so(world: World) -> None:
    asked, running, may_end = Asked("api", "k-1", "d"), threading.Event(), threading.Event()

    def slow(turn: Turn) -> Answer:
        running.set()
        may_end.wait(10)
        with world.database.begin() as db:
            return turn.answered(db, 201, "first")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(once, asked, slow, database=world.database, now=world.clock)
        running.wait(10)
        with pytest.raises(StillInProgress):
            once(asked, slow, database=world.database, now=world.clock)
        may_end.set()
        answered = first.result(10)

    assert (answered.body, answered.repeated) == ("first", False)
    assert once(asked, slow, database=world.database, now=world.clock) == Answer(201, "first", repeated=True)


def test_after_a_crash_the_repeat_goes_on_with_what_was_made(world: World) -> None:
    asked = Asked("api", "k-1", "d")

    class Killed(BaseException):
        pass

    def dies(turn: Turn) -> Answer:
        with world.database.begin() as db:
            turn.made(db, "KP-1")
        raise Killed

    def goes_on(turn: Turn) -> Answer:
        with world.database.begin() as db:
            return turn.answered(db, 201, f"went on with {turn.subject}")

    with pytest.raises(Killed):
        once(asked, dies, database=world.database, now=world.clock)
    with pytest.raises(StillInProgress):
        once(asked, goes_on, database=world.database, now=world.clock)
    _lapse(world)

    assert once(asked, goes_on, database=world.database, now=world.clock).body == "went on with KP-1"


def test_whoever_was_overtaken_makes_nothing(world: World) -> None:
    asked = Asked("api", "k-1", "d")

    def quick(turn: Turn) -> Answer:
        with world.database.begin() as db:
            return turn.answered(db, 201, "second")

    def overtaken(turn: Turn) -> Answer:
        _lapse(world)
        once(asked, quick, database=world.database, now=world.clock)
        with world.database.begin() as db:
            turn.made(db, "KP-1")
        return Answer(201, "first")

    with pytest.raises(Superseded):
        once(asked, overtaken, database=world.database, now=world.clock)

    assert once(asked, quick, database=world.database, now=world.clock).body == "second"


def test_of_many_at_once_one_makes_it(world: World) -> None:
    world.sell()
    program = Program(world)
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: program.post("/payments", WANTED, Idempotency_Key="k-1"), range(8)))
    codes = sorted({each.status_code for each in said})

    assert codes in ([201], [201, 409])
    assert len({each.content for each in said if each.status_code == 201}) == 1
    assert len(world.duitku.orders) == 1


@pytest.mark.parametrize("urls", BOTH[1:], indirect=True)  # SQLite has one writer at a time
def test_a_repeat_that_comes_while_the_first_lets_go_of_its_key_is_done_in_its_place(world: World) -> None:
    program, looked, let_go = Program(world), threading.Event(), threading.Event()
    repeated: list[Future[httpx2.Response]] = []

    def at_once(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not repeated and statement.startswith("DELETE FROM answers WHERE answers.asker"):
            repeated.append(pool.submit(ask))
            looked.wait(10)
        elif repeated and not let_go.is_set() and statement.startswith("UPDATE answers SET lease_until=(extract"):
            looked.set()
            let_go.wait(10)

    def ask() -> httpx2.Response:
        return program.post("/payments", WANTED | {"offer": "none"}, Idempotency_Key="k-1")

    sa.event.listen(world.database.engine, "before_cursor_execute", at_once)
    try:
        with ThreadPoolExecutor(1) as pool:
            first = ask()
            let_go.set()
            second = repeated[0].result(10)
    finally:
        sa.event.remove(world.database.engine, "before_cursor_execute", at_once)

    assert looked.is_set()
    assert (first.status_code, second.status_code) == (422, 422)


def test_what_is_kept_names_no_buyer(embedded: World) -> None:
    embedded.sell()
    Program(embedded).post("/payments", WANTED, Idempotency_Key="k-1")
    [kept] = embedded.kept()["answers"]

    assert "siti" not in str(kept).lower()
    assert OFFER not in str(kept)


def _lapse(world: World) -> None:
    """Time passes on the database's clock."""
    with world.database.begin() as db:
        db.execute(sa.update(answers).values(lease_until=answers.c.lease_until - 3600))
