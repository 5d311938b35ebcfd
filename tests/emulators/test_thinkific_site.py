"""The emulated school in a browser: single sign-on, its pages, the GraphQL stub and the door for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from kelaspay_emulators.thinkific import ThinkificEmulator

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"
SITE = "http://thinkific.test/sites/kelas"
AFTER = "https://kelaspay.test/after"
ERROR = "https://kelaspay.test/error"


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def signed(key: str = KEY, algorithm: str = "HS256", **claims: object) -> str:
    """A token made here from the standard's own words."""
    header = _part(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    told = {"email": "budi@contoh.id", "first_name": "Budi", "last_name": "Santoso", "iat": int(NOON.timestamp())}
    body = _part(json.dumps({**told, **claims}).encode())
    return f"{header}.{body}.{_part(hmac.new(key.encode(), f'{header}.{body}'.encode(), hashlib.sha256).digest())}"


class World:
    def __init__(self) -> None:
        self.at = NOON
        self.emulator = ThinkificEmulator(now=lambda: self.at)
        self.school = self.emulator.school
        self.course = self.school.add_course("Belajar Python", price="150000.0")
        self.browser = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator), base_url=SITE)

    def sso(self, token: str, **params: str) -> httpx2.Response:
        return self.browser.get("/api/sso/v2/sso/jwt", params={"jwt": token, **params})


@pytest.fixture
def world() -> World:
    return World()


class TestSingleSignOn:
    def test_a_good_token_makes_the_user_signs_in_and_goes_on(self, world: World) -> None:
        answered = world.sso(signed(external_id="kp-1"), return_to=AFTER, error_url=ERROR)
        dashboard = world.browser.get("/enrollments")

        assert (answered.status_code, answered.headers["Location"]) == (302, AFTER)
        assert [(each.email, each.external_id) for each in world.school.users.values()] == [("budi@contoh.id", "kp-1")]
        assert "Keluar (budi@contoh.id)" in dashboard.text
        assert world.school.enrolled() == []

    def test_a_known_address_is_found_in_whatever_case(self, world: World) -> None:
        world.school.add_user("budi@contoh.id", "Budi", "Santoso")
        world.sso(signed(email="Budi@Contoh.id"), return_to=AFTER)

        assert len(world.school.users) == 1

    @pytest.mark.parametrize(
        "token",
        [
            "x",
            "a.b.c",
            signed(key=KEY[:-1]),
            signed(algorithm="none"),
            signed(algorithm="HS512"),
            signed(email=""),
            signed(iat=None),
            signed(iat=int(NOON.timestamp()) + 1),
            signed(iat=int(NOON.timestamp()) - 301),
            signed(exp=int(NOON.timestamp())),
            signed().replace(".", "x", 1),
        ],
    )
    def test_a_bad_token_goes_to_the_error_url_and_signs_nobody_in(self, world: World, token: str) -> None:
        answered = world.sso(token, return_to=AFTER, error_url=ERROR)

        assert answered.headers["Location"].startswith(f"{ERROR}?error=")
        assert world.school.users == {}
        assert world.school.sessions == {}

    def test_without_an_error_url_it_goes_on_unsigned_or_says_so_on_a_page(self, world: World) -> None:
        assert world.sso("x", return_to=AFTER).headers["Location"] == AFTER
        assert world.sso("x").status_code == 401


