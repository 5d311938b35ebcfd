"""Enrollments at the emulated Thinkific: trials, expiry, doubled creations, bundles and their late effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from kelaspay_emulators.thinkific import Course, ThinkificEmulator, User

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ACTIVATED = {"activated_at": "2026-01-05T12:00:00Z"}


class World:
    """One school with a course and a user, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = NOON
        self.emulator = ThinkificEmulator(now=lambda: self.at)
        self.course: Course = self.emulator.school.add_course("Belajar Python")
        self.user: User = self.emulator.school.add_user("budi@contoh.id", "Budi", "Santoso")
        self.pair = {"user_id": self.user.id, "course_id": self.course.id}
        self.api = httpx2.Client(
            transport=httpx2.WSGITransport(app=self.emulator),
            base_url="http://thinkific.test/api/public/v1",
            headers={"X-Auth-API-Key": self.emulator.school.api_key, "X-Auth-Subdomain": "kelas"},
        )

    def enroll(self, **more: object) -> httpx2.Response:
        return self.api.post("/enrollments", json={**self.pair, **more})

    def found(self, **filters: str) -> int:
        params = {f"query[{name}]": value for name, value in filters.items()}
        return len(self.api.get("/enrollments", params=params).json()["items"])


@pytest.fixture
def world() -> World:
    return World()


def test_an_enrollment_comes_back_with_every_documented_field(world: World) -> None:
    created = world.enroll(**ACTIVATED)

    assert created.status_code == 201
    assert created.json() == {
        "id": created.json()["id"],
        "created_at": "2026-01-05T12:00:00.000Z",
        "user_email": "budi@contoh.id",
        "user_name": "Budi Santoso",
        "user_id": world.user.id,
        "course_name": "Belajar Python",
        "course_id": world.course.id,
        "percentage_completed": "0.0",
        "expired": False,
        "is_free_trial": False,
        "completed": False,
        "started_at": None,
        "activated_at": "2026-01-05T12:00:00.000Z",
        "completed_at": None,
        "updated_at": "2026-01-05T12:00:00.000Z",
        "expiry_date": None,
        "credential_id": None,
        "certificate_url": None,
        "certificate_expiry_date": None,
    }


def test_without_activated_at_a_paying_buyer_gets_a_free_trial_only(world: World) -> None:
    trial = world.enroll()
    listed_before = world.emulator.school.enrolled()
    world.api.put(f"/enrollments/{trial.json()['id']}", json=ACTIVATED)

    assert trial.json()["is_free_trial"] is True
    assert listed_before == []
    assert world.emulator.school.enrolled() == [("budi@contoh.id", "Belajar Python")]


@pytest.mark.parametrize(
    ("wrong", "errors"),
    [
        ({"course_id": 1}, ["Course could not be found."]),
        ({"user_id": 1}, ["User could not be found."]),
        ({"user_id": None, "course_id": None}, ["Course could not be found.", "User could not be found."]),
        ({"activated_at": "kemarin"}, ["Activated at is invalid."]),
    ],
)
def test_wrong_ids_are_refused_with_an_array_of_sentences(
    world: World, wrong: dict[str, object], errors: list[str]
) -> None:
    refused = world.enroll(**wrong)

    assert refused.status_code == 422
    assert refused.json() == {"errors": errors}


def test_a_product_id_looks_like_a_course_id_and_is_refused(world: World) -> None:
    refused = world.enroll(course_id=world.course.product_id)

    assert len(str(world.course.product_id)) == len(str(world.course.id))
    assert refused.json() == {"errors": ["Course could not be found."]}


def test_enrolling_twice_keeps_one_enrollment_and_shows_the_second_post(world: World) -> None:
    first = world.enroll(**ACTIVATED, expiry_date="2026-02-01T00:00:00Z")
    second = world.enroll(**ACTIVATED)

    assert (second.status_code, second.json()["id"]) == (201, first.json()["id"])
    assert second.json()["expiry_date"] is None
    assert world.emulator.school.enrolled() == [("budi@contoh.id", "Belajar Python")] * 2
    assert [each.creations for each in world.emulator.school.enrollments.values()] == [2]
    assert len(world.emulator.school.creations) == 2


def test_enrolling_twice_is_refused_where_the_switch_says_so(world: World) -> None:
    world.emulator.switches.enrollment_mode = "422"
    world.enroll(**ACTIVATED)
    second = world.enroll(**ACTIVATED)

    assert second.status_code == 422
    assert second.json() == {"errors": ["User is already enrolled in this course."]}
    assert world.emulator.school.enrolled() == [("budi@contoh.id", "Belajar Python")]


def test_an_enrollment_expires_at_the_very_instant(world: World) -> None:
    enrollment_id = world.enroll(**ACTIVATED, expiry_date="2026-01-05T12:00:10Z").json()["id"]
    world.at += timedelta(seconds=9)
    before = world.api.get(f"/enrollments/{enrollment_id}").json()["expired"]
    world.at += timedelta(seconds=1)
    after = world.api.get(f"/enrollments/{enrollment_id}").json()["expired"]

    assert (before, after) == (False, True)
    assert world.emulator.school.enrolled() == []


def test_a_put_changes_only_what_it_names_and_null_clears(world: World) -> None:
    enrollment_id = world.enroll(**ACTIVATED).json()["id"]
    path = f"/enrollments/{enrollment_id}"
    ended = world.api.put(path, json={"expiry_date": "2026-01-04T23:59:59Z"})
    expired = world.api.get(path).json()
    world.api.put(path, json={"expiry_date": None})

    assert (ended.status_code, ended.content) == (204, b"")
    assert (expired["expired"], expired["activated_at"]) == (True, "2026-01-05T12:00:00.000Z")
    assert world.api.get(path).json()["expired"] is False


