"""The commands that look at the whole, and what every command says of an environment that is wrong."""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from kelaspay.doctor import examine
from kelaspay.store import executors
from tests.shell import shell
from tests.test_callbacks import signed
from tests.world import world_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.shell import Shell
    from tests.world import World

__all__ = ["shell"]


def test_migrate_says_that_it_is_done(shell: Shell, tmp_path: Path) -> None:
    shell.set(DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}")

    assert shell("migrate").out == "The database is up to date.\n"
    assert shell("migrate").code == 0


def test_doctor_finds_everything_well(shell: Shell) -> None:
    shell.set(APP_BASE_URL="http://localhost:8000")
    ran = shell("doctor")

    assert ran.code == 0, ran.out
    assert {line[:3] for line in ran.lines} == {"ok "}
    assert "takes our key; merchant D0001" in ran.out
    looked_at = {finding["what"] for finding in shell.json("doctor")}
    assert looked_at >= {"settings", "address", "database", "redis", "duitku", "thinkific", "callbacks"}


def test_doctor_names_what_is_missing_before_there_is_a_database(shell: Shell, tmp_path: Path) -> None:
    shell.set(
        DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}", THINKIFIC_API_KEY="", APP_BASE_URL="http://localhost:8000"
    )

    assert "BAD  settings: set THINKIFIC_API_KEY" in shell("doctor").lines


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        (
            {
                "DUITKU_API_KEY": "hidden-key",
                "THINKIFIC_API_KEY": "hidden-key",
                "APP_BASE_URL": "http://pay.example.com",
                "REDIS_URL": "redis://127.0.0.1:1",
            },
            {
                "duitku": "does not accept our merchant code or key",
                "thinkific": "does not accept our key",
                "address": "must be https",
                "redis": "refused",
            },
        ),
        (
            {
                "DUITKU_POP_URL": "http://127.0.0.1:1",
                "THINKIFIC_API_URL": "http://127.0.0.1:1",
                "APP_BASE_URL": "https://pay.example.com:8443",
            },
            {"duitku": "does not answer", "thinkific": "could not be reached", "address": "port 443"},
        ),
        (
            {"DUITKU_MERCHANT_CODE": "", "APP_BASE_URL": "http://localhost:8000"},
            {"settings": "set DUITKU_MERCHANT_CODE", "school": "CODE: not set"},
        ),
    ],
)
def test_doctor_says_what_is_wrong(shell: Shell, variables: dict[str, str], wrong: dict[str, str]) -> None:
    shell.set(**variables)
    ran = shell("doctor")
    findings = json.loads(shell("doctor", "--json").out)

    assert ran.code == 1
    assert {finding["what"] for finding in findings if not finding["fine"]} == set(wrong)
    assert [what for what, said in wrong.items() if not re.search(rf"BAD  {what}: .*{said}", ran.out)] == []
    assert "hidden-key" not in ran.out


@pytest.mark.parametrize(
    "more",
    [{"duitku_v2_url": None, "duitku_pop_url": None}, {"duitku_environment": "production"}],
    ids=["real", "live"],
)
def test_doctor_finds_an_address_wrong_that_no_callback_of_duitkus_reaches(
    sqlite_url: str, tmp_path: Path, more: dict[str, Any]
) -> None:
    with world_on(tmp_path, sqlite_url, None, app_base_url="http://localhost:8000", **more) as world:
        found = {each.what: each for each in examine(world.outside)}

    assert not found["address"].fine
    assert "only this machine reaches http://localhost:8000, Duitku cannot call back" in found["address"].said
    assert ("asked at http://duitku.test" in found["settings"].said) == ("duitku_environment" in more)


@pytest.mark.parametrize(
    ("status", "body", "said", "fine"),
    [
        (200, None, "answers", True),
        (200, "<h1>This domain is for sale</h1>", "answers, but not with Kelaspay", False),
        (404, "", "answers, but not with Kelaspay", False),
        (None, "", "does not answer", False),
    ],
)
def test_doctor_looks_whether_the_address_leads_here(
    embedded: World, status: int | None, body: str | None, said: str, *, fine: bool
) -> None:
    ours = embedded.web.get("/healthz").text

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == "https://pay.example.com/healthz"
        if status is None:
            raise httpx2.ConnectError("no such name")
        return httpx2.Response(status, text=ours if body is None else body)

    embedded.outside.http = httpx2.Client(transport=httpx2.MockTransport(answer))
    [found] = [each for each in examine(embedded.outside) if each.what == "address"]

    assert found.fine == fine
    assert said in found.said


