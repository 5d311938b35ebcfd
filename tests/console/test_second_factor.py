"""Stories of the second factor: a code after the password, recovery codes, and what happens when both are lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyotp
import pytest
from pydantic import SecretStr
from tests.console.desk import EMAIL, PASSWORD, Desk, invited, joined

from kelaspay.operators import MOST_BY_PAIR, who
from kelaspay.rotate import Rotated, rotate
from kelaspay.second_factor import answer
from kelaspay.store.operators import Role
from kelaspay.vault import Vault

if TYPE_CHECKING:
    from tests.world import World

PAGE = "/console/second-factor"
CODE = "/console/sign-in/code"
STAFF = "staf@example.com"


class Phone:
    """An operator's app, by the clock of the service."""

    def __init__(self, world: World, secret: str) -> None:
        self.world = world
        self.secret = secret

    def code(self) -> str:
        """The next one: each is good once."""
        self.world.clock.move(seconds=30)
        return pyotp.TOTP(self.secret).at(self.world.clock())


def proposed(desk: Desk) -> Phone:
    desk.open(PAGE)
    text = desk.press(f"{PAGE}/begin", password=PASSWORD)
    return Phone(desk.world, re.findall(r"<code>([A-Z2-7 ]+)</code>", text)[0].replace(" ", ""))


def set_up(desk: Desk) -> tuple[Phone, list[str]]:
    """With an app, and the recovery codes that were shown."""
    phone = proposed(desk)
    text = desk.press(f"{PAGE}/confirm", code=phone.code())
    return phone, re.findall(r"<code>([a-z2-7-]{27})</code>", text)


def test_whoever_set_up_an_app_is_asked_for_its_code_after_the_password(world: World) -> None:
    desk, other = joined(world), Desk(world)
    other.sign_in()
    before = desk.web.cookies["__Host-kelaspay"]

    phone, codes = set_up(desk)
    after, shown = desk.web.cookies["__Host-kelaspay"], desk.text
    desk.press("/console/sign-out")
    other.open("/console")
    signed_out = desk.path, other.path
    wrong = desk.sign_in(password="not the password")
    desk.sign_in()
    asked = desk.path
    desk.open("/console")
    half_in = desk.path
    desk.open(CODE)
    desk.press(CODE, code="000000")
    refused = desk.status
    desk.press(CODE, code=phone.code())

    assert len(set(codes)) == 10
    assert "<svg" not in shown
    assert before != after
    assert signed_out == ("/console/sign-in", "/console/sign-in")
    assert "E-mail" in wrong or "salah" in wrong
    assert (asked, half_in, refused) == (CODE, "/console/sign-in", 401)
    assert (desk.path, desk.status) == ("/console", 200)
    kept = str(world.kept())
    assert [each for each in (phone.secret, *codes, codes[0].replace("-", "")) if each in kept] == []


def test_a_code_works_once_for_one_of_two_who_bring_it(world: World) -> None:
    desk = joined(world)
    phone, codes = set_up(desk)
    for code in (phone.code(), codes[3].upper()):
        first, second = Desk(world), Desk(world)
        first.sign_in()
        second.sign_in()

        first.press(CODE, code=code)
        second.press(CODE, code=code)

        assert (first.path, second.status) == ("/console", 401)
    assert "Masuk dengan kode cadangan" in desk.open("/console/audit")
    assert "Kode cadangan yang tersisa: 9." in desk.open(PAGE)


def test_guessing_codes_is_slowed_down_with_the_passwords(embedded: World) -> None:
    phone, _codes = set_up(joined(embedded))
    desk = Desk(embedded)
    desk.sign_in()

    for _ in range(MOST_BY_PAIR):
        desk.press(CODE, code="000000")
    desk.press(CODE, code=phone.code())
    refused = desk.status
    desk.sign_in()

    assert (refused, desk.status) == (429, 429)


def test_the_code_must_come_within_ten_minutes_of_the_password(embedded: World) -> None:
    phone, _codes = set_up(joined(embedded))
    desk = Desk(embedded)
    desk.sign_in()

    embedded.clock.move(minutes=10)
    text = desk.press(CODE, code=phone.code())

    assert desk.status == 410
    assert 'name="password"' in text


def test_a_key_that_was_only_shown_asks_nobody_for_a_code(embedded: World) -> None:
    desk = joined(embedded)
    proposed(desk)

    desk.press(f"{PAGE}/confirm", code="000000")
    wrong = desk.text
    desk.open(PAGE)
    desk.press(f"{PAGE}/begin", password="not the password")
    desk.press("/console/sign-out")
    desk.sign_in()

    assert "Kode ini salah" in wrong
    assert "<svg" in wrong
    assert desk.path == "/console"


