"""What stands before the emulated API: keys, pages of a list, limits, and faults on demand."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from kelaspay_emulators.thinkific import ThinkificEmulator

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
KEYED = {"X-Auth-API-Key": KEY, "X-Auth-Subdomain": "kelas"}


class World:
    def __init__(self) -> None:
        self.at = NOON
        self.emulator = ThinkificEmulator(now=lambda: self.at)
        self.api = self.client(KEYED)

    def client(self, headers: dict[str, str]) -> httpx2.Client:
        transport = httpx2.WSGITransport(app=self.emulator)
        return httpx2.Client(transport=transport, base_url="http://thinkific.test/api/public/v1", headers=headers)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Auth-API-Key": KEY},
        {"X-Auth-Subdomain": "kelas"},
        {"X-Auth-API-Key": KEY[:-1], "X-Auth-Subdomain": "kelas"},
        {"X-Auth-API-Key": KEY, "X-Auth-Subdomain": "kelas.thinkific.com"},
        {"Authorization": "Bearer unknown"},
        {"Authorization": f"Bearer {KEY}"},
    ],
)
def test_every_bad_credential_gets_the_same_32_bytes(world: World, headers: dict[str, str]) -> None:
    refused = world.client(headers).get("/users")

    assert refused.status_code == 401
    assert refused.content == b'{"error":"Authentication Error"}'
    assert len(refused.content) == 32


def test_an_access_token_of_the_site_is_let_in_unless_it_names_another_school(world: World) -> None:
    bearer = {"Authorization": f"Bearer {world.emulator.school.add_access_token()}"}

    assert world.client(bearer).get("/users").status_code == 200
    assert world.client({**bearer, "X-Auth-Subdomain": "kelas"}).get("/users").status_code == 200
    assert world.client({**bearer, "X-Auth-Subdomain": "lain"}).get("/users").status_code == 401


def test_schools_do_not_see_each_other(world: World) -> None:
    other = world.emulator.add_school("lain", "f" * 32)
    other.add_user("siti@contoh.id", "Siti", "Aminah")
    there = world.client({"X-Auth-API-Key": other.api_key, "X-Auth-Subdomain": "lain"})

    assert len(there.get("/users").json()["items"]) == 1
    assert world.api.get("/users").json()["items"] == []
    with pytest.raises(ValueError, match="its own"):
        world.emulator.add_school("ketiga", KEY)


def test_a_plan_without_api_is_refused_in_thinkific_words(world: World) -> None:
    world.emulator.switches.plan_without_api = True
    refused = world.api.get("/users")

    assert refused.status_code == 403
    assert refused.json() == {"error": "Access to Apps is not available on your plan. Upgrade to gain access"}


def test_a_request_without_user_agent_is_stopped_at_the_edge_with_html(world: World) -> None:
    del world.api.headers["User-Agent"]
    refused = world.api.post("/users", json={"first_name": "Budi", "last_name": "S", "email": "budi@contoh.id"})

    assert refused.status_code == 403
    assert refused.headers["Content-Type"].startswith("text/html")
    assert world.emulator.school.users == {}


class TestPages:
    @pytest.fixture
    def sixty(self, world: World) -> World:
        for number in range(60):
            world.emulator.school.add_user(f"u{number}@contoh.id", "U", str(number))
        return world

    def test_a_page_has_25_unless_told_otherwise(self, sixty: World) -> None:
        page = sixty.api.get("/users").json()

        assert len(page["items"]) == 25
        assert page["meta"] == {
            "pagination": {
                "current_page": 1,
                "next_page": 2,
                "prev_page": None,
                "total_pages": 3,
                "total_items": 60,
                "entries_info": "1-25 of 60",
            }
        }

    def test_the_last_page_points_back_only(self, sixty: World) -> None:
        page = sixty.api.get("/users", params={"page": 3}).json()

        assert [each["last_name"] for each in page["items"]] == [str(number) for number in range(50, 60)]
        assert page["meta"]["pagination"] == {
            "current_page": 3,
            "next_page": None,
            "prev_page": 2,
            "total_pages": 3,
            "total_items": 60,
            "entries_info": "51-60 of 60",
        }

    def test_past_the_end_there_is_nothing(self, sixty: World) -> None:
        page = sixty.api.get("/users", params={"page": 9}).json()

        assert page["items"] == []
        assert page["meta"]["pagination"]["next_page"] is None

    def test_a_limit_above_250_is_250_without_a_word(self, world: World) -> None:
        for number in range(260):
            world.emulator.school.add_user(f"u{number}@contoh.id", "U", str(number))
        page = world.api.get("/users", params={"limit": 1000})

        assert (page.status_code, len(page.json()["items"])) == (200, 250)

    def test_following_next_page_meets_everybody_once(self, sixty: World) -> None:
        seen: list[int] = []
        page: int | None = 1
        while page is not None:
            body = sixty.api.get("/users", params={"page": page, "limit": 7}).json()
            seen += [each["id"] for each in body["items"]]
            page = body["meta"]["pagination"]["next_page"]

        assert seen == list(sixty.emulator.school.users)


class TestLimits:
    def test_the_121st_request_in_a_minute_is_refused(self, world: World) -> None:
        statuses = [world.api.get("/users").status_code for _ in range(120)]
        refused = world.api.get("/users")

        assert statuses == [200] * 120
        assert refused.status_code == 429
        assert refused.content == b'{"error":"Rate limit exceeded"}'
        assert refused.headers["RateLimit-Reset"] == str(int((NOON + timedelta(seconds=60)).timestamp()) * 1000)
        assert "Retry-After" not in refused.headers

    def test_any_sixty_seconds_count_not_the_clock_minute(self, world: World) -> None:
        world.at += timedelta(seconds=30)
        for _ in range(120):
            world.api.get("/users")
        world.at += timedelta(seconds=59)
        early = world.api.get("/users").status_code
        world.at += timedelta(seconds=1)
        late = world.api.get("/users").status_code

        assert (early, late) == (429, 200)

    def test_each_school_has_its_own_budget(self, world: World) -> None:
        other = world.emulator.add_school("lain", "f" * 32)
        for _ in range(121):
            world.api.get("/users")
        there = world.client({"X-Auth-API-Key": other.api_key, "X-Auth-Subdomain": "lain"})

        assert there.get("/users").status_code == 200

    def test_a_bad_key_costs_the_school_nothing(self, world: World) -> None:
        stranger = world.client({**KEYED, "X-Auth-API-Key": "x"})
        for _ in range(130):
            stranger.get("/users")

        assert world.api.get("/users").status_code == 200

    def test_the_rate_can_be_switched_off(self, world: World) -> None:
        world.emulator.switches.rate = None

        assert {world.api.get("/users").status_code for _ in range(300)} == {200}

    def test_an_eleventh_request_at_the_same_time_is_refused(self, world: World) -> None:
        with ExitStack() as running:
            for _ in range(10):
                running.enter_context(world.emulator.limits.admitted("kelas"))
            refused = world.api.get("/users")

        assert (refused.status_code, refused.json()) == (429, {"error": "Rate limit exceeded"})
        assert world.api.get("/users").status_code == 200


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "status", "html"),
        [
            ("500", 500, False),
            ("502", 502, True),
            ("503", 503, True),
            ("520", 520, True),
            ("524", 524, True),
            ("401", 401, False),
            ("403", 403, True),
            ("403-plan", 403, False),
            ("403-scope", 403, False),
            ("404", 404, False),
            ("422", 422, False),
            ("429", 429, False),
        ],
    )
    def test_it_befalls_one_matching_request(self, world: World, kind: str, status: int, html: bool) -> None:
        world.emulator.fail_next("GET", "/users", kind)
        other = world.api.get("/courses").status_code
        failed = world.api.get("/users")

        assert other == 200
        assert failed.status_code == status
        assert failed.headers["Content-Type"].startswith("text/html") is html
        assert world.api.get("/users").status_code == 200

    def test_it_befalls_as_many_as_told(self, world: World) -> None:
        world.emulator.fail_next("*", "", "503", times=3)

        assert [world.api.get("/users").status_code for _ in range(4)] == [503, 503, 503, 200]

    def test_a_timeout_before_leaves_nothing_and_one_after_leaves_the_effect(self, world: World) -> None:
        for kind, email in (("timeout-before", "budi@contoh.id"), ("timeout-after", "siti@contoh.id")):
            world.emulator.fail_next("POST", "/users", kind)
            with pytest.raises(httpx2.ReadTimeout):
                world.api.post("/users", json={"first_name": "A", "last_name": "B", "email": email})

        assert [each.email for each in world.emulator.school.users.values()] == ["siti@contoh.id"]
        assert [each.status for each in world.emulator.calls] == [0, 0]

    def test_a_refused_connection_leaves_nothing(self, world: World) -> None:
        world.emulator.fail_next("POST", "/users", "connect")
        with pytest.raises(httpx2.ConnectError):
            world.api.post("/users", json={"first_name": "A", "last_name": "B", "email": "budi@contoh.id"})

        assert world.emulator.school.users == {}

    def test_an_enrollment_fails_with_an_array_as_it_does_in_earnest(self, world: World) -> None:
        world.emulator.fail_next("POST", "/enrollments", "422")

        assert world.api.post("/enrollments", json={}).json() == {"errors": ["Course could not be found."]}

    def test_an_unknown_kind_is_refused(self, world: World) -> None:
        with pytest.raises(ValueError, match="No fault is called"):
            world.emulator.fail_next("GET", "/users", "flood")

    def test_faults_can_be_taken_back(self, world: World) -> None:
        world.emulator.fail_next("GET", "/users", "503", times=5)
        world.emulator.clear_faults()

        assert world.api.get("/users").status_code == 200


def test_every_call_is_kept_with_whose_it_was(world: World) -> None:
    world.api.get("/users")
    world.client({}).get("/courses")

    assert [(each.method, each.path, each.status, each.subdomain) for each in world.emulator.calls] == [
        ("GET", "/api/public/v1/users", 200, "kelas"),
        ("GET", "/api/public/v1/courses", 401, ""),
    ]
