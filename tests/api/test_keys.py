"""A program gets in with a key: shown once, for one school and one environment, until it is revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from kelaspay.store.keys import Scope, list_keys, revoke_key
from tests.api.client import Program
from tests.shell import Shell, shell
from tests.world import world_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import World

__all__ = ["shell"]


def test_a_key_says_what_it_may_do(world: World) -> None:
    program = Program(world, [Scope.READ, Scope.WRITE])
    said = program.get("/key")

    assert said.status_code == 200
    assert program.key.startswith("kp_test_")
    assert said.json() == {
        "hint": program.key[:12],
        "name": "shop",
        "scopes": ["read", "write"],
        "school": "",
        "made_at": "2026-11-23T02:00:00Z",
        "last_used_at": None,
    }


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "key_missing"),
        ("Basic c2l0aTpzaXRp", "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer kp_test_" + "a" * 32, "key_refused"),
        ("Bearer kp_live_" + "a" * 32, "key_refused"),
        ("Bearer \xff", "key_refused"),
    ],
)
def test_without_a_key_that_works_nobody_gets_in(embedded: World, header: str | None, code: str) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = embedded.web.get("/api/v1/key", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_ends_at_once(embedded: World) -> None:
    program, other = Program(embedded), Program(embedded)
    before = program.get("/key")
    with embedded.database.begin() as db:
        revoked = revoke_key(db, program.kept.id, embedded.clock())
        again = revoke_key(db, program.kept.id, embedded.clock())

    assert (before.status_code, program.get("/key").status_code, other.get("/key").status_code) == (200, 401, 200)
    assert (revoked, again) == (True, False)


def test_a_key_of_the_sandbox_is_nothing_in_production(embedded: World, tmp_path: Path) -> None:
    made = Program(embedded)
    with world_on(tmp_path, embedded.database.url, None, duitku_environment="production") as live:
        answer = live.web.get("/api/v1/key", headers={"Authorization": f"Bearer {made.key}"})
        own = Program(live)

        assert answer.status_code == 401
        assert own.key.startswith("kp_live_")
        assert own.get("/key").status_code == 200


def test_the_last_use_is_known_to_the_minute(embedded: World) -> None:
    program = Program(embedded)
    used = []
    for _ in range(3):
        program.get("/key")
        with embedded.database.read() as db:
            used.append(list_keys(db)[0].last_used_at)
        embedded.clock.move(seconds=50)

    assert [(at - used[0]).total_seconds() for at in used if at and used[0]] == [0, 0, 100]


def test_no_key_is_kept_or_logged(embedded: World) -> None:
    with capture_logs() as logged:
        program = Program(embedded)
        program.get("/key")
        program.get("/key", key=program.key)
        program.get(f"/{program.key}")
        program.ask("DELETE", "/key")

    assert program.key not in str(logged)
    assert program.key not in str(embedded.kept())
    assert program.key[16:] not in str(embedded.kept())


def test_keys_are_added_listed_and_revoked_at_the_command_line(shell: Shell) -> None:
    added = shell("keys", "add", "Web shop", "--scope", "read", "--scope", "write")
    text = added.out.strip()
    [listed] = shell.json("keys", "list")
    answers = [shell.world.web.get("/api/v1/key", headers={"Authorization": f"Bearer {text}"}).status_code]
    revoked = shell("keys", "revoke", str(listed["id"]))
    answers.append(shell.world.web.get("/api/v1/key", headers={"Authorization": f"Bearer {text}"}).status_code)
    unknown = shell("keys", "revoke", "99")

    assert text.startswith("kp_test_")
    assert (listed["name"], listed["scopes"], listed["hint"]) == ("Web shop", "read, write", text[:12])
    assert text not in shell("keys", "list").out
    assert revoked.out == f"Revoked {listed['id']}.\n"
    assert answers == [200, 401]
    assert (unknown.code, unknown.err) == (1, "kelaspay: There is no such API key. (99)\n")


def test_a_key_makes_only_so_many_requests_a_minute(urls: tuple[str, str | None], tmp_path: Path) -> None:
    with world_on(tmp_path, *urls, api_rate=12) as world:  # two at once, the next in five seconds
        program, other = Program(world), Program(world)
        said = [program.get("/key") for _ in range(4)]

        assert [each.status_code for each in said] == [200] * 2 + [429] * 2
        assert said[-1].json()["code"] == "too_many_requests"
        assert 1 <= int(said[-1].headers["Retry-After"]) <= 5
        assert other.get("/key").status_code == 200
