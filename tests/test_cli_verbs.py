"""The console's acts as an operator types them: rehearsed, asked about once, done, and written down."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kelaspay.__main__ import main
from kelaspay.cli import target
from kelaspay.store import audit, messages, tables
from kelaspay.store.messages import State
from tests.shell import shell
from tests.world import OFFER

if TYPE_CHECKING:
    from tests.shell import Shell

__all__ = ["shell"]

SITI = "siti@example.com"


def test_a_person_is_found_shown_handed_what_is_kept_and_forgotten(shell: Shell, tmp_path: Path) -> None:
    order_id = _sold(shell)
    _sold(shell, customer_email="ani@example.com", customer_name="Ani", customer_phone="081299990000")
    waiting = shell.world.buy(customer_email="ani@example.com", customer_name="Ani")

    assert [row["email"] for row in shell.json("customers", "list", "siti")] == [SITI]
    assert [row["orders"] for row in shell.json("customers", "list", "081299990000")] == [1]
    assert shell("customers", "list", "Nobody").out == "Nobody is found by Nobody.\n"
    assert order_id in shell("customers", "show", " SITI@example.com ", columns=80).out

    file = tmp_path / "siti.json"
    handed = shell("customers", "export", SITI, str(file))
    assert handed.out == f"Wrote 1 order of {SITI} to {file}.\n"
    assert stat.S_IMODE(file.stat().st_mode) == target.OWNER_ALONE
    [told] = json.loads(file.read_text())["orders"]
    assert (told["merchant_order_id"], told["email"]) == (order_id, SITI)
    assert told["story"][0]["what"] == "created"

    shell.world.add_school("akademi")
    before = shell.world.kept()
    unasked = shell("customers", "erase", SITI)
    rehearsed = shell("customers", "erase", SITI, "--dry-run")
    busy = shell("customers", "erase", "ani@example.com", "--yes")
    elsewhere = shell("customers", "erase", SITI, "--school", "akademi", "--yes")
    assert elsewhere.err == f"kelaspay: There is no such customer. ({SITI})\n"
    assert (unasked.code, busy.code, elsewhere.code) == (2, 1, 1)
    assert rehearsed.out.startswith(f"1 order of {SITI} would lose name")
    assert "Orders under way that need to know the buyer: 1." in busy.err
    assert shell.world.kept() == before

    assert shell.json("customers", "erase", SITI, "--yes")["orders"] == [order_id]
    assert SITI not in shell("payments", "show", order_id).out
    assert shell("customers", "show", SITI).err == f"kelaspay: There is no such customer. ({SITI})\n"
    assert shell.world.payment(waiting).status == "pending"
    assert _deeds(shell) == ["customer_exported", "customer_erased"]


def test_messages_are_listed_and_sent_again_one_or_all_that_failed(shell: Shell) -> None:
    order_id = _sold(shell)
    with shell.world.database.read() as db:
        sent = {row.kind: row.id for row in messages.list_messages(db, order_id)}
    for kind in ("paid", "access_ready"):
        _becomes(shell, sent[kind], State.FAILED)

    assert {row["state"] for row in shell.json("messages", "list", "--kind", "paid")} == {"failed"}
    assert "access_ready" in shell("messages", "list", "--order", order_id, "--state", "failed", columns=80).out
    assert shell("messages", "list", "--kind", "unknown").code == 2

    shell.world.add_school("akademi")
    assert shell("messages", "resend", "--failed", "--school", "akademi").out == "No message failed.\n"
    would = shell("messages", "resend", "--failed", "--dry-run")
    assert would.out == "2 messages that failed would be sent again.\n"
    assert [row["state"] for row in shell.json("messages", "list", "--state", "failed")] == ["failed", "failed"]
    assert shell("messages", "resend", str(sent["paid"])).out == (
        f"Message {sent['paid']} (paid of {order_id}, by email) is being sent again.\n"
    )
    assert "It waits to be sent already." in shell("messages", "resend", str(sent["paid"])).err
    assert shell.json("messages", "resend", "--failed")["sent_again"] == 1
    assert shell("messages", "resend", "--failed").out == "No message failed.\n"
    assert shell("messages", "resend", "12345").err == "kelaspay: There is no such message. (12345)\n"
    assert [shell("messages", "resend", *words).code for words in ((), ("1", "--failed"), ("9" * 20,))] == [2, 2, 2]
    assert _deeds(shell) == ["message_resent", "messages_resent"]


def test_enrollments_and_payments_are_listed_shown_and_written_for_a_spreadsheet(shell: Shell, tmp_path: Path) -> None:
    order_id = _sold(shell, customer_name="=Siti")
    waiting = shell.world.buy()

    [listed] = shell.json("enrollments", "list", "--query", SITI)
    assert (listed["merchant_order_id"], listed["state"]) == (order_id, "enrolled")
    assert shell("enrollments", "list", "--state", "revoked").out == "No such enrollments.\n"
    assert "enrolled" in shell("enrollments", "show", order_id, columns=80).out
    assert "It has no enrollment: it is pending." in shell("enrollments", "show", waiting).err

    found = shell.json("payments", "list", "--query", SITI, "--status", "completed")
    assert [row["merchant_order_id"] for row in found] == [order_id]
    file = tmp_path / "payments.csv"
    assert shell("payments", "export", str(file), "--status", "completed").out == f"Wrote 1 payment to {file}.\n"
    with file.open(encoding="utf-8-sig", newline="") as text:
        [row] = csv.DictReader(text)
    assert (row["merchant_order_id"], row["name"], row["payment_amount"]) == (order_id, "'=Siti", "150000")
    assert len(shell("payments", "export").lines) == 3
    assert len(shell("payments", "export", "-").lines) == 3
    assert not Path("-").exists()
    assert len(shell("enrollments", "export").lines) == 2
    assert shell("payments", "export", str(tmp_path / "nowhere" / "x.csv")).code == 2
    assert _deeds(shell) == ["exported", "exported", "exported", "enrollments_exported"]


def test_offers_go_into_a_file_or_nowhere(shell: Shell, tmp_path: Path) -> None:
    shell.world.sell("Kelas “Kue Lapis”")
    file = tmp_path / "offers.csv"

    assert shell("offers", "export", str(file)).code == 0
    assert file.read_text(encoding="utf-8") == shell("offers", "export").out
    nowhere = shell("offers", "export", str(tmp_path / "nowhere" / "x.csv"))
    assert (nowhere.code, "there is no folder" in " ".join(nowhere.err.split())) == (2, True)


def test_what_is_printed_is_utf_8_though_the_environment_says_ascii(shell: Shell) -> None:
    shell.world.sell("Kelas “Kue Lapis”")
    printed = io.TextIOWrapper(io.BytesIO(), "ascii")

    with redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        main(["offers", "export"])

    assert ended.value.code in {0, None}
    assert "Kelas “Kue Lapis”" in printed.buffer.getvalue().decode()


def test_an_argument_that_is_no_text_is_refused_in_a_line(shell: Shell) -> None:
    ran = shell("payments", "show", "KP\udcff")

    assert (ran.code, ran.out, ran.err) == (2, "", "kelaspay: An argument holds bytes that are no UTF-8.\n")


def test_an_export_that_is_interrupted_leaves_the_file_of_before(tmp_path: Path) -> None:
    file = tmp_path / "payments.csv"
    file.write_text("of yesterday")

    with pytest.raises(KeyboardInterrupt):
        _interrupted(file)

    assert [each.name for each in tmp_path.iterdir()] == ["payments.csv"]
    assert file.read_text() == "of yesterday"


def test_a_payment_is_noted_resent_given_to_another_address_and_ended(shell: Shell) -> None:
    order_id = _sold(shell)
    before = shell.world.kept()
    would = shell("payments", "change-email", order_id, "Ani@example.com", "--dry-run")
    assert "would go to ani@example.com; the address before would lose any access to it." in would.out
    assert shell("payments", "change-email", order_id, SITI, "--yes").code == 2
    assert shell("payments", "end", order_id, "--reason", "asked", "--dry-run").code == 0
    assert shell.world.kept() == before

    assert shell("payments", "note", order_id, "called").out == f"Noted with {order_id}.\n"
    assert shell.json("payments", "change-email", order_id, "ani@example.com")["dry_run"] is False
    _worked(shell)
    assert {email for email, _course in shell.world.enrolled()} >= {"ani@example.com"}
    assert shell("payments", "end", order_id, "--reason", "asked").out.endswith(
        "the access that it gave is being ended.\n"
    )
    _worked(shell)
    found = shell.world.enrollment(order_id)
    assert found is not None
    assert (found.state, shell.world.status(order_id)) == ("revoked", "completed")
    assert _deeds(shell) == ["noted", "email_changed", "ended"]


def test_who_sits_at_a_terminal_is_asked_once_with_what_comes_of_it(shell: Shell) -> None:
    order_id = _sold(shell)

    no = shell("payments", "refund", order_id, "--reason", "asked", typed="n\n")
    assert no.code == 1
    assert no.err == (
        f"{order_id} (completed, Rp 150.000) would be recorded as refunded, and the access that it gave ended. "
        "Duitku has no refund API: send the money back by hand. Go on? [y/N] \nNothing was changed.\n"
    )
    assert shell.world.status(order_id) == "completed"
    yes = shell("payments", "refund", order_id, "--reason", "asked", typed="y\n")
    assert (yes.code, shell.world.status(order_id)) == (0, "refunded")
    assert re.search(r"by hand\.\n$", yes.out)


def test_what_stopped_by_one_fault_is_tried_again_at_once(shell: Shell) -> None:
    shell.world.offer(OFFER, "Kelas yang belum ada")
    order_id = shell.world.buy_and_pay()
    shell.world.work()
    [dead] = shell.json("jobs", "list", "--standing", "dead")

    assert (dead["merchant_order_id"], dead["fault"]) == (order_id, "course_unmapped")
    assert "course_unmapped" in shell("jobs", "list", columns=80).out
    by_fault = ("jobs", "retry", "--fault", "course_unmapped", "--standing", "dead")
    assert shell(*by_fault, "--dry-run").out == "1 order would be tried again now.\n"
    assert shell.world.status(order_id) == "review"
    assert shell(*by_fault).out == "1 order set going.\n"
    assert shell.world.status(order_id) == "paid"
    assert shell(*by_fault).out == "Nothing stands so by course_unmapped.\n"
    assert shell.json("jobs", "retry", order_id)["orders"] == [order_id]
    assert [shell("jobs", "retry", *words).code for words in ((), ("KP1",), ("KP1", "--fault", "x"))] == [2, 1, 2]
    assert _deeds(shell) == ["retried_all", "retried"]


def test_what_takes_something_away_is_rehearsed_and_what_is_refused_is_refused_before(shell: Shell) -> None:
    shell.world.sell()
    shell("coupons", "add", "--code", "HEMAT", "--percent", "10")
    shell("keys", "add", "web")
    [endpoint] = [shell.json("webhooks", "add", "https://example.com/hook")["id"]]
    shell("operators", "add", "ani@example.com")
    shell("operators", "add", "budi@example.com")
    taken = [
        ("offers", "retire", OFFER),
        ("coupons", "retire", "hemat"),
        ("keys", "revoke", "1"),
        ("webhooks", "disable", endpoint),
        ("webhooks", "remove", endpoint),
        ("operators", "remove", "ani@example.com"),
    ]
    before = shell.world.kept()
    for words in taken:
        assert shell(*words, "--dry-run").code == 0, words
        assert shell(*words, typed="\n").code == 1, words
        assert shell.world.kept() == before, words

    done = [shell.json(*words, "--yes")["dry_run"] for words in taken]
    refused = [
        shell(*words, "--dry-run").code
        for words in (*taken[2:3], *taken[4:], ("operators", "remove", "budi@example.com"))
    ]

    assert (set(done), set(refused)) == ({False}, {1})
    last, nobody = (shell("operators", "remove", f"{name}@example.com", "--yes").err for name in ("budi", "nobody"))
    assert last == ("kelaspay: The last owner stays, for nobody else could let anybody in. (budi@example.com)\n")
    assert nobody == "kelaspay: There is no such operator. (nobody@example.com)\n"
    assert _deeds(shell)[-6:] == [
        "offer_retired",
        "coupon_retired",
        "key_revoked",
        "endpoint_disabled",
        "endpoint_removed",
        "operator_removed",
    ]


def test_an_operator_of_one_school_alone_is_added(shell: Shell) -> None:
    shell.world.add_school("akademi")
    added = shell.json("operators", "add", "staf@example.com", "--role", "staff", "--school", "akademi")
    again = shell("operators", "add", "staf@example.com")
    unknown = shell("operators", "add", "x@example.com", "--school", "nowhere")

    assert (added["role"], added["school"]) == ("staff", "akademi")
    assert [row["email"] for row in shell.json("operators", "list", "--school", "akademi")] == ["staf@example.com"]
    assert again.err == "staf@example.com stays staff of akademi; to change that, remove them first.\n"
    assert unknown.err == "kelaspay: There is no such school. (nowhere)\n"
    with shell.world.database.read() as db:
        assert [row.subject for row in audit.read_audit(db, "akademi", before=None, limit=9)] == [
            "staf@example.com",
            "staf@example.com",
        ]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (
            ("payments", "show", "KP-unknown"),
            1,
            {
                "code": "payment_unknown",
                "message": "There is no such payment. (KP-unknown)",
                "merchant_order_id": "KP-unknown",
            },
        ),
        (
            ("payments", "list", "--limit", "0"),
            2,
            {"code": "wrong_use", "message": "Invalid value for '--limit': must be a whole number from 1 to 1000"},
        ),
        (("payments", "show"), 2, {"code": "wrong_use", "message": "Missing argument 'order_id'."}),
        (
            ("payments", "list", "--query", "\udcff"),
            2,
            {"code": "wrong_use", "message": "An argument holds bytes that are no UTF-8."},
        ),
    ],
)
def test_an_error_is_json_on_stderr_where_json_is_asked_for(
    shell: Shell, words: tuple[str, ...], exit_code: int, said: dict[str, str]
) -> None:
    ran = shell(*words, "--json")

    assert (ran.code, ran.out) == (exit_code, "")
    assert json.loads(ran.err) == said
    assert len(ran.err.splitlines()) == 1
    assert '"code"' not in shell(*words).err


@pytest.mark.parametrize(
    ("words", "as_json"),
    [
        (("payments", "note", "KP-unknown", "--", "--json"), False),
        (("payments", "refund", "KP-unknown", "--reason", "--json"), False),
        (("payments", "refund", "KP-unknown", "--reason", "--json", "--json"), True),
        (("payments", "list", "--json", "--limit", "0"), True),
        (("payments", "list", "--unknown", "--json"), True),
        (("payments", "list", "--limit", "--json"), False),
        (("payments", "--json", "list"), True),
        (("paymnts", "list", "--json"), True),
        (("work", "--json"), True),
        (("serve", "--port", "--json"), False),
    ],
)
def test_json_is_asked_for_by_the_switch_and_not_by_another_options_value(
    shell: Shell, words: tuple[str, ...], *, as_json: bool
) -> None:
    ran = shell(*words)

    assert (ran.code > 0, ran.out) == (True, "")
    assert ran.err.startswith('{"code": ') == as_json, ran.err


def test_what_a_person_does_not_agree_to_ends_like_any_error_where_json_is_asked_for(shell: Shell) -> None:
    order_id = _sold(shell)
    words = ("payments", "refund", order_id, "--reason", "asked", "--json")

    for typed in ("n\n", "\x04"):
        no = shell(*words, typed=typed)
        asked, said = no.err.splitlines()

        assert (no.code, no.out) == (1, "")
        assert asked.rstrip().endswith("Go on? [y/N]")
        assert json.loads(said) == {"code": "declined", "message": "Nothing was changed."}
    assert shell.world.status(order_id) == "completed"


def test_an_error_as_json_names_each_field_and_a_setting(shell: Shell) -> None:
    shell.world.sell()
    course = shell.world.thinkific.school.add_course("Python dari Dasar")
    shell("courses", "sync")
    wrong = shell(
        "offers",
        "add",
        "--slug",
        "x",
        "--name",
        "X",
        "--price",
        "15000",
        "--course-id",
        str(course.product_id),
        "--json",
    )
    shell.set(DUITKU_ENVIRONMENT="moon")
    unset = shell("payments", "list", "--json")

    said = json.loads(wrong.err)
    assert (wrong.code, said["code"], [each["field"] for each in said["errors"]]) == (1, "invalid_input", ["course_id"])
    assert (unset.code, json.loads(unset.err)["code"]) == (1, "settings_invalid")
    assert "DUITKU_ENVIRONMENT" in json.loads(unset.err)["message"]


def test_what_a_command_says_of_its_own_accord_stays_with_its_exit_code(shell: Shell) -> None:
    shell.set(REDIS_URL="redis://127.0.0.1:1")
    found = shell("doctor", "--json")

    assert found.code == 1
    assert any(not each["fine"] for each in json.loads(found.out))


def _interrupted(file: Path) -> None:
    with target.opened(file) as text:
        text.write("half")
        raise KeyboardInterrupt


def _sold(shell: Shell, **wanted: str) -> str:
    """An order whose buyer is in the course."""
    shell.world.sell()
    order_id = shell.world.buy_and_pay(**wanted)
    shell.world.work()
    return order_id


def _worked(shell: Shell) -> None:
    """What the command line set going is done: the engine that it gave it to is not the one that works here."""
    shell.world.clock.move(minutes=5)
    shell.world.reconcile()
    shell.world.work()


def _becomes(shell: Shell, message_id: int, state: State) -> None:
    with shell.world.database.begin() as db:
        sent_at = shell.world.clock() - timedelta(hours=1)
        db.execute(
            tables.messages.update().where(tables.messages.c.id == message_id).values(state=state, sent_at=sent_at)
        )


def _deeds(shell: Shell) -> list[str]:
    """What the audit says that the command line did, the oldest first."""
    with shell.world.database.read() as db:
        rows = audit.read_audit(db, None, before=None, limit=50, operator="operator (command line)")
    return [row.action for row in reversed(rows)]