class TestPages:
    @pytest.mark.parametrize(
        "path", ["/", "/courses/belajar-python", "/users/sign_in", "/users/password/new", "/manage/apps/kelaspay"]
    )
    def test_every_page_says_that_it_is_an_emulator(self, world: World, path: str) -> None:
        page = world.browser.get(path)

        assert page.status_code == 200
        assert "emulator Thinkific" in page.text
        assert "<script" not in page.text

    @pytest.mark.parametrize("email", ["budi@contoh.id", "siapa@contoh.id"])
    def test_whoever_asks_for_a_password_hears_nothing_of_who_is_known(self, world: World, email: str) -> None:
        world.school.add_user("budi@contoh.id", "Budi", "Santoso")

        asked = world.browser.post("/users/password", data={"email": email})

        assert asked.status_code == 200
        assert "Jika e-mail ini terdaftar" in asked.text

    def test_the_overview_shows_users_enrollments_orders_and_calls(self, world: World) -> None:
        user = world.school.add_user("budi@contoh.id", "<b>Budi</b>", "Santoso")
        world.school.add_enrollment(user.id, world.course.id, activated_at=None, expiry_date=NOON)
        keyed = {"X-Auth-API-Key": KEY, "X-Auth-Subdomain": "kelas"}
        order = {
            "payment_provider": "duitku",
            "user_id": user.id,
            "product_id": world.course.product_id,
            "order_type": "one-time",
            "transaction": {"amount": 150_000, "currency": "IDR", "reference": "D-1"},
        }
        api = "http://thinkific.test/api/public/v1"
        world.browser.post(f"{api}/external_orders", json=order, headers=keyed)
        page = world.browser.get("http://thinkific.test/").text

        for words in ("budi@contoh.id", "Uji coba", "Kedaluwarsa", "150000 IDR", "D-1", "/external_orders"):
            assert words in page
        assert "&lt;b&gt;Budi" in page

    def test_the_buy_link_leads_to_the_shop(self, world: World) -> None:
        world.emulator.switches.buy_url = "https://kelaspay.test/buy/{slug}?p={product_id}"
        page = world.browser.get("/courses/belajar-python").text

        assert f'href="https://kelaspay.test/buy/belajar-python?p={world.course.product_id}"' in page

    def test_the_player_opens_for_full_access_only(self, world: World) -> None:
        unknown = world.browser.get("/courses/take/belajar-python")
        user = world.school.add_user("budi@contoh.id", "Budi", "Santoso")
        world.browser.post("/users/sign_in", data={"email": "budi@contoh.id"})
        outside = world.browser.get("/courses/take/belajar-python").text
        enrollment = world.school.add_enrollment(user.id, world.course.id, activated_at=None)
        trial = world.browser.get("/courses/take/belajar-python").text
        enrollment.activated_at = NOON
        full = world.browser.get("/courses/take/belajar-python").text
        enrollment.expiry_date = NOON
        ended = world.browser.get("/courses/take/belajar-python").text

        assert unknown.headers["Location"] == "/sites/kelas/users/sign_in"
        assert "belum terdaftar" in outside
        assert "Uji coba gratis" in trial
        assert "Akses penuh" in full
        assert "sudah berakhir" in ended

    def test_only_a_user_of_the_school_signs_in_and_may_sign_out(self, world: World) -> None:
        refused = world.browser.post("/users/sign_in", data={"email": "budi@contoh.id"})
        world.school.add_user("budi@contoh.id", "Budi", "Santoso")
        world.browser.post("/users/sign_in", data={"email": "Budi@contoh.id"})
        inside = world.browser.get("/enrollments").status_code
        world.browser.post("/users/sign_out")

        assert (refused.status_code, inside) == (422, 200)
        assert world.browser.get("/enrollments").status_code == 302

    @pytest.mark.parametrize("path", ["/courses/none", "/courses/take/none", "/enroll/1", "/none"])
    def test_what_is_not_there_is_not_found(self, world: World, path: str) -> None:
        assert world.browser.get(path).status_code == 404

    def test_pages_are_not_kept_among_the_calls(self, world: World) -> None:
        world.browser.get("/")
        world.sso("x")

        assert [each.path for each in world.emulator.calls] == ["/sites/kelas/api/sso/v2/sso/jwt"]


class TestGraphQL:
    def ask(self, world: World, token: str, query: str, **variables: object) -> httpx2.Response:
        return world.browser.post(
            "http://thinkific.test/stable/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {token}"},
        )

    def test_site_user_and_product_are_answered_to_a_token(self, world: World) -> None:
        world.school.add_user("budi@contoh.id", "Budi", "Santoso")
        token = world.school.add_access_token()
        query = "query($e: String!) { site { name } userByEmail(email: $e) { id } }"
        both = self.ask(world, token, query, e="budi@contoh.id").json()
        product = self.ask(world, token, f'{{ product(id: "{world.course.product_id}") {{ name }} }}').json()

        assert both["data"]["site"]["subdomain"] == "kelas"
        assert both["data"]["userByEmail"]["email"] == "budi@contoh.id"
        assert both["extensions"]["rateLimit"]["limit"] == 2000
        assert product["data"]["product"]["productableId"] == str(world.course.id)

    def test_the_api_key_is_not_accepted(self, world: World) -> None:
        assert self.ask(world, KEY, "{ site { name } }").status_code == 401

    def test_what_is_not_emulated_says_so(self, world: World) -> None:
        answered = self.ask(world, world.school.add_access_token(), "{ me { id } }")

        assert list(answered.json()) == ["errors"]