def test_doctor_says_that_several_processes_need_redis(shell: Shell) -> None:
    shell.set(APP_BASE_URL="http://localhost:8000")
    said = []
    for process in ("web", "worker"):
        with shell.world.database.begin() as db:
            executors.beat(db, process, "1.0", works=process == "worker")
        said.append(shell("doctor").out)

    assert "ok   redis: not used: one process only" in said[0]
    assert "BAD  redis: not used, but 2 processes run: set REDIS_URL" in said[1]


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("DUITKU_POP_URL", "{duitku}/api", "Duitku "),
        ("DUITKU_POP_URL", "{duitku}/x", "Duitku refused the request. No HTTP resource was found"),
        ("DUITKU_V2_URL", "{duitku}/x", "DUITKU_V2_URL: Duitku refused the request. No HTTP resource was found"),
        ("DUITKU_V2_URL", "http://127.0.0.1:1", "DUITKU_V2_URL: Duitku does not answer"),
    ],
)
def test_doctor_asks_both_of_duitkus_hosts(shell: Shell, name: str, url: str, said: str) -> None:
    shell.set(APP_BASE_URL="http://localhost:8000")
    right = shell("doctor")
    shell.set(**{name: url.replace("{duitku}", os.environ["DUITKU_V2_URL"])})
    wrong = shell("doctor")

    assert re.search(r"ok   duitku: takes our key; merchant D0001, \d+ channels", right.out)
    assert re.search(rf"BAD  duitku: .*{said}", wrong.out), wrong.out


def test_doctor_looks_whether_the_mail_server_lets_us_in(shell: Shell) -> None:
    shell.set(APP_BASE_URL="http://localhost:8000")
    without = shell("doctor")
    with mail_server(["220 mail", "250 mail", "250 ok", "221 bye"]) as port:
        shell.set(SMTP_URL=f"smtp://127.0.0.1:{port}", MAIL_FROM="kelas@example.com")
        there = shell("doctor")
    away = shell("doctor")
    with mail_server(["220 mail", "250-mail\r\n250 AUTH PLAIN LOGIN", *["535 no"] * 3, "221 bye"]) as port:
        shell.set(SMTP_URL=f"smtp://kelas:hidden-word@127.0.0.1:{port}")
        refused = shell("doctor")

    assert "ok   mail: SMTP_URL is not set: letters are kept and shown, not sent" in without.lines
    assert "ok   mail: 127.0.0.1 lets us in; letters come from kelas@example.com" in there.lines
    assert "BAD  mail: The mail server does not take the letter just now. ConnectionRefusedError" in away.lines
    assert "BAD  mail: The mail server does not take the letter just now. SMTP 535" in refused.lines
    assert "hidden-word" not in refused.out