def test_a_forgotten_password_does_not_get_around_the_second_factor(embedded: World) -> None:
    phone, _codes = set_up(joined(embedded))
    desk = Desk(embedded)

    desk.open(invited(embedded))
    desk.press("/console/invitation", password="a quite different password")
    asked = desk.path
    desk.press(CODE, code=phone.code())

    assert (asked, desk.path) == (CODE, "/console")


def test_it_is_turned_off_with_password_and_code_and_its_codes_are_made_anew(embedded: World) -> None:
    desk = joined(embedded)
    phone, codes = set_up(desk)

    desk.open(PAGE)
    desk.press(f"{PAGE}/codes", password="not the password", code=phone.code())
    desk.press(f"{PAGE}/codes", password=PASSWORD, code="000000")
    refused = desk.status
    renewed = desk.press(f"{PAGE}/codes", password=PASSWORD, code=phone.code())
    csrf = re.findall(r'name="csrf" value="(\w+)"', desk.text)[0]
    told = {"csrf": csrf, "password": PASSWORD}
    old = desk.web.post(f"{PAGE}/end", data=told | {"code": codes[0]})
    off = desk.web.post(f"{PAGE}/end", data=told | {"code": phone.code()})

    assert refused == 422
    assert codes[0] not in renewed
    assert old.status_code == 422
    assert "Verifikasi dua langkah dimatikan" in off.text
    again = Desk(embedded)
    again.sign_in()
    assert again.path == "/console"


@pytest.mark.parametrize("school", ["*", ""])
def test_where_it_is_demanded_nobody_gets_further_without_one(embedded: World, school: str) -> None:
    desk = joined(embedded)
    staff = joined(embedded, email=STAFF, role=Role.STAFF, school=school)
    if school != "*":
        desk.open("/console/school?key==")
    desk.open("/console/settings")

    desk.press("/console/settings/second-factor", demanded="1")
    owner_at = desk.path
    sent = []
    for path in ("/console", "/console/payments", "/console/settings"):
        staff.open(path)
        sent.append(staff.path)
    phone, _codes = set_up(staff)
    inside = "<h1>" in staff.open("/console") and staff.path
    csrf = re.findall(r'name="csrf" value="(\w+)"', staff.text)[0]
    kept_on = staff.web.post(f"{PAGE}/end", data={"csrf": csrf, "password": PASSWORD, "code": phone.code()})

    assert owner_at == (PAGE if school == "*" else "/console/settings")
    assert sent == [PAGE] * 3
    assert inside == "/console"
    assert kept_on.status_code == 409


def test_an_owner_resets_it_for_who_lost_the_phone(embedded: World) -> None:
    desk = joined(embedded)
    staff = joined(embedded, email=STAFF, role=Role.STAFF)
    set_up(staff)

    listed = desk.open("/console/settings")
    desk.open(re.findall(r'href="([^"]+/2/second-factor)"', listed)[0])
    desk.press("/console/settings/operators/2/second-factor")
    staff.open("/console")
    signed_out = staff.path
    staff.sign_in(email=STAFF)

    assert "sesinya berakhir" in desk.text
    assert (signed_out, staff.path) == ("/console/sign-in", "/console")
    assert "Melepas verifikasi dua langkah seorang operator" in desk.open("/console/audit")


def test_nobody_resets_their_own_without_a_code(embedded: World) -> None:
    desk = joined(embedded)
    set_up(desk)

    desk.open("/console/settings/operators/1/second-factor")
    desk.press("/console/settings/operators/1/second-factor")
    refused = desk.status
    desk.open("/console")
    desk.press("/console/sign-out")
    desk.sign_in(email=EMAIL)

    assert (refused, desk.path) == (403, CODE)


def test_recovery_codes_let_in_even_when_the_apps_key_cannot_be_opened(embedded: World) -> None:
    _phone, codes = set_up(joined(embedded))
    desk = Desk(embedded)
    desk.sign_in()
    half = desk.web.cookies["__Host-kelaspay-half"]
    lost = Vault(SecretStr("a key that was never used for this"))

    token = answer(
        embedded.database, lost, half, code=codes[0], address="127.0.0.1", earlier=None, now=embedded.clock()
    )

    assert who(embedded.database, token, embedded.clock()) is not None


def test_the_apps_key_is_sealed_anew_when_the_key_of_all_is_changed(world: World) -> None:
    set_up(joined(world))
    old = world.outside.settings.secret_key
    assert old is not None

    done = rotate(database=world.database, vault=Vault(SecretStr("another secret, long enough too"), old))

    assert done == Rotated(sealed_anew=1)
