"""Users at the emulated Thinkific: created, found, refused and changed as the documentation says."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest

from kelaspay_emulators.thinkific import Switches, ThinkificEmulator

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BUDI = {"first_name": "Budi", "last_name": "Santoso", "email": "budi@contoh.id"}


@pytest.fixture
def emulator() -> ThinkificEmulator:
    return ThinkificEmulator(now=lambda: NOON)


@pytest.fixture
def api(emulator: ThinkificEmulator) -> httpx2.Client:
    return httpx2.Client(
        transport=httpx2.WSGITransport(app=emulator),
        base_url="http://thinkific.test/api/public/v1",
        headers={"X-Auth-API-Key": emulator.school.api_key, "X-Auth-Subdomain": "kelas"},
    )


def test_a_created_user_comes_back_with_every_documented_field(api: httpx2.Client) -> None:
    created = api.post("/users", json=BUDI)

    assert created.status_code == 201
    assert created.json() == {
        "id": created.json()["id"],
        "created_at": "2026-01-05T12:00:00.000Z",
        "first_name": "Budi",
        "last_name": "Santoso",
        "full_name": "Budi Santoso",
        "email": "budi@contoh.id",
        "roles": [],
        "administered_course_ids": None,
        "custom_profile_fields": [],
        "company": None,
        "bio": None,
        "headline": None,
        "avatar_url": None,
        "affiliate_code": None,
        "affiliate_commission": None,
        "affiliate_commission_type": None,
        "affiliate_payout_email": None,
        "external_source": None,
    }


def test_blank_names_and_addresses_are_refused_field_by_field(api: httpx2.Client) -> None:
    refused = api.post("/users", json={"first_name": "Budi", "last_name": " "})

    assert refused.status_code == 422
    assert refused.json() == {"errors": {"last_name": ["can't be blank"], "email": ["can't be blank"]}}


@pytest.mark.parametrize("email", ["budi", "budi@", "budi santoso@contoh.id", "budi@contoh"])
def test_what_is_no_address_is_refused(api: httpx2.Client, email: str) -> None:
    assert api.post("/users", json={**BUDI, "email": email}).json() == {"errors": {"email": ["is invalid"]}}


def test_a_short_password_is_refused(api: httpx2.Client) -> None:
    refused = api.post("/users", json={**BUDI, "password": "12345"})

    assert refused.json() == {"errors": {"password": ["is too short (minimum is 6 characters)"]}}


def test_an_address_is_taken_in_whatever_case(api: httpx2.Client) -> None:
    api.post("/users", json=BUDI)
    again = api.post("/users", json={**BUDI, "email": "BUDI@contoh.id"})

    assert again.status_code == 422
    assert again.json() == {"errors": {"email": ["has already been taken"]}}


def test_only_query_brackets_filter_a_search(api: httpx2.Client) -> None:
    api.post("/users", json=BUDI)
    api.post("/users", json={**BUDI, "email": "budi+kelas@contoh.id"})

    assert len(api.get("/users", params={"email": "nobody@contoh.id"}).json()["items"]) == 2
    assert api.get("/users", params={"query[email]": "nobody@contoh.id"}).json()["items"] == []
    found = api.get("/users", params={"query[email]": "Budi+Kelas@contoh.id"}).json()["items"]
    assert [each["email"] for each in found] == ["budi+kelas@contoh.id"]


def test_a_plus_that_is_not_percent_encoded_finds_nobody(api: httpx2.Client) -> None:
    api.post("/users", json={**BUDI, "email": "budi+kelas@contoh.id"})
    raw = api.get("http://thinkific.test/api/public/v1/users?query[email]=budi+kelas@contoh.id")

    assert raw.json()["items"] == []


def test_users_are_filtered_by_role_source_and_group(api: httpx2.Client) -> None:
    budi = api.post("/users", json={**BUDI, "roles": ["affiliate"], "external_source": "kelaspay"}).json()["id"]
    api.post("/users", json={**BUDI, "email": "siti@contoh.id"})
    group = api.post("/groups", json={"name": "Angkatan 1"}).json()["id"]
    joined = api.post("/group_users", json={"user_id": budi, "group_names": ["Angkatan 1"]})

    assert joined.status_code == 201
    for name, value in (("role", "affiliate"), ("external_source", "kelaspay"), ("group_id", group)):
        items = api.get("/users", params={f"query[{name}]": value}).json()["items"]
        assert [each["id"] for each in items] == [budi]


def test_required_custom_fields_refuse_a_create_unless_skipped(api: httpx2.Client, emulator: ThinkificEmulator) -> None:
    emulator.switches.required_custom_fields = ["Kota"]
    refused = api.post("/users", json=BUDI)
    definition = api.get("/custom_profile_field_definitions").json()["items"][0]
    value = {"custom_profile_field_definition_id": definition["id"], "value": "Bandung"}
    given = api.post("/users", json={**BUDI, "custom_profile_fields": [value]})
    skipped = api.post("/users", json={**BUDI, "email": "siti@contoh.id", "skip_custom_fields_validation": True})

    assert refused.json() == {"errors": {"custom_profile_fields": ["Kota can't be blank"]}}
    assert definition == {"id": 501, "label": "Kota", "field_type": "text", "required": True}
    assert given.json()["custom_profile_fields"][0]["label"] == "Kota"
    assert skipped.status_code == 201


def test_a_custom_field_filter_needs_label_and_value_together(api: httpx2.Client, emulator: ThinkificEmulator) -> None:
    emulator.switches.required_custom_fields = ["Kota"]
    field = {"custom_profile_field_definition_id": 501, "value": "Bandung"}
    api.post("/users", json={**BUDI, "custom_profile_fields": [field]})
    label = {"query[custom_profile_field_label]": "Kota"}

    assert len(api.get("/users", params=label).json()["items"]) == 1
    assert api.get("/users", params={**label, "query[custom_profile_field_value]": "Solo"}).json()["items"] == []


def test_the_welcome_email_goes_out_only_when_asked_for(api: httpx2.Client, emulator: ThinkificEmulator) -> None:
    api.post("/users", json=BUDI)
    api.post("/users", json={**BUDI, "email": "siti@contoh.id", "send_welcome_email": True})

    assert [each.welcome_emails for each in emulator.school.users.values()] == [0, 1]


def test_a_user_is_changed_with_an_empty_204(api: httpx2.Client) -> None:
    user_id = api.post("/users", json=BUDI).json()["id"]
    changed = api.put(f"/users/{user_id}", json={"last_name": "Wijaya", "external_source": "kelaspay"})
    kept = api.get(f"/users/{user_id}").json()

    assert (changed.status_code, changed.content) == (204, b"")
    assert (kept["full_name"], kept["external_source"], kept["email"]) == ("Budi Wijaya", "kelaspay", BUDI["email"])


def test_a_changed_address_is_found_and_the_old_one_is_free_again(api: httpx2.Client) -> None:
    user_id = api.post("/users", json=BUDI).json()["id"]
    api.post("/users", json={**BUDI, "email": "siti@contoh.id"})
    taken = api.put(f"/users/{user_id}", json={"email": "Siti@contoh.id"})
    api.put(f"/users/{user_id}", json={"email": "santoso@contoh.id"})

    assert taken.json() == {"errors": {"email": ["has already been taken"]}}
    assert api.get("/users", params={"query[email]": "santoso@contoh.id"}).json()["items"][0]["id"] == user_id
    assert api.post("/users", json=BUDI).status_code == 201


def test_a_deleted_user_is_gone_with_his_enrollments(api: httpx2.Client, emulator: ThinkificEmulator) -> None:
    course = emulator.school.add_course("Belajar Python")
    user_id = api.post("/users", json=BUDI).json()["id"]
    api.post("/enrollments", json={"user_id": user_id, "course_id": course.id})
    gone = api.delete(f"/users/{user_id}")

    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(f"/users/{user_id}").json() == {"error": "Record not found."}
    assert api.get("/enrollments").json()["items"] == []


def test_an_external_id_finds_its_user_by_provider(api: httpx2.Client) -> None:
    user_id = api.post("/users", json={**BUDI, "external_id": "kp-1"}).json()["id"]

    assert api.get("/users/kp-1", params={"provider": "SSO"}).json()["id"] == user_id
    assert api.get("/users/kp-1", params={"provider": "OPENID_CONNECT"}).status_code == 404
    assert api.get("/users/kp-1").status_code == 404
    assert api.get(f"/users/{user_id}/authentications/SSO").json() == {"provider": "SSO", "external_id": "kp-1"}


def test_a_lagging_search_misses_a_user_just_refused_as_taken() -> None:
    emulator = ThinkificEmulator(switches=Switches(search_lag=2))
    api = httpx2.Client(
        transport=httpx2.WSGITransport(app=emulator),
        base_url="http://thinkific.test/api/public/v1",
        headers={"X-Auth-API-Key": emulator.school.api_key, "X-Auth-Subdomain": "kelas"},
    )
    api.post("/users", json=BUDI)
    api.post("/users", json=BUDI)
    searches = [api.get("/users", params={"query[email]": BUDI["email"]}).json()["items"] for _ in range(3)]

    assert [len(items) for items in searches] == [0, 0, 1]


def test_a_form_creates_a_user_as_json_does_and_a_trailing_slash_is_forgiven(api: httpx2.Client) -> None:
    assert api.post("/users/", data=BUDI).status_code == 201


@pytest.mark.parametrize("body", [b"{", b"[]", b'"budi"', b"\xff"])
def test_what_is_no_json_object_is_refused(api: httpx2.Client, body: bytes) -> None:
    refused = api.post("/users", content=body)

    assert refused.status_code == 400
    assert list(refused.json()) == ["error"]