@contextmanager
def mail_server(lines: list[str]) -> Iterator[int]:
    """One that greets, then answers each command with the next line; yields its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as there, there.makefile("rb") as heard:
            for line in lines:
                there.sendall(f"{line}\r\n".encode())
                if not heard.readline():
                    return

    serving = Thread(target=serve)
    serving.start()
    yield listening.getsockname()[1]
    serving.join()


def test_doctor_registers_thinkifics_webhooks_and_then_has_nothing_to_add(shell: Shell) -> None:
    shell.world.thinkific.switches.local_targets = True
    shell.set(APP_BASE_URL="http://localhost:8000")
    before = shell("doctor").out
    first, again = shell("doctor", "--register-webhooks").out, shell("doctor", "--register-webhooks").out

    assert "ok   webhooks: not registered: enrollment.created, " in before
    assert "ok   webhooks: all registered, to http://localhost:8000/webhooks/thinkific" in first
    assert "all registered" in again
    assert len(shell.world.thinkific.school.webhooks) == 6


def test_doctor_says_which_address_thinkific_does_not_take_for_webhooks(shell: Shell) -> None:
    shell.set(APP_BASE_URL="http://localhost:8000")
    ran = shell("doctor", "--register-webhooks")

    assert (ran.code, ran.out) == (1, "")
    assert "Thinkific calls https addresses of the internet alone; mend APP_BASE_URL" in ran.err


def test_doctor_says_that_an_access_token_signs_nothing(shell: Shell) -> None:
    token = shell.world.thinkific.school.add_access_token()
    shell.set(APP_BASE_URL="http://localhost:8000", THINKIFIC_API_KEY=token)
    found = {each["what"]: each for each in shell.json("doctor")}
    shell.set(THINKIFIC_SSO="on")
    signing = shell("doctor")
    said = "THINKIFIC_API_KEY is an API access token, and Thinkific signs with the site's API key alone"

    assert found["thinkific"]["fine"]
    assert said in found["thinkific"]["said"]
    assert found["webhooks"]["said"].startswith("not taken")
    assert re.search(rf"BAD  thinkific: .*{said}", signing.out)


def test_doctor_looks_at_a_database_that_is_away(shell: Shell) -> None:
    shell.set(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", SECRET_KEY="0123456789abcdef")
    ran = shell("doctor")

    assert ran.code == 1
    assert "BAD  database: does not answer; check DATABASE_URL" in ran.out


def test_a_database_that_is_away_is_one_line(shell: Shell) -> None:
    shell.set(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", SECRET_KEY="0123456789abcdef")

    for words in ("payments list", "serve", "work", "migrate", "reconcile"):
        ran = shell(*words.split())

        assert ran.code == 1
        assert ran.err.splitlines()[-1] == "kelaspay: The database does not answer just now."


def test_what_is_not_set_is_named(shell: Shell) -> None:
    shell.set(DUITKU_API_KEY="", THINKIFIC_SUBDOMAIN="")

    for words in ("serve", "work", "courses sync", "reconcile"):
        ran = shell(*words.split())

        assert (ran.code, ran.out) == (1, "")
        assert ran.err.endswith("DUITKU_API_KEY, THINKIFIC_SUBDOMAIN: not set\n")
        assert len(ran.err.splitlines()) == 1


def test_what_is_malformed_is_named(shell: Shell) -> None:
    shell.set(DUITKU_CALLBACK_IPS="everyone")

    for words in ("serve", "work", "payments list", "doctor", "migrate"):
        ran = shell(*words.split())

        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("kelaspay: DUITKU_CALLBACK_IPS: must be any, official, or a comma list of networks")
        assert len(ran.err.splitlines()) == 1


def test_a_folder_that_cannot_be_made_is_one_line(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shell.set(DATA_DIR=str(tmp_path / "file" / "data"))
    ran = shell("payments", "list")

    assert ran.code == 1
    assert re.fullmatch(r"kelaspay: DATA_DIR: .*file/data cannot be made \(Not a directory\)\n", ran.err)


@pytest.mark.parametrize("words", [("doctor",), ("payments", "list"), ("migrate",), ("backup", "copies")])
def test_a_data_folder_that_cannot_be_one_is_said_in_a_line(
    shell: Shell, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    garbage = tmp_path / "garbage"
    garbage.mkdir()
    (garbage / "kelaspay.db").write_text("no database at all, and long enough to be none")
    shell.set(DATABASE_URL="")

    for folder, said in {
        file: f"DATA_DIR: {file} cannot be made (File exists)",
        Path("/proc/x"): "DATA_DIR: /proc/x cannot be made (No such file or directory)",
        garbage: f"{garbage}/kelaspay.db is no SQLite database; move it away, or choose another DATA_DIR",
    }.items():
        shell.set(DATA_DIR=str(folder))
        ran = shell(*words)

        assert (ran.code, ran.out, ran.err) == (1, "", f"kelaspay: {said}\n")


@pytest.mark.parametrize("kept", [16, 100, 8 * 4096], ids=["magic", "header", "first pages"])
def test_a_damaged_file_is_named_with_what_to_do(
    shell: Shell, sqlite_template: Path, tmp_path: Path, kept: int
) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    file = folder / "kelaspay.db"
    shell.set(DATABASE_URL="", DATA_DIR=str(folder))
    whole = sqlite_template.read_bytes()
    file.write_bytes(whole[:kept] + b"garbage." * ((len(whole) - kept) // 8))

    for words in (("payments", "list"), ("migrate",), ("serve",), ("restore", str(file))):
        ran = shell(*words)

        assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1), words
        assert str(file) in ran.err
    damaged = shell("payments", "list").err
    found = shell("doctor")
    as_json = json.loads(shell("payments", "list", "--json").err)

    assert damaged.startswith(f"kelaspay: {file} is damaged; move it away")
    assert damaged.endswith("and restore a backup: docs/operations/backup.md\n")
    assert found.code == 1
    assert f"BAD  database: {file} is damaged; move it away" in found.out
    assert as_json["code"] == "database_damaged"


def test_the_web_says_of_a_damaged_file_that_it_is_one_and_not_where_it_lies(embedded: World) -> None:
    file = Path(str(embedded.database.engine.url.database))
    embedded.database.close()
    file.write_bytes(b"SQLite format 3\0" + b"garbage." * 1000)
    for beside in ("-wal", "-shm"):
        Path(f"{file}{beside}").unlink(missing_ok=True)

    answers = [embedded.web.get("/courses"), embedded.web.post("/webhooks/duitku", data=signed("KP261123-x"))]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].json()["code"] == "database_damaged"
    assert not any(str(file.parent) in answer.text for answer in answers)
