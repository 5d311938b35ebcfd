"""Thinkific's webhooks: verified over the raw body, kept once, and only ever a hint."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.faults import AlreadySignedIn
from kelaspay.store.inbox import list_events, reopen
from tests.databases import once_on_a_server
from tests.meanwhile import Meanwhile
from tests.test_change_email import RIGHT, give, inside
from tests.test_refunds import bought
from tests.world import world_on

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from kelaspay.payment import MerchantOrderId
    from kelaspay_emulators.thinkific import User
    from tests.world import World

PATH = "/webhooks/thinkific"


def envelope(topic: str, payload: dict[str, Any], event_id: str = "20261123020000001") -> bytes:
    resource, action = topic.split(".")
    return json.dumps(
        {"id": event_id, "resource": resource, "action": action, "tenant_global_id": "gid", "payload": payload}
    ).encode()


def sent(world: World, body: bytes, key: str | None = None) -> httpx2.Response:
    signature = hmac.new((key or world.thinkific.school.api_key).encode(), body, hashlib.sha256).hexdigest()
    return world.web.post(PATH, content=body, headers={"X-Thinkific-Hmac-Sha256": signature})


def learner(world: World, order_id: str) -> dict[str, Any]:
    found = world.enrollment(order_id)
    assert found is not None
    return {"user": {"id": found.user_id}, "course": {"id": found.course_id}}


def kept(world: World) -> list[str]:
    with world.database.read() as db:
        return [
            str(row.outcome) for row in list_events(db, merchant_order_id=None, limit=10) if row.source == "thinkific"
        ]


def test_the_emulators_own_deliveries_are_taken_and_progress_is_shown(world: World) -> None:
    course = world.sell()
    order_id = world.buy_and_pay()
    world.work()

    body = envelope(
        "enrollment.progress", learner(world, order_id) | {"percentage_completed": "0.4", "course_id": course.id}
    )
    answer = sent(world, body)
    world.work()

    assert answer.status_code == 200
    assert kept(world) == ["progress"]
    found = world.enrollment(order_id)
    assert found is not None
    assert found.percentage_completed == "0.4"


def test_a_completion_is_noted_and_never_unsaid(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    who = learner(world, order_id)
    done = who | {"percentage_completed": "1.0", "completed_at": "2026-11-23T05:00:00.123Z"}

    sent(world, envelope("enrollment.completed", done, "1"))
    world.work()
    sent(world, envelope("enrollment.progress", who | {"percentage_completed": "1.0", "completed_at": None}, "2"))
    world.work()

    found = world.enrollment(order_id)
    assert found is not None
    assert found.completed_at is not None


def test_the_same_envelope_is_kept_once(world: World) -> None:
    world.sell()
    order_id = world.buy_and_pay()
    world.work()
    body = envelope("enrollment.progress", learner(world, order_id) | {"percentage_completed": "0.2"})

    answers = [sent(world, body).status_code for _ in range(3)]
    world.work()

    assert answers == [200] * 3
    assert kept(world) == ["progress"]


@pytest.mark.parametrize("topic", ["order.created", "lesson.completed", "something.new"])
def test_what_is_of_no_use_is_kept_and_grants_nothing(world: World, topic: str) -> None:
    world.sell()

    answer = sent(world, envelope(topic, {"user": {"id": 1, "email": "siti@example.com"}}))
    world.work()

    assert answer.status_code == 200
    assert kept(world) == ["kept"]
    assert world.enrolled() == []


def changed(world: World, email: str, **told: Any) -> bytes:
    """The only learner changes the address at Thinkific; returned is what Thinkific tells of it, some time."""
    [user] = world.thinkific.school.users.values()
    world.thinkific.school.change_email(user, email)
    return envelope("user.updated", {"id": user.id, "email": email.title()} | told, f"to {email}")


def tell(world: World, *bodies: bytes) -> None:
    for body in bodies:
        assert sent(world, body).status_code == 200
        world.work()


def bought_into(world: World, **wanted: Any) -> str:
    """The address of the user who got what was bought, as Thinkific has it."""
    order_id = bought(world, **wanted)
    found = world.enrollment(order_id)
    assert found is not None
    assert world.status(order_id) == "completed"
    return world.thinkific.school.users[found.user_id or 0].email


def test_a_changed_address_finds_the_same_user_at_the_next_purchase_and_the_former_one_somebody_new(
    world: World,
) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python")
    bought(world)

    tell(world, changed(world, "siti.baru@example.com"))

    assert kept(world) == ["email_changed"]
    assert bought_into(world, offer="python", customer_email="siti.baru@example.com") == "siti.baru@example.com"
    assert len(world.thinkific.school.users) == 1
    assert bought_into(world, offer="python") == "siti@example.com"
    assert len(world.thinkific.school.users) == 2


@pytest.mark.parametrize("told", ["in order", "out of order", "the first again", "the first alone"])
@pytest.mark.parametrize(
    "times",
    [
        ("2026-11-23T02:00:01Z", "2026-11-23T02:00:02Z"),
        ("2026-11-23T02:00:01Z", None),
        ("soon", "2026-11-23T02:00:02Z"),
        (None, None),
    ],
    ids=["timed", "half timed", "unreadable", "untimed"],
)
def test_nobody_is_enrolled_as_a_learner_who_had_the_address_for_a_while(
    embedded: World, told: str, times: tuple[str | None, str | None]
) -> None:
    embedded.sell()
    embedded.sell("Python dari Dasar", slug="python")
    bought(embedded)
    first = changed(embedded, "x@example.com", **({"updated_at": times[0]} if times[0] else {}))
    second = changed(embedded, "y@example.com", **({"updated_at": times[1]} if times[1] else {}))
    events = {
        "in order": [first, second],
        "out of order": [second, first],
        "the first again": [first, second, first],
        "the first alone": [first],
    }

    tell(embedded, *events[told])

    for email in ("x@example.com", "y@example.com", "siti@example.com"):
        assert bought_into(embedded, offer="python", customer_email=email) == email
    assert len(embedded.thinkific.school.users) == 3


def test_an_old_change_that_is_looked_at_again_puts_nobody_into_anothers_account(world: World) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python")
    bought(world)
    tell(world, changed(world, "x@example.com"))
    with world.database.read() as db:
        [event_id] = [row.id for row in list_events(db, merchant_order_id=None, limit=10) if row.source == "thinkific"]
    tell(world, changed(world, "y@example.com"))
    assert bought_into(world, offer="python", customer_email="y@example.com") == "y@example.com"
    assert bought_into(world, offer="python", customer_email="x@example.com") == "x@example.com"

    with world.database.begin() as db:
        assert reopen(db, event_id)
    world.work()

    for email in ("x@example.com", "y@example.com"):
        assert bought_into(world, customer_email=email) == email
    assert len(world.thinkific.school.users) == 2


def test_a_learner_who_is_renamed_is_known_as_before(embedded: World) -> None:
    embedded.sell()
    embedded.sell("Python dari Dasar", slug="python")
    bought(embedded)
    tell(embedded, changed(embedded, "siti@example.com"))
    before = embedded.thinkific_calls().count("POST /users")

    assert bought_into(embedded, offer="python") == "siti@example.com"
    assert embedded.thinkific_calls().count("POST /users") == before


def moving_while_asked(world: World, user: User, email: str) -> Meanwhile:
    """While Thinkific is asked whose an address is, its user changes it, and Thinkific tells of that at once."""

    def moves() -> None:
        world.thinkific.school.change_email(user, email)
        assert sent(world, envelope("user.updated", {"id": user.id, "email": email}, f"to {email}")).status_code == 200
        world.hand_over()

    return Meanwhile(world, "thinkific", "GET /users", moves)


@pytest.mark.parametrize("known", [False, True], ids=["of somebody unknown", "of a buyer"])
def test_an_answer_that_a_change_may_have_overtaken_puts_nobody_into_anothers_account(
    world: World, known: bool
) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python")
    school = world.thinkific.school
    if known:
        bought(world)
        tell(world, changed(world, "x@example.com"), changed(world, "siti@example.com"))
    else:
        school.add_user("siti@example.com", "Siti", "Rahmawati")
    [user] = school.users.values()
    meanwhile = moving_while_asked(world, user, "y@example.com")
    bought(world, offer="python")

    assert meanwhile.acted
    assert bought_into(world, offer="python") == "siti@example.com"
    assert len(school.users) == 2


def test_an_answer_that_nothing_overtook_is_remembered(world: World) -> None:
    world.sell()
    world.sell("Python dari Dasar", slug="python")
    world.thinkific.school.add_user("siti@example.com", "Siti", "Rahmawati")
    tell(world, changed(world, "x@example.com"), changed(world, "siti@example.com"))
    bought(world)
    before = world.thinkific_calls().count("POST /users")

    assert bought_into(world, offer="python") == "siti@example.com"
    assert world.thinkific_calls().count("POST /users") == before


def signed_in(world: World, order_id: MerchantOrderId) -> int:
    """Thinkific's id of the order's user, of whom it tells that they signed in."""
    found = world.enrollment(order_id)
    assert found is not None
    assert found.user_id is not None
    sent(world, envelope("user.signin", {"id": found.user_id}, f"signin-{found.user_id}"))
    world.work()
    return found.user_id


def test_who_has_signed_in_keeps_the_order_when_the_address_changes_at_thinkific(world: World) -> None:
    world.sell()
    order_id = bought(world)
    user_id = signed_in(world, order_id)

    sent(world, envelope("user.updated", {"id": user_id, "email": "siti.baru@example.com"}, "moved"))
    world.work()

    with pytest.raises(AlreadySignedIn):
        give(world, order_id)


def test_whoever_has_the_address_of_one_who_signed_in_has_not_signed_in_by_that(world: World) -> None:
    course = world.sell()
    signed_in(world, bought(world))
    order_id = bought(world, customer_email="budi@example.com")
    found = world.enrollment(order_id)
    assert found is not None

    sent(world, envelope("user.updated", {"id": found.user_id, "email": "siti@example.com"}, "moved"))
    world.work()
    give(world, order_id)
    world.work()

    assert inside(world, course.id) == {"siti@example.com", RIGHT}


def test_a_payload_that_cannot_be_read_harms_nothing(world: World) -> None:
    sent(world, envelope("enrollment.progress", {"user": "?"}))
    world.work()

    assert kept(world) == ["unreadable"]


def test_a_wrong_signature_leaves_nothing_but_a_count(world: World) -> None:
    body = envelope("enrollment.progress", {})
    answers = [
        sent(world, body, key="another key"),
        world.web.post(PATH, content=body),
        world.web.post(PATH, content=body, headers={b"X-Thinkific-Hmac-Sha256": b"\xe9"}),
    ]

    assert [answer.status_code for answer in answers] == [400] * 3
    assert kept(world) == []
    assert world.refused() == {"bad_signature": 3}


@pytest.mark.parametrize(
    ("urls", "body"),
    once_on_a_server(
        b"",
        b"[]",
        b"{}",
        b'{"id": 1}',
        b"\xff",
        b'{"id":1,"resource":"a","action":"b","payload":1}',
        b'{"id":"\\ud800","resource":"a","action":"b","payload":{}}',
    ),
    indirect=["urls"],
)
def test_a_body_that_is_no_envelope_is_refused(world: World, body: bytes) -> None:
    assert sent(world, body).status_code == 400


def test_a_large_body_is_refused(world: World) -> None:
    assert sent(world, b"x" * 70_000).status_code == 413


def test_only_post_is_taken(world: World) -> None:
    answer = world.web.get(PATH)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_signed_with_the_apps_secret_it_is_taken_too(urls: tuple[str, str | None], tmp_path: Path) -> None:
    secret = "the app's secret"
    with world_on(tmp_path, *urls, thinkific_client_id="app", thinkific_client_secret=secret) as world:
        answer = sent(world, envelope("order.created", {}), key="the app's secret")

    assert answer.status_code == 200


HUGE, NUL = 10**30, "\0"


@pytest.mark.parametrize(
    "told",
    [
        {"user": {"id": HUGE}, "course": {"id": 1}},
        {"user": {"id": float("inf")}, "course": {"id": 1}},
        {"user": {"id": 1}, "course": {"id": 1}, "completed_at": "0001-01-01T00:00:00+23:00"},
        {"user": {"id": 1}, "course": {"id": 1}, "percentage_completed": NUL},
        {"user": [], "course": {"id": 1}},
    ],
    ids=["huge", "infinite", "before all time", "nul", "no object"],
)
def test_a_payload_that_no_database_can_keep_holds_up_nothing_behind_it(world: World, told: dict[str, Any]) -> None:
    world.sell()
    sent(world, envelope("enrollment.progress", told))
    order_id = world.buy_and_pay()
    world.work()

    assert kept(world) == ["unreadable"]
    assert world.status(order_id) == "completed"


@pytest.mark.parametrize("gid", [NUL, "\ud800", "x" * 50_000, {"a": NUL}], ids=["nul", "surrogate", "long", "object"])
@pytest.mark.parametrize("topic", ["app.uninstalled", "user.updated"])
def test_a_school_that_no_database_can_look_for_holds_up_nothing(world: World, topic: str, gid: object) -> None:
    resource, action = topic.split(".")
    payload = {"id": 1, "email": NUL, "subdomain": NUL}
    told = {"id": "1", "resource": resource, "action": action, "tenant_global_id": gid, "payload": payload}
    answer = sent(world, json.dumps(told).encode())
    world.work()

    assert answer.status_code in {200, 400}
    assert set(kept(world)) <= {"unreadable", "not_ours"}
