"""Installing an app at the emulated Thinkific: consent, codes, tokens that rotate, scopes and uninstalling."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from kelaspay_emulators.thinkific import ThinkificEmulator

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SECRET = "a secret of the app"
CALLBACK = "https://kelaspay.test/oauth/callback"
SITE = "http://thinkific.test/sites/kelas"

# RFC 7636, appendix B: a verifier and its challenge, worked out by others.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class World:
    def __init__(self) -> None:
        self.at = NOON
        self.emulator = ThinkificEmulator(now=lambda: self.at)
        self.emulator.add_app("client", SECRET, [CALLBACK], ["read:users", "write:users"])
        self.browser = httpx2.Client(transport=httpx2.WSGITransport(app=self.emulator))

    def ask(self, **params: str) -> dict[str, str]:
        return {"client_id": "client", "redirect_uri": CALLBACK, "response_type": "code", "state": "s 1&", **params}

    def consent(self, **params: str) -> dict[str, str]:
        """Press "Izinkan"; what the callback is told."""
        answered = self.browser.post(
            f"{SITE}/oauth2/authorize", params=self.ask(**params), data={"decision": "izinkan"}
        )
        return _told(answered)

    def token(self, secret: str = SECRET, **body: str) -> httpx2.Response:
        return self.browser.post(f"{SITE}/oauth2/token", data=body, auth=("client", secret))

    def exchanged(self, **params: str) -> dict[str, Any]:
        pair: dict[str, Any] = self.token(grant_type="authorization_code", code=self.consent()["code"], **params).json()
        return pair

    def users(self, access_token: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.browser.get("http://thinkific.test/api/public/v1/users", headers=headers)


def _told(answered: httpx2.Response) -> dict[str, str]:
    assert answered.status_code == 302
    assert answered.headers["Location"].startswith(f"{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answered.headers["Location"]).query).items()}


@pytest.fixture
def world() -> World:
    return World()


def test_consent_is_asked_first_and_leads_back_with_code_subdomain_and_state(world: World) -> None:
    page = world.browser.get(f"{SITE}/oauth2/authorize", params=world.ask())
    told = world.consent()

    assert page.status_code == 200
    assert "Izinkan" in page.text
    assert "Batal" in page.text
    assert told.keys() == {"code", "subdomain", "state"}
    assert (told["subdomain"], told["state"]) == ("kelas", "s 1&")


def test_an_app_let_in_before_comes_straight_back_with_a_new_code(world: World) -> None:
    first = world.consent()["code"]
    again = _told(world.browser.get(f"{SITE}/oauth2/authorize", params=world.ask()))

    assert again["code"] != first


def test_cancelling_comes_back_with_a_space_in_the_error(world: World) -> None:
    cancelled = world.browser.post(f"{SITE}/oauth2/authorize", params=world.ask(), data={"decision": "batal"})

    assert cancelled.headers["Location"] == f"{CALLBACK}?error=access+denied"


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": CALLBACK.replace("https", "http")},
        {"redirect_uri": "https://kelaspay.test//oauth/callback"},
        {"redirect_uri": f"{CALLBACK}?x=1"},
        {"client_id": "stranger"},
        {"response_type": "token"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
    ],
)
def test_what_does_not_fit_exactly_gets_a_page_and_never_a_redirect(world: World, wrong: dict[str, str]) -> None:
    for answered in (
        world.browser.get(f"{SITE}/oauth2/authorize", params=world.ask(**wrong)),
        world.browser.post(f"{SITE}/oauth2/authorize", params=world.ask(**wrong), data={"decision": "izinkan"}),
    ):
        assert answered.status_code == 401
        assert answered.headers["Content-Type"].startswith("text/html")
        assert "Location" not in answered.headers


def test_form_post_brings_the_code_in_a_form(world: World) -> None:
    page = world.browser.post(
        f"{SITE}/oauth2/authorize", params=world.ask(response_mode="form_post"), data={"decision": "izinkan"}
    )

    assert f'action="{CALLBACK}"' in page.text
    assert 'name="code"' in page.text


def test_the_school_is_also_found_by_its_host(world: World) -> None:
    for host in ("kelas.thinkific.test", "kelas.localhost:9002"):
        assert world.browser.get(f"http://{host}/oauth2/authorize", params=world.ask()).status_code == 200
    assert world.browser.get("http://lain.thinkific.test/oauth2/authorize", params=world.ask()).status_code == 404


def test_a_code_becomes_a_pair_of_tokens_that_opens_the_api(world: World) -> None:
    pair = world.exchanged()

    assert pair.keys() == {"access_token", "token_type", "refresh_token", "expires_in", "gid"}
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 86399)
    assert pair["gid"] == world.emulator.school.gid
    assert len(pair["access_token"]) > 32
    assert world.users(pair["access_token"]).status_code == 200


def test_a_token_request_may_be_json(world: World) -> None:
    body = {"grant_type": "authorization_code", "code": world.consent()["code"]}

    assert world.browser.post(f"{SITE}/oauth2/token", json=body, auth=("client", SECRET)).status_code == 200


def test_a_code_is_good_once(world: World) -> None:
    code = world.consent()["code"]
    first, second = (world.token(grant_type="authorization_code", code=code) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json() == {"error": "invalid_grant"}


def test_a_code_is_good_for_sixty_seconds(world: World) -> None:
    early, late = (world.consent()["code"] for _ in range(2))
    world.at += timedelta(seconds=59)
    in_time = world.token(grant_type="authorization_code", code=early).status_code
    world.at += timedelta(seconds=1)
    too_late = world.token(grant_type="authorization_code", code=late).status_code

    assert (in_time, too_late) == (200, 400)


def test_a_code_of_one_school_is_nothing_in_another(world: World) -> None:
    world.emulator.add_school("lain", "f" * 32)
    body = {"grant_type": "authorization_code", "code": world.consent()["code"]}
    refused = world.browser.post("http://thinkific.test/sites/lain/oauth2/token", data=body, auth=("client", SECRET))

    assert refused.status_code == 400


def test_the_challenge_of_the_standard_is_met_by_its_verifier_only(world: World) -> None:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == CHALLENGE
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    grant = "authorization_code"
    right = world.token(grant_type=grant, code=world.consent(**challenge)["code"], code_verifier=VERIFIER)
    wrong = world.token(grant_type=grant, code=world.consent(**challenge)["code"], code_verifier=VERIFIER[:-1])
    missing = world.token(grant_type=grant, code=world.consent(**challenge)["code"])

    assert (right.status_code, wrong.status_code, missing.status_code) == (200, 400, 400)


def test_a_client_without_secret_needs_pkce_and_gets_no_refresh_token(world: World) -> None:
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    grant = "authorization_code"
    proven = world.token("", grant_type=grant, code=world.consent(**challenge)["code"], code_verifier=VERIFIER)
    unproven = world.token("", grant_type=grant, code=world.consent()["code"])

    assert proven.status_code == 200
    assert "refresh_token" not in proven.json()
    assert unproven.status_code == 400


def test_a_wrong_secret_is_refused_and_leaves_the_code_alone(world: World) -> None:
    code = world.consent()["code"]
    refused = world.token("wrong", grant_type="authorization_code", code=code)

    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})
    assert world.token(grant_type="authorization_code", code=code).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic !!!", "Basic"])
def test_what_is_no_basic_authentication_is_refused(world: World, header: str) -> None:
    refused = world.browser.post(f"{SITE}/oauth2/token", data={}, headers={"Authorization": header})

    assert refused.status_code == 401


def test_a_refresh_token_is_good_once_and_brings_a_new_pair(world: World) -> None:
    first = world.exchanged()
    second = world.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    reused = world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    third = world.token(grant_type="refresh_token", refresh_token=second["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert (reused.status_code, reused.json()) == (400, {"error": "invalid refresh token"})
    assert third.status_code == 200


def test_an_access_token_dies_after_a_day(world: World) -> None:
    pair = world.exchanged()
    world.at += timedelta(seconds=86_399)

    assert world.users(pair["access_token"]).content == b'{"error":"Authentication Error"}'
    assert world.token(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 200


def test_revoking_kills_the_pair(world: World) -> None:
    pair = world.exchanged()
    revoked = world.browser.post(f"{SITE}/oauth2/revoke", data={"token": pair["access_token"]}, auth=("client", SECRET))

    assert revoked.status_code == 200
    assert world.users(pair["access_token"]).status_code == 401
    assert world.token(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 400


def test_an_unknown_grant_type_is_refused(world: World) -> None:
    assert world.token(grant_type="token").json() == {"error": "unsupported_grant_type"}


def test_what_the_app_has_no_scope_for_is_refused(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.exchanged()['access_token']}"}
    api = "http://thinkific.test/api/public/v1"
    orders = world.browser.post(f"{api}/external_orders", json={}, headers=headers)
    scripts = world.browser.get(f"{api}/site_scripts", headers=headers)
    known = world.browser.get(f"{api}/users", headers=headers)

    assert orders.status_code == 403
    assert orders.json() == {
        "error": "App does not have permission to perform this action. Please check the access token permissions"
    }
    assert scripts.json() == {"error": "Access token has insufficient scope."}
    assert known.status_code == 200


def test_an_app_cannot_change_an_address(world: World) -> None:
    user = world.emulator.school.add_user("budi@contoh.id", "Budi", "Santoso")
    headers = {"Authorization": f"Bearer {world.exchanged()['access_token']}"}
    path = f"http://thinkific.test/api/public/v1/users/{user.id}"

    assert world.browser.put(path, json={"email": "lain@contoh.id"}, headers=headers).status_code == 403
    assert world.browser.put(path, json={"last_name": "Wijaya"}, headers=headers).status_code == 204


def test_uninstalling_kills_the_tokens_and_asks_for_consent_anew(world: World) -> None:
    pair = world.exchanged()
    code = _told(world.browser.get(f"{SITE}/oauth2/authorize", params=world.ask()))["code"]
    world.emulator.uninstall("client")

    assert world.users(pair["access_token"]).status_code == 401
    assert world.token(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 400
    assert world.token(grant_type="authorization_code", code=code).status_code == 400
    assert world.browser.get(f"{SITE}/oauth2/authorize", params=world.ask()).status_code == 200
