"""Stories of getting in and of being kept out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.console.desk import EMAIL, PASSWORD, Desk, invited, joined

from kelaspay.operators import MOST_BY_PAIR, who
from kelaspay.store.operators import Role

if TYPE_CHECKING:
    from tests.world import World


def test_a_new_operator_chooses_a_password_behind_the_one_time_link_and_is_in(world: World) -> None:
    desk = Desk(world)
    desk.open(invited(world))
    desk.press("/console/invitation", password=PASSWORD)

    assert "Selamat datang" in desk.text
    assert desk.open("/console").count("<h1>") == 1
    assert desk.status == 200


def test_the_one_time_link_works_once(world: World) -> None:
    link = invited(world)
    first, second = Desk(world), Desk(world)
    first.open(link)
    second.open(link)

    first.press("/console/invitation", password=PASSWORD)
    second.press("/console/invitation", password="another long password")

    assert first.path == "/console"
    assert second.status == 404
    assert second.open(link)
    assert second.status == 404


def test_the_one_time_link_ends_after_two_days(world: World) -> None:
    link = invited(world)

    world.clock.move(days=2, seconds=1)
    desk = Desk(world)
    desk.open(link)

    assert desk.status == 404


def test_a_short_password_is_not_taken(world: World) -> None:
    desk = Desk(world)
    desk.open(invited(world))

    desk.press("/console/invitation", password="pendek")

    assert desk.status == 422
    desk.press("/console/invitation", password=PASSWORD)
    assert desk.path == "/console"


@pytest.mark.parametrize("password", ["password123456", "1234567890", "ibu.pemilik@example.com", "kelaspay2026"])
def test_a_password_that_anybody_would_try_is_not_taken(embedded: World, password: str) -> None:
    desk = Desk(embedded)
    desk.open(invited(embedded))

    refused = desk.press("/console/invitation", password=password)
    desk.press("/console/invitation", password=PASSWORD)
    desk.open("/console/password")
    changed = desk.press("/console/password", old=PASSWORD, new=password)

    for page in (refused, changed):
        assert "Kata sandi ini mudah ditebak." in page
    assert Desk(embedded).sign_in()
    desk.open("/console")
    assert desk.path == "/console"


def test_whoever_is_not_signed_in_comes_to_the_page_they_wanted_after_signing_in(world: World) -> None:
    joined(world)
    desk = Desk(world)

    desk.open("/console/password")
    assert desk.path == "/console/sign-in"
    desk.press("/console/sign-in", email=EMAIL.upper(), password=PASSWORD)

    assert desk.path == "/console/password"


def test_signing_in_leads_to_no_other_site(world: World) -> None:
    joined(world)
    for elsewhere in (
        "https://evil.example.com/",
        "//evil.example.com",
        "/console/\\evil",
        "/consoleevil",
        "javascript:1",
    ):
        desk = Desk(world)
        desk.open(f"/console/sign-in?next={elsewhere}")
        desk.press("/console/sign-in", email=EMAIL, password=PASSWORD)

        assert desk.path == "/console"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(world: World) -> None:
    joined(world)
    desk = Desk(world)

    wrong = desk.sign_in(password="not the password")
    statuses = [desk.status]
    unknown = desk.sign_in(email="nobody@example.com")
    statuses.append(desk.status)

    assert statuses == [401, 401]
    assert _alert(wrong) == _alert(unknown) != ""


def test_guessing_is_slowed_down_even_for_who_then_guesses_right(world: World) -> None:
    joined(world)
    desk = Desk(world)

    for _ in range(MOST_BY_PAIR):
        desk.sign_in(password="not the password")
    desk.sign_in()
    refused = desk.status
    world.clock.move(minutes=16)
    desk.sign_in()

    assert refused == 429
    assert desk.path == "/console"


def test_signing_in_changes_the_session_and_ends_the_one_before(world: World) -> None:
    desk = joined(world)
    before = desk.web.cookies["__Host-kelaspay"]

    other = Desk(world)
    other.open("/console/sign-in")
    other.web.cookies.set("__Host-kelaspay", before, domain="pay.example.com", path="/")
    other.press("/console/sign-in", email=EMAIL, password=PASSWORD)

    assert desk.web.cookies["__Host-kelaspay"] == before
    assert who(world.database, before, world.clock()) is None


def test_signing_out_ends_the_session_and_not_only_the_cookie(world: World) -> None:
    desk = joined(world)
    token = desk.web.cookies["__Host-kelaspay"]

    desk.open("/console")
    desk.press("/console/sign-out")

    assert desk.path == "/console/sign-in"
    assert who(world.database, token, world.clock()) is None


def test_changing_the_password_ends_every_other_session(world: World) -> None:
    desk, phone = joined(world), Desk(world)
    phone.sign_in()

    desk.open("/console/password")
    desk.press("/console/password", old=PASSWORD, new="a quite different password")
    desk.open("/console")
    here = desk.path
    phone.open("/console")

    assert here == "/console"
    assert phone.path == "/console/sign-in"
    phone.sign_in()
    assert phone.status == 401
    phone.sign_in(password="a quite different password")
    assert phone.path == "/console"


def test_the_password_is_not_changed_by_who_does_not_know_it(world: World) -> None:
    desk = joined(world)

    desk.open("/console/password")
    desk.press("/console/password", old="not the password", new="a quite different password")

    assert desk.status == 422
    assert Desk(world).sign_in()


def test_a_session_ends_after_half_a_day_without_use(world: World) -> None:
    desk = joined(world)

    for _ in range(3):
        world.clock.move(hours=11)
        desk.open("/console")
        assert desk.path == "/console"
    world.clock.move(hours=12, seconds=1)
    desk.open("/console")

    assert desk.path == "/console/sign-in"


def test_a_form_without_our_token_does_nothing(world: World) -> None:
    desk = joined(world)

    answer = desk.web.post("/console/sign-out", data={})
    forged = desk.web.post("/console/sign-out", data={"csrf": "0" * 64})
    desk.open("/console")

    assert [answer.status_code, forged.status_code] == [403, 403]
    assert desk.path == "/console"


def test_nobody_is_signed_in_by_another_site_s_form(world: World) -> None:
    joined(world)
    victim = Desk(world)

    answer = victim.web.post("/console/sign-in", data={"email": EMAIL, "password": PASSWORD})

    assert answer.status_code == 403


def test_the_session_s_cookie_is_for_this_host_over_https_and_out_of_a_script_s_reach(world: World) -> None:
    desk = Desk(world)
    desk.open(invited(world))
    answer = desk.web.post(
        desk.path,
        data={
            "password": PASSWORD,
            "csrf": re.findall(r'name="csrf" value="(\w+)"', desk.text)[0],
        },
        follow_redirects=False,
    )
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("__Host-kelaspay="))

    assert {"HttpOnly", "Path=/", "Secure", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}


def test_the_database_keeps_neither_passwords_nor_tokens(world: World) -> None:
    desk = joined(world, role=Role.STAFF)
    token = desk.web.cookies["__Host-kelaspay"]

    kept = str(world.kept())

    assert PASSWORD not in kept
    assert token not in kept
    assert "$argon2id$" in kept


def test_the_console_speaks_english_when_asked(world: World) -> None:
    desk = joined(world)

    desk.open("/console/language/en?to=/console")

    assert '<html lang="en">' in desk.text
    assert "Needs action" in desk.open("/console")


def _alert(page: str) -> str:
    return "".join(re.findall(r'role="alert">(.*?)<', page))