def test_there_is_no_way_to_delete_an_enrollment(world: World) -> None:
    enrollment_id = world.enroll(**ACTIVATED).json()["id"]
    refused = world.api.delete(f"/enrollments/{enrollment_id}")

    assert refused.status_code == 404
    assert world.found() == 1


def test_an_unknown_enrollment_is_not_found(world: World) -> None:
    assert world.api.get("/enrollments/1").json() == {"error": "Record not found."}
    assert world.api.put("/enrollments/1", json=ACTIVATED).status_code == 404


def test_filters_by_user_course_and_address_narrow_together(world: World) -> None:
    other = world.emulator.school.add_course("Desain")
    siti = world.emulator.school.add_user("siti@contoh.id", "Siti", "Aminah")
    for user, course in ((world.user, world.course), (world.user, other), (siti, other)):
        world.enroll(user_id=user.id, course_id=course.id, **ACTIVATED)
    budi, python = str(world.user.id), str(world.course.id)

    assert world.found() == 3
    assert world.found(user_id=budi) == 2
    assert world.found(course_id=python) == 1
    assert world.found(user_id=budi, course_id=python) == 1
    assert world.found(email="Siti@contoh.id") == 1
    assert world.found(email="siti@contoh.id", user_id=budi) == 0
    assert world.found(user_id="1") == 0
    assert world.found(email="nobody@contoh.id") == 0
    assert len(world.api.get("/enrollments", params={"user_id": "1"}).json()["items"]) == 3


def test_flags_filter_in_both_spellings_of_no(world: World) -> None:
    other = world.emulator.school.add_course("Desain")
    world.enroll(**ACTIVATED)
    world.enroll(course_id=other.id, expiry_date="2026-01-01T00:00:00Z")

    assert (world.found(expired="true"), world.found(expired="0"), world.found(expired="false")) == (1, 1, 1)
    assert (world.found(free_trial="true"), world.found(full="true"), world.found(completed="true")) == (1, 1, 0)


def test_dates_filter_to_the_second_when_created_and_by_day_when_updated(world: World) -> None:
    world.enroll(**ACTIVATED)

    assert world.found(created_after="2026-01-05T11:59:59Z") == 1
    assert world.found(created_before="2026-01-05T11:59:59Z") == 0
    assert world.found(created_on="2026-01-05") == 1
    assert world.found(updated_after="2026-01-05T11:59:59Z") == 0
    assert world.found(updated_on_or_after="2026-01-05T23:00:00Z") == 1
    assert world.found(updated_on_or_before="2026-01-04T23:00:00Z") == 0


def test_a_date_that_is_none_is_refused(world: World) -> None:
    world.enroll(**ACTIVATED)

    assert world.api.get("/enrollments", params={"query[created_on]": "kemarin"}).status_code == 400


class TestBundles:
    @pytest.fixture
    def bundle_path(self, world: World) -> str:
        school = world.emulator.school
        bundle = school.add_bundle("Paket", [world.course.id, school.add_course("Desain").id])
        return f"/bundles/{bundle.id}"

    def test_one_call_enrolls_in_every_course_and_says_nothing(self, world: World, bundle_path: str) -> None:
        done = world.api.post(f"{bundle_path}/enrollments", json={"user_id": world.user.id, **ACTIVATED})

        assert (done.status_code, done.content) == (201, b"")
        assert [course for _, course in world.emulator.school.enrolled()] == ["Belajar Python", "Desain"]

    def test_a_queued_bundle_takes_effect_late(self, world: World, bundle_path: str) -> None:
        world.emulator.switches.bundle_mode = 202
        queued = world.api.post(f"{bundle_path}/enrollments", json={"user_id": world.user.id, **ACTIVATED})
        who = {"query[user_id]": world.user.id}
        early = world.api.get(f"{bundle_path}/enrollments", params=who).json()["items"]
        world.at += timedelta(seconds=2)
        late = world.api.get(f"{bundle_path}/enrollments", params=who).json()["items"]

        assert (queued.status_code, queued.content) == (202, b"")
        assert (len(early), len(late)) == (0, 1)
        assert world.found(user_id=str(world.user.id)) == 2

    def test_a_put_ends_the_bundle_and_its_courses(self, world: World, bundle_path: str) -> None:
        body = {"user_id": world.user.id, **ACTIVATED}
        world.api.post(f"{bundle_path}/enrollments", json=body)
        ended = world.api.put(f"{bundle_path}/enrollments", json={**body, "expiry_date": "2026-01-01T00:00:00Z"})
        rows = world.api.get(f"{bundle_path}/enrollments", params={"query[email]": "budi@contoh.id"}).json()["items"]

        assert (ended.status_code, ended.content) == (204, b"")
        assert [each["expired"] for each in rows] == [True]
        assert world.emulator.school.enrolled() == []

    def test_a_bundle_needs_a_user(self, world: World, bundle_path: str) -> None:
        missing = world.api.post(f"{bundle_path}/enrollments", json=ACTIVATED)
        unknown = world.api.post(f"{bundle_path}/enrollments", json={"user_id": 1, **ACTIVATED})

        assert missing.json() == {"errors": {"user_id": ["can't be blank"]}}
        assert unknown.status_code == 422

    def test_a_bundle_lists_its_courses_and_bundles_are_not_listed(self, world: World, bundle_path: str) -> None:
        assert [each["name"] for each in world.api.get(f"{bundle_path}/courses").json()["items"]] == [
            "Belajar Python",
            "Desain",
        ]
        assert world.api.get(bundle_path).json()["course_ids"][0] == world.course.id
        assert world.api.get("/bundles").status_code == 404
