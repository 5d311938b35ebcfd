"""Webhooks of the emulated Thinkific: their management, which events fire, signatures, retries and repeats."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest

from kelaspay_emulators.thinkific import ThinkificEmulator

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
TARGET = "https://kelaspay.test/webhooks/thinkific"


class World:
    """A school whose deliveries arrive in a list."""

    def __init__(self) -> None:
        self.at = NOON
        self.answers: list[int] = []
        self.arrived: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.emulator = ThinkificEmulator(now=lambda: self.at, post=self.receive)
        self.http = httpx2.Client(
            transport=httpx2.WSGITransport(app=self.emulator),
            base_url="http://thinkific.test/api",
            headers={"Authorization": f"Bearer {KEY}"},
        )

    def receive(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.arrived.append((url, body, headers))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise httpx2.ConnectError("nobody there")
        return status

    def hook(self, topic: str, target_url: str = TARGET) -> httpx2.Response:
        return self.http.post("/v2/webhooks", json={"topic": topic, "target_url": target_url})

    def rest(self, method: str, path: str, **body: object) -> httpx2.Response:
        keyed = {"X-Auth-API-Key": KEY, "X-Auth-Subdomain": "kelas"}
        with httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), headers=keyed) as client:
            return client.request(method, f"http://thinkific.test/api/public/v1{path}", json=body)

    def sign_up(self, email: str = "budi@contoh.id") -> int:
        made = self.rest("POST", "/users", first_name="Budi", last_name="Santoso", email=email)
        return int(made.json()["id"])

    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body, _ in self.arrived]


@pytest.fixture
def world() -> World:
    return World()


class TestManagement:
    def test_a_webhook_is_made_read_changed_and_removed(self, world: World) -> None:
        made = world.hook("user.signup")
        path = f"/v2/webhooks/{made.json()['id']}"
        changed = world.http.put(path, json={"topic": "user.updated"})
        gone = world.http.delete(path)

        assert made.status_code == 201
        assert made.json().keys() == {
            "id",
            "status",
            "topic",
            "target_url",
            "created_at",
            "updated_at",
            "created_by",
            "updated_by",
        }
        assert (len(made.json()["id"]), made.json()["id"].isdigit(), made.json()["status"]) == (23, True, "active")
        assert (changed.status_code, changed.json()["topic"], changed.json()["target_url"]) == (
            200,
            "user.updated",
            TARGET,
        )
        assert (gone.status_code, gone.content) == (204, b"")
        assert world.http.get(path).json() == {"error": "Record not found."}

    @pytest.mark.parametrize("topic", ["user.created", "enrollment.updated", "order.completed", "", None])
    def test_invented_topics_are_refused(self, world: World, topic: str | None) -> None:
        refused = world.http.post("/v2/webhooks", json={"topic": topic, "target_url": TARGET})

        assert (refused.status_code, refused.json()) == (422, {"errors": {"topic": "invalid format"}})

    @pytest.mark.parametrize(
        "url",
        ["http://kelaspay.test/x", "https://localhost/x", "https://kelas.thinkific.com/x", "kelaspay", "https://[x/"],
    )
    def test_targets_that_thinkific_would_not_call_are_refused(self, world: World, url: str) -> None:
        assert world.hook("user.signup", url).json() == {"errors": {"url": "is not valid"}}

    def test_local_targets_can_be_switched_on(self, world: World) -> None:
        world.emulator.switches.local_targets = True

        assert world.hook("user.signup", "http://127.0.0.1:8000/webhooks/thinkific").status_code == 201

    def test_the_list_is_paged_by_cursor(self, world: World) -> None:
        ids = [world.hook("user.signup").json()["id"] for _ in range(3)]
        first = world.http.get("/v2/webhooks", params={"limit": 2}).json()
        second = world.http.get("/v2/webhooks", params={"limit": 2, "next": first["meta"]["page"]["next_page"]}).json()

        assert first["meta"]["page"] == {
            "has_next": True,
            "next_page": ids[2],
            "page_items": 2,
            "total_items": 3,
            "total_pages": 2,
        }
        assert [each["id"] for each in first["items"] + second["items"]] == ids
        assert second["meta"]["page"]["has_next"] is False

    def test_the_two_headers_of_v1_do_not_open_v2(self, world: World) -> None:
        world.http.headers.update({"X-Auth-API-Key": KEY, "X-Auth-Subdomain": "kelas"})
        del world.http.headers["Authorization"]

        assert world.http.get("/v2/webhooks").status_code == 401


class TestDeliveries:
    def test_the_signature_is_lower_case_hex_over_the_raw_body_with_the_api_key(self, world: World) -> None:
        world.hook("user.signup")
        world.sign_up()
        accepted = world.emulator.deliver_due()
        (url, body, headers) = world.arrived[0]

        assert (accepted, url) == (1, TARGET)
        assert headers["X-Thinkific-Hmac-Sha256"] == hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()

    def test_a_webhook_of_an_app_is_signed_with_its_secret(self, world: World) -> None:
        app = world.emulator.add_app("client", "app-secret", [])
        grant = world.emulator.office.grant(app, "kelas", renewable=True)
        world.http.headers["Authorization"] = f"Bearer {grant.access_token}"
        world.hook("user.signup")
        world.sign_up()
        world.emulator.deliver_due()
        (_, body, headers) = world.arrived[0]

        assert headers["X-Thinkific-Hmac-Sha256"] == hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()

    def test_the_envelope_names_resource_and_action_and_no_topic(self, world: World) -> None:
        world.hook("user.signup")
        user_id = world.sign_up()
        world.emulator.deliver_due()
        (envelope,) = world.bodies()
        payload = envelope["payload"]

        assert envelope.keys() == {
            "id",
            "resource",
            "action",
            "tenant_id",
            "tenant_global_id",
            "created_at",
            "timestamp",
            "payload",
        }
        assert (envelope["resource"], envelope["action"]) == ("user", "signup")
        assert (envelope["created_at"], envelope["timestamp"]) == ("2026-01-05T12:00:00.000Z", 1767614400)
        assert isinstance(payload, dict)
        assert payload["id"] == user_id
        assert "full_name" not in payload
        event = world.http.get(f"/v2/events/{envelope['id']}").json()
        assert (event["resource"], event["payload"]) == ("user", payload)

    def test_an_enrollment_is_told_as_created_a_trial_as_trial_and_an_end_not_at_all(self, world: World) -> None:
        for topic in ("enrollment.created", "enrollment.trial"):
            world.hook(topic)
        school = world.emulator.school
        full, trial = school.add_course("Belajar Python"), school.add_course("Desain")
        user_id = world.sign_up()
        pair = {"user_id": user_id, "course_id": full.id}
        made = world.rest("POST", "/enrollments", **pair, activated_at="2026-01-05T12:00:00Z").json()
        world.rest("POST", "/enrollments", user_id=user_id, course_id=trial.id)
        world.rest("PUT", f"/enrollments/{made['id']}", expiry_date="2026-01-04T00:00:00Z")
        world.emulator.deliver_due()
        told = [(each["resource"], each["action"]) for each in world.bodies()]
        payload = world.bodies()[0]["payload"]

        assert told == [("enrollment", "created"), ("enrollment", "trial")]
        assert isinstance(payload, dict)
        assert payload["free_trial"] is False
        assert "is_free_trial" not in payload
        assert payload["course"] == {"id": full.id, "name": "Belajar Python"}
        assert payload["user"] == {
            "id": user_id,
            "email": "budi@contoh.id",
            "first_name": "Budi",
            "last_name": "Santoso",
        }

    def test_changing_and_deleting_a_user_is_told(self, world: World) -> None:
        for topic in ("user.updated", "user.deleted"):
            world.hook(topic)
        user_id = world.sign_up()
        world.rest("PUT", f"/users/{user_id}", last_name="Wijaya")
        world.rest("DELETE", f"/users/{user_id}")
        world.emulator.deliver_due()

        assert [each["action"] for each in world.bodies()] == ["updated", "deleted"]

    def test_what_is_refused_is_sent_again_with_the_same_body_later_and_later(self, world: World) -> None:
        world.hook("user.signup")
        world.answers = [500, 0, 204]
        world.sign_up()
        world.emulator.deliver_due()
        at_once = world.emulator.deliver_due()
        world.at += timedelta(seconds=7)
        world.emulator.deliver_due()
        world.at += timedelta(seconds=13)
        too_soon = world.emulator.deliver_due()
        world.at += timedelta(seconds=1)
        accepted = world.emulator.deliver_due()

        assert (at_once, too_soon, accepted) == (0, 0, 1)
        assert len({body for _, body, _ in world.arrived}) == 1
        assert len(world.arrived) == 3

    def test_after_fourteen_attempts_in_sixteen_hours_it_is_given_up(self, world: World) -> None:
        world.hook("user.signup")
        world.answers = [500] * 99
        world.sign_up()
        while world.emulator.school.deliveries:
            world.at = max(world.at, world.emulator.school.deliveries[0].due_at)
            world.emulator.deliver_due()

        assert len(world.arrived) == 14
        assert timedelta(hours=15) < world.at - NOON < timedelta(hours=17)

    def test_a_delivery_can_be_switched_to_come_twice(self, world: World) -> None:
        world.emulator.switches.duplicate_deliveries = True
        world.hook("user.signup")
        world.sign_up()
        accepted = [world.emulator.deliver_due() for _ in range(3)]

        assert accepted == [1, 1, 0]
        assert len({body for _, body, _ in world.arrived}) == 1

    def test_uninstalling_tells_the_app_once_and_takes_its_webhooks(self, world: World) -> None:
        app = world.emulator.add_app("client", "app-secret", [])
        world.hook("app.uninstalled")
        grant = world.emulator.office.grant(app, "kelas", renewable=True)
        world.http.headers["Authorization"] = f"Bearer {grant.access_token}"
        world.hook("app.uninstalled", "https://kelaspay.test/uninstalled")
        world.emulator.uninstall("client")
        world.emulator.deliver_due()

        assert [url for url, _, _ in world.arrived] == ["https://kelaspay.test/uninstalled"]
        assert world.bodies()[0]["payload"] == {"subdomain": "kelas"}
        assert [each.app for each in world.emulator.school.webhooks.values()] == [None]