class TestDoorForTests:
    def post(self, world: World, door: str, **body: object) -> httpx2.Response:
        return world.browser.post(f"http://thinkific.test/_emulator/{door}", json=body)

    def get(self, world: World, door: str, **params: str) -> dict[str, object]:
        shown: dict[str, object] = world.browser.get(f"http://thinkific.test/_emulator/{door}", params=params).json()
        return shown

    def test_a_school_is_furnished_and_its_state_read(self, world: World) -> None:
        self.post(world, "schools", subdomain="lain", api_key="f" * 32)
        course = self.post(world, "courses", subdomain="lain", name="Desain", price="50000.0").json()
        bundle = self.post(world, "bundles", subdomain="lain", name="Paket", course_ids=[course["id"]])
        who = {"email": "budi@contoh.id", "first_name": "Budi", "last_name": "S"}
        user = self.post(world, "users", subdomain="lain", **who).json()
        pair = {"subdomain": "lain", "user_id": user["id"], "course_id": course["id"]}
        enrollment = self.post(world, "enrollments", **pair, activated_at="2026-01-05T12:00:00Z").json()
        self.post(world, "progress", subdomain="lain", enrollment_id=enrollment["id"], percentage=100)
        state = self.get(world, "state", subdomain="lain")

        assert bundle.status_code == 201
        assert state["enrolled"] == [["budi@contoh.id", "Desain"]]
        assert isinstance(state["enrollments"], list)
        assert (state["enrollments"][0]["creations"], state["enrollments"][0]["completed"]) == (0, True)
        assert self.get(world, "state")["users"] == []

    def test_switches_and_faults_are_set_from_outside(self, world: World) -> None:
        flipped = self.post(world, "switches", enrollment_mode="422", rate=None, bundle_mode=202)
        self.post(world, "faults", method="GET", path_part="/users", kind="503", times=1)
        keyed = {"X-Auth-API-Key": KEY, "X-Auth-Subdomain": "kelas"}
        status = world.browser.get("http://thinkific.test/api/public/v1/users", headers=keyed).status_code

        assert (flipped.json()["enrollment_mode"], flipped.json()["rate"]) == ("422", None)
        assert world.emulator.switches.bundle_mode == 202
        assert status == 503
        assert self.get(world, "calls", subdomain="kelas")["total"] == 1

    @pytest.mark.parametrize(
        ("door", "body"),
        [
            ("switches", {"speed": 1}),
            ("switches", {"enrollment_mode": "maybe"}),
            ("switches", {"rate": "fast"}),
            ("switches", {"latency_seconds": True}),
            ("switches", {"hang_seconds": None}),
            ("faults", {"kind": "flood"}),
            ("courses", {}),
            ("bundles", {"name": "Paket", "course_ids": [1]}),
            ("schools", {"subdomain": "kelas", "api_key": "x"}),
            ("enrollments", {"user_id": 1, "course_id": 1}),
            ("uninstall", {"client_id": "nobody"}),
        ],
    )
    def test_what_does_not_fit_is_refused_with_a_sentence(
        self, world: World, door: str, body: dict[str, object]
    ) -> None:
        refused = self.post(world, door, **body)

        assert refused.status_code == 422
        assert refused.json()["error"]

    def test_an_app_is_added_and_thrown_out(self, world: World) -> None:
        self.post(world, "apps", client_id="client", client_secret="s", redirect_uris=[AFTER], scopes=["read:users"])
        ask = {"client_id": "client", "redirect_uri": AFTER, "response_type": "code"}
        world.browser.post("/oauth2/authorize", params=ask, data={"decision": "izinkan"})
        before = self.get(world, "state")["installed"]
        self.post(world, "uninstall", client_id="client")

        assert (before, self.get(world, "state")["installed"]) == (["client"], [])

    def test_there_is_no_other_door(self, world: World) -> None:
        assert world.browser.get("http://thinkific.test/_emulator/secrets").status_code == 404
        assert self.post(world, "deliver").json() == {"accepted": 0}


def test_learning_is_told_as_progress_and_completion(world: World) -> None:
    user = world.school.add_user("budi@contoh.id", "Budi", "Santoso")
    enrollment = world.school.add_enrollment(user.id, world.course.id, activated_at=NOON - timedelta(days=1))
    door = "http://thinkific.test/_emulator/progress"
    for percentage in (24, 100):
        world.browser.post(door, json={"enrollment_id": enrollment.id, "percentage": percentage})
    told = [(each.topic, each.payload["percentage_completed"]) for each in world.school.events.values()]

    assert told == [
        ("enrollment.progress", "24.0"),
        ("enrollment.progress", "100.0"),
        ("enrollment.completed", "100.0"),
    ]


def test_the_overview_says_what_the_emulator_can_be_told(world: World) -> None:
    told = re.findall(r"<code>(\w+) (/_emulator/\w+)</code>", world.browser.get("/").text)

    assert ("POST", "/_emulator/faults") in told
    assert {
        world.browser.request(method, f"http://thinkific.test{path}", json={}).status_code for method, path in told
    } <= {200, 201, 422}
