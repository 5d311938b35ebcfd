"""How a notice reaches its endpoint: signed, again and again until it is taken, and never by two at the same moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import WebhookVerificationError

from kelaspay.deliver import FAILING_LIMIT, WAITS, retry_after
from kelaspay.endpoint_faults import EndpointDisabled, EndpointUnknown
from kelaspay.endpoints import OVERLAP, change_endpoint, ping, redeliver, remove_endpoint, rotate_secret
from kelaspay.store import endpoints
from tests.webhooks_out.receiver import deliver_due, dialer, now_is_real, receiving, states, tell

if TYPE_CHECKING:
    from kelaspay.store.endpoints import Endpoint
    from tests.webhooks_out.receiver import Receiver
    from tests.world import World


@pytest.fixture
def world(embedded: World) -> World:
    """On SQLite alone: what both databases have a part in is in `test_leases`."""
    return embedded


def endpoint(world: World, endpoint_id: str) -> Endpoint:
    with world.database.read() as db:
        found = endpoints.find_endpoint(db, endpoint_id)
    assert found is not None
    return found


def again(world: World, delivery_id: int = 1) -> None:
    redeliver(delivery_id, school=None, database=world.database, now=world.clock())


def enable(world: World, endpoint_id: str, *, enabled: bool) -> None:
    change_endpoint(
        endpoint_id,
        school=None,
        enabled=enabled,
        database=world.database,
        dialer=dialer(),
        now=world.clock(),
    )


def test_a_receiver_verifies_what_it_gets(world: World, receiver: Receiver, ordered: tuple[str, str]) -> None:
    _, secret = ordered

    deliver_due(world)

    [call] = receiver.calls
    assert call.verified(secret)["type"] == "order.created"
    assert (call.path, call.headers["content-type"]) == ("/hook", "application/json")
    assert call.id.startswith("msg_")
    with pytest.raises(WebhookVerificationError):
        call.verified("whsec_" + "A" * 43 + "=")


def test_an_attempt_that_fails_is_repeated_by_the_schedule_under_the_same_id(
    world: World, receiver: Receiver, ordered: tuple[str, str]
) -> None:
    _, secret = ordered
    receiver.status = 500
    for wait in WAITS:
        assert deliver_due(world) == 1
        world.clock.time += wait - timedelta(seconds=1)
        assert deliver_due(world) == 0
        world.clock.time += wait * 0.1 + timedelta(seconds=1)

    deliver_due(world)

    assert states(world) == [("order.created", "failed", 10)]
    assert len({call.id for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    assert receiver.calls[0].verified(secret)["type"] == "order.created"
    assert len({call.headers["webhook-signature"] for call in receiver.calls}) == 10


@pytest.mark.parametrize("status", [100 + 99, 302, 400, 404, 429, 503])
def test_only_a_2xx_is_success(embedded: World, status: int) -> None:
    embedded.sell()
    with receiving() as receiver:
        # 199 only announces an answer: it is the end of the connection that says that none comes
        receiver.status, receiver.headers = status, {"Location": receiver.url, "Connection": "close"}
        tell(embedded, receiver.url, "order.created")
        embedded.buy()

        deliver_due(embedded)

        assert states(embedded) == [("order.created", "waiting", 1)]
        assert len(receiver.calls) == 1


@pytest.mark.usefixtures("ordered")
def test_a_receiver_that_asks_for_time_gets_it(world: World, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": "3600"}
    deliver_due(world)

    world.clock.move(minutes=59)
    early = deliver_due(world)
    world.clock.move(minutes=2)

    assert (early, deliver_due(world)) == (0, 1)


def test_retry_after_is_read_as_seconds_or_as_a_date(embedded: World) -> None:
    now = embedded.clock()

    assert retry_after("120", now) == timedelta(minutes=2)
    assert retry_after("Mon, 23 Nov 2026 03:00:00 GMT", now) == timedelta(hours=1)
    assert retry_after("soon", now) == timedelta()
    assert retry_after("99999999999999999999", now) == timedelta(hours=24)


def test_a_receiver_that_is_gone_is_disabled_at_once(
    world: World, receiver: Receiver, ordered: tuple[str, str]
) -> None:
    endpoint_id, _ = ordered
    receiver.status = 410

    deliver_due(world)
    world.buy(customer_email="budi@example.com")

    assert endpoint(world, endpoint_id).disabled_reason == "gone"
    assert states(world) == [("order.created", "failed", 1)]


def test_a_receiver_that_fails_for_days_is_disabled_and_one_that_recovers_is_not(
    world: World, receiver: Receiver, ordered: tuple[str, str]
) -> None:
    endpoint_id, _ = ordered
    receiver.status = 500
    deliver_due(world)
    world.clock.time += FAILING_LIMIT - timedelta(hours=1)
    receiver.status = 200
    deliver_due(world)
    receiver.status = 500
    for hours in (0, 24, 24, 24, 24, 25):
        world.clock.move(hours=hours)
        kept = endpoint(world, endpoint_id).disabled_at
        again(world)
        deliver_due(world)

    assert kept is None
    assert endpoint(world, endpoint_id).disabled_reason == "failing"
    with pytest.raises(EndpointDisabled):
        again(world)


def test_an_endpoint_enabled_again_gets_what_waited_and_nothing_of_the_time_between(
    world: World, receiver: Receiver, ordered: tuple[str, str]
) -> None:
    endpoint_id, secret = ordered
    enable(world, endpoint_id, enabled=False)
    world.buy(customer_email="budi@example.com")
    disabled = deliver_due(world)

    enable(world, endpoint_id, enabled=True)

    assert disabled == 0
    assert deliver_due(world) == 1
    assert receiver.types(secret) == ["order.created"]


def test_after_a_rotation_both_secrets_verify_for_a_day_and_then_the_new_one_alone(
    world: World, receiver: Receiver, ordered: tuple[str, str]
) -> None:
    endpoint_id, old = ordered
    now = world.clock()
    new = rotate_secret(endpoint_id, school=None, database=world.database, vault=world.outside.vault, now=now)
    deliver_due(world)

    with world.database.begin() as db:
        endpoints.set_endpoint(db, endpoint_id, old_secret_until=now - timedelta(seconds=1))
    again(world)
    deliver_due(world)

    first, second = receiver.calls
    assert first.verified(old) == first.verified(new) == second.verified(new)
    assert endpoint(world, endpoint_id).old_secret_until is not None
    assert timedelta(hours=24) == OVERLAP
    with pytest.raises(WebhookVerificationError):
        second.verified(old)


@pytest.mark.usefixtures("ordered")
def test_a_delivery_is_sent_again_by_hand_under_its_id(world: World, receiver: Receiver) -> None:
    deliver_due(world)

    again(world)
    deliver_due(world)

    assert [call.id for call in receiver.calls] == [receiver.calls[0].id] * 2


def test_a_test_is_tried_once_and_harms_no_endpoint(world: World, receiver: Receiver) -> None:
    now_is_real(world)
    endpoint_id, secret = tell(world, receiver.url, "order.paid")
    ping(endpoint_id, school=None, database=world.database, now=world.clock())
    deliver_due(world)
    receiver.status = 500

    ping(endpoint_id, school=None, database=world.database, now=world.clock())
    deliver_due(world)

    assert receiver.calls[0].verified(secret) == receiver.calls[0].verified(secret) | {"type": "ping", "data": {}}
    assert states(world) == [("ping", "delivered", 1), ("ping", "failed", 1)]
    assert endpoint(world, endpoint_id).failing_since is None


def test_an_endpoint_that_was_removed_is_forgotten_with_its_deliveries(
    world: World, receiver: Receiver, ordered: tuple[str, str]
) -> None:
    endpoint_id, _ = ordered

    remove_endpoint(endpoint_id, school=None, database=world.database)

    assert (deliver_due(world), states(world), receiver.calls) == (0, [], [])
    with pytest.raises(EndpointUnknown):
        remove_endpoint(endpoint_id, school=None, database=world.database)


def test_a_secret_is_kept_sealed(world: World, ordered: tuple[str, str]) -> None:
    _, secret = ordered

    assert secret not in str(world.kept())
    assert secret.removeprefix("whsec_").encode() not in b"".join(row[4] for row in world.kept()["endpoints"])


def test_a_school_sees_and_touches_its_own_endpoints_alone(world: World) -> None:
    endpoint_id, _ = tell(world, "https://example.com/hook", school="mine")

    with world.database.read() as db:
        assert endpoints.find_endpoint(db, endpoint_id, "other") is None
        assert endpoints.list_endpoints(db, "other") == []
    with pytest.raises(EndpointUnknown):
        rotate_secret(
            endpoint_id, school="other", database=world.database, vault=world.outside.vault, now=world.clock()
        )
