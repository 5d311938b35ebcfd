"""A school is connected by OAuth: the consent page, the way back, the tokens and their refresh."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import sqlalchemy as sa
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge, create_s256_code_challenge
from pydantic import SecretStr
from starlette.testclient import TestClient

from kelaspay.faults import SealBroken
from kelaspay.install_faults import SubdomainInvalid
from kelaspay.outside import opened
from kelaspay.store import jobs, schools
from kelaspay.thinkific.oauth import checked_subdomain
from kelaspay.tokens import revoke
from kelaspay.vault import Vault
from kelaspay_emulators.serve import start
from tests.console.desk import joined
from tests.databases import BOTH, once_on_a_server
from tests.world import COURSE, Hosts, World, settings_for, world_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from _typeshed.wsgi import WSGIEnvironment

CLIENT = ("app-1", "the app's secret")
REDIRECT = "https://pay.example.com/oauth/callback"
SITE = "http://thinkific.test/sites/{subdomain}"
ASKING_AT_ONCE = 12
APP: dict[str, Any] = {
    "thinkific_api_key": None,
    "thinkific_client_id": CLIENT[0],
    "thinkific_client_secret": CLIENT[1],
    "thinkific_site_url": SITE,
}


@pytest.fixture
def app_world(urls: tuple[str, str | None], tmp_path: Path) -> Iterator[World]:
    """A world without an API key: the school connects by OAuth."""
    with world_on(tmp_path, *urls, **APP) as world:
        world.thinkific.add_app(*CLIENT, [REDIRECT])
        yield world


def begun(world: World, subdomain: str = "kelas") -> str:
    """The consent page's address, asked for in the world's browser."""
    answer = world.web.get(f"/oauth/install?subdomain={subdomain}", follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def consented(world: World, consent_page: str, decision: str = "izinkan") -> str:
    """The owner decides at Thinkific; returned is where the browser is sent."""
    with httpx2.Client(transport=Hosts(thinkific=world.thinkific), headers={"User-Agent": "browser"}) as browser:
        answer = browser.post(consent_page, data={"decision": decision})
    return str(answer.headers["location"])


def back(world: World, address: str) -> httpx2.Response:
    return world.web.get(address.removeprefix("https://pay.example.com"))


def connect(world: World) -> httpx2.Response:
    return back(world, consented(world, begun(world)))


def refreshes(world: World) -> int:
    return len([call for call in world.thinkific.calls if call.path.endswith("/oauth2/token")]) - 1


def test_whoever_paid_is_in_the_course_of_a_connected_school(app_world: World) -> None:
    answer = connect(app_world)
    app_world.sell()
    order_id = app_world.buy_and_pay()

    app_world.work()

    assert answer.status_code == 200
    assert app_world.status(order_id) == "completed"
    assert app_world.enrolled() == [("siti@example.com", COURSE)]
    assert app_world.web.get("/oauth/status/kelas").json()["connected"] is True


def test_the_consent_page_is_asked_for_as_thinkific_wants_it(app_world: World) -> None:
    asked = parse_qs(urlsplit(begun(app_world)).query)

    assert asked["redirect_uri"] == [REDIRECT]
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["client_id"] == [CLIENT[0]]
    assert asked["state"] != asked["code_challenge"]


def test_authlib_itself_agrees_with_our_challenge_and_the_emulators(app_world: World) -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    oauth = app_world.outside.oauth
    assert oauth is not None

    url = oauth.authorize_url("kelas", redirect_uri=REDIRECT, state="s", verifier=verifier)

    [challenge] = parse_qs(urlsplit(url).query)["code_challenge"]
    assert challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B
    assert compare_s256_code_challenge(verifier, challenge)
    assert challenge == create_s256_code_challenge(verifier)


@pytest.mark.parametrize(
    ("urls", "subdomain"),
    once_on_a_server(
        "evil.com", "evil.com/", "a@b", "a b", "", "-a", "a-", "..", "kelas%2Fx", "kelas#", "a" * 64, "ékole"
    ),
    indirect=["urls"],
)
def test_a_subdomain_can_never_name_another_host(app_world: World, subdomain: str) -> None:
    answer = app_world.web.get("/oauth/install", params={"subdomain": subdomain}, follow_redirects=False)

    assert answer.status_code == 422
    assert "Subdomain tidak dikenali" in answer.text
    with pytest.raises(SubdomainInvalid):
        checked_subdomain(subdomain)


def test_canceling_is_told_in_words_with_a_way_to_try_again(app_world: World) -> None:
    answer = back(app_world, consented(app_world, begun(app_world), "batal"))

    assert answer.status_code == 400
    assert "membatalkan" in answer.text
    assert 'value="kelas"' in answer.text


def test_whatever_else_thinkific_says_is_not_told_as_a_canceling(app_world: World) -> None:
    begun(app_world)

    answer = app_world.web.get("/oauth/callback?error=server_error")
    standard = app_world.web.get("/oauth/callback?error=access_denied")

    assert answer.status_code == 400
    assert "membatalkan" not in answer.text
    assert "Thinkific menolak permintaan ini" in answer.text
    assert 'value="kelas"' in answer.text
    assert "membatalkan" in standard.text


def test_a_state_works_once(app_world: World) -> None:
    address = consented(app_world, begun(app_world))
    first = back(app_world, address)

    again = back(app_world, address)

    assert (first.status_code, again.status_code) == (200, 400)
    assert "sudah tidak berlaku" in again.text
    assert app_world.web.get("/oauth/status/kelas").json()["connected"] is True


def test_a_state_lapses_after_ten_minutes(app_world: World) -> None:
    address = consented(app_world, begun(app_world))
    app_world.clock.move(minutes=11)

    assert back(app_world, address).status_code == 400


def test_a_state_is_bound_to_the_browser_that_began(app_world: World) -> None:
    address = consented(app_world, begun(app_world))
    stranger = TestClient(app_world.web.app, base_url="https://pay.example.com")

    answer = stranger.get(address)

    assert answer.status_code == 400
    assert app_world.web.get("/oauth/status/kelas").json()["connected"] is False


def test_a_state_is_bound_to_its_subdomain(app_world: World) -> None:
    address = consented(app_world, begun(app_world)).replace("subdomain=kelas", "subdomain=lain")

    assert back(app_world, address).status_code == 400


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=y", "?code=x&state=y&subdomain=z", "?error=boom"])
def test_nonsense_never_ends_in_a_500(app_world: World, query: str) -> None:
    assert app_world.web.get(f"/oauth/callback{query}").status_code == 400


def test_a_wrong_code_is_told_in_words(app_world: World) -> None:
    [state] = parse_qs(urlsplit(begun(app_world)).query)["state"]

    answer = app_world.web.get("/oauth/callback", params={"code": "wrong", "state": state, "subdomain": "kelas"})

    assert answer.status_code == 502
    assert "menolak kode" in answer.text


def test_tokens_are_unreadable_in_the_database_and_bound_to_their_row(app_world: World) -> None:
    connect(app_world)
    with app_world.database.read() as db:
        school = schools.find_school(db, "kelas")
    assert school is not None
    assert school.access_token is not None
    vault = app_world.outside.vault

    token = vault.open(school.access_token, "schools/kelas/access_token")

    assert token.encode() not in school.access_token
    for place in ("schools/lain/access_token", "schools/kelas/refresh_token"):
        with pytest.raises(SealBroken):
            vault.open(school.access_token, place)
    with pytest.raises(SealBroken):
        Vault(SecretStr("another secret of the tests, long")).open(school.access_token, "schools/kelas/access_token")
    assert school.gid == app_world.thinkific.school.gid


def test_a_token_is_refreshed_before_it_ends(app_world: World) -> None:
    connect(app_world)
    app_world.sell()
    app_world.clock.move(hours=23, minutes=58)

    app_world.buy_and_pay()
    app_world.work()

    assert app_world.enrolled() == [("siti@example.com", COURSE)]
    assert refreshes(app_world) == 1


def test_a_401_refreshes_once_and_the_call_goes_through(app_world: World) -> None:
    connect(app_world)
    app_world.sell()
    app_world.thinkific.fail_next("POST", "/users", "401")

    order_id = app_world.buy_and_pay()
    app_world.work()

    assert app_world.status(order_id) == "completed"
    assert refreshes(app_world) == 1


def test_a_school_that_connects_again_after_days_has_its_payments_wait_out_the_next_hiccup_too(
    app_world: World,
) -> None:
    connect(app_world)
    app_world.sell()
    app_world.thinkific.uninstall(CLIENT[0])
    order_id = app_world.buy_and_pay()
    app_world.work_for(hours=30)

    connect(app_world)
    app_world.thinkific.fail_next("*", "/", "503")
    app_world.work()
    waiting = (app_world.status(order_id), app_world.payment(order_id).attention)
    app_world.work_for(hours=1)

    assert waiting == ("paid", None)
    assert app_world.status(order_id) == "completed"


@pytest.mark.parametrize("urls", [BOTH[0]], indirect=True)
def test_tokens_in_an_answer_that_cannot_be_decoded_are_no_fault_of_the_payments(app_world: World) -> None:
    connect(app_world)
    app_world.sell()
    app_world.clock.move(hours=23, minutes=58)
    app_world.hosts.put("thinkific", garbling_tokens(app_world))

    order_id = app_world.buy_and_pay()
    app_world.work()

    with app_world.database.read() as db:
        job = jobs.find_job(db, order_id)
    assert job is not None
    assert (job.fault, job.attempts) == ("thinkific_unavailable", 0)


def garbling_tokens(world: World) -> Callable[[WSGIEnvironment, Any], Iterable[bytes]]:
    """Thinkific, whose tokens say that they are packed, and are not."""

    def app(environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
        def answered(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            packed = [("Content-Encoding", "gzip")] if environ["PATH_INFO"].endswith("/oauth2/token") else []
            return start_response(status, [*headers, *packed])

        return world.thinkific(environ, answered)

    return app


def test_a_refused_refresh_keeps_payments_waiting_until_the_school_is_connected_again(app_world: World) -> None:
    connect(app_world)
    app_world.sell()
    app_world.thinkific.uninstall(CLIENT[0])
    order_id = app_world.buy_and_pay()
    app_world.work()
    calls = len(app_world.thinkific.calls)

    app_world.work_for(hours=30)
    waiting = (app_world.status(order_id), app_world.web.get("/oauth/status/kelas").json()["state"])
    quiet = len(app_world.thinkific.calls) == calls
    connect(app_world)
    app_world.work()

    assert waiting == ("paid", "reconnect")
    assert quiet
    assert app_world.status(order_id) == "completed"


def test_a_stranger_who_connects_a_site_of_theirs_neither_becomes_the_school_nor_shuts_it_out(
    urls: tuple[str, str | None], tmp_path: Path
) -> None:
    with world_on(tmp_path, *urls, **APP, thinkific_subdomain=None) as world:
        world.thinkific.add_app(*CLIENT, [REDIRECT])
        stranger = world.thinkific.add_school("lain", "f" * 32)
        connect(world)
        world.sell()
        world.clock.move(hours=1)
        back(world, consented(world, begun(world, "lain")))
        connect(world)  # again, and so later than the stranger

        order_id = world.buy_and_pay()
        world.work()

        assert world.web.get("/oauth/status/lain").json()["connected"] is True
        assert world.status(order_id) == "completed"
        assert world.enrolled() == [("siti@example.com", COURSE)]
        assert stranger.enrolled() == []


def test_revoking_is_the_operators(app_world: World) -> None:
    connect(app_world)

    answer = app_world.web.post("/oauth/revoke?subdomain=kelas")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert app_world.web.get("/oauth/status/kelas").json()["connected"] is True


def test_a_connection_is_ended_with_the_tokens_that_were_made_in_between(postgres_url: str, tmp_path: Path) -> None:
    """On PostgreSQL: on SQLite nobody else writes between the look and the end."""
    with world_on(tmp_path, postgres_url, None, **APP) as world:
        world.thinkific.add_app(*CLIENT, [REDIRECT])
        connect(world)
        world.clock.move(hours=23, minutes=58)
        seen: list[str] = []

        def refreshed_first(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if not seen and statement.startswith("UPDATE schools"):
                seen.append(statement)
                with ThreadPoolExecutor(1) as another:
                    another.submit(lambda: next(iter(world.school.thinkific.get_products()), None)).result()

        sa.event.listen(world.database.engine, "before_cursor_execute", refreshed_first)
        oauth, vault = world.outside.oauth, world.outside.vault
        assert oauth is not None

        ended = revoke("kelas", database=world.database, oauth=oauth, vault=vault)

        assert (ended, refreshes(world)) == (True, 1)
        assert world.web.get("/oauth/status/kelas").json()["state"] == "revoked"
        assert len(world.thinkific.office.grants) == 1  # the one of before lives out its day


def test_without_an_app_oauth_is_not_there(embedded: World) -> None:
    for path in ("/oauth/install?subdomain=kelas", "/oauth/callback?code=x", "/oauth/status/kelas"):
        answer = embedded.web.get(path)

        assert (answer.status_code, answer.json()["code"]) == (404, "not_configured")


def test_an_access_token_in_the_keys_place_is_sent_as_a_bearer(urls: tuple[str, str | None], tmp_path: Path) -> None:
    with world_on(tmp_path, *urls, thinkific_api_key="x" * 40) as world:
        token = world.thinkific.school.add_access_token()
    with world_on(tmp_path, *urls, thinkific_api_key=token) as world:
        world.thinkific.school.access_tokens.add(token)
        world.sell()

        order_id = world.buy_and_pay()
        world.work()

        assert world.status(order_id) == "completed"


def test_many_asking_in_two_processes_refresh_once(app_world: World, tmp_path: Path) -> None:
    connect(app_world)
    app_world.clock.move(hours=23, minutes=58)
    served = start(app_world.thinkific)
    try:
        settings = settings_for(
            tmp_path,
            app_world.outside.settings.database,
            app_world.outside.settings.redis_url,
            app_world.thinkific,
            thinkific_api_key=None,
            thinkific_client_id=CLIENT[0],
            thinkific_client_secret=CLIENT[1],
            thinkific_api_url=served.url,
            thinkific_site_url=f"{served.url}/sites/{{subdomain}}",
        )
        values = settings.model_dump(mode="json", exclude_none=True) | {
            "secret_key": "a secret of the tests, long enough",
            "duitku_api_key": "732B39FC61796845775D2C4FB05332AF",
            "thinkific_client_secret": CLIENT[1],
            "now": app_world.clock().isoformat(),
            "asking": ASKING_AT_ONCE,
        }
        other = subprocess.Popen([sys.executable, "-m", "tests.asking", json.dumps(values)], stdout=subprocess.PIPE)
        with opened(settings, now=app_world.clock) as outside, ThreadPoolExecutor(ASKING_AT_ONCE) as pool:
            thinkific = outside.schools.of().thinkific
            here = list(pool.map(lambda _: sum(1 for _ in thinkific.get_products()), range(ASKING_AT_ONCE)))
        there, _ = other.communicate(timeout=60)
    finally:
        served.stop()

    assert len(here) == ASKING_AT_ONCE
    assert json.loads(there) == [0] * ASKING_AT_ONCE
    assert refreshes(app_world) == 1


def test_an_owner_of_one_school_cannot_end_the_connection_of_another(app_world: World) -> None:
    connect(app_world)
    app_world.add_school("tetangga")
    stranger = joined(app_world, email="tetangga@example.com", school="tetangga")
    csrf = re.findall(r'name="csrf" value="(\w+)"', stranger.open("/console"))[0]

    answer = stranger.web.post("/oauth/revoke?subdomain=kelas", data={"csrf": csrf})

    assert answer.status_code == 404
    assert app_world.web.get("/oauth/status/kelas").json()["connected"] is True
