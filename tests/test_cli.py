"""Every command as an operator types it: what it prints for people and for scripts, and how it ends."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay import __version__
from kelaspay.store import jobs, second_factors, tables
from tests.shell import Ran, shell
from tests.test_callbacks import signed
from tests.world import COURSE, OFFER

if TYPE_CHECKING:
    from tests.shell import Shell

__all__ = ["shell"]

LONG = "Fotografi Produk dengan Ponsel untuk Pemula dan UMKM Indonesia Bagian Kedua"
BY_HAND = "Duitku has no refund API: send the money back by hand."
WIB = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d WIB)?")


def test_where_there_is_nothing_that_is_said(shell: Shell) -> None:
    nothing = {
        ("payments", "list"): "No payments yet.",
        ("payments", "list", "--attention"): "Nothing needs a person.",
        ("payments", "list", "--status", "expired"): "No payments are expired.",
        ("offers", "list"): "No offers yet: kelaspay offers add --help",
        ("courses", "list"): "Nothing yet: kelaspay courses sync",
        ("events", "list"): "No events yet.",
        ("events", "list", "--order", "KP1"): "No events of KP1.",
    }

    for words, said in nothing.items():
        assert shell(*words) == Ran(0, f"{said}\n", "")
        assert shell.json(*words) == []


def test_what_is_not_there_is_one_line_on_stderr_and_code_1(shell: Shell) -> None:
    absent = [
        ["payments", "show", "KP-unknown"],
        ["payments", "recheck", "KP-unknown"],
        ["payments", "retry", "KP-unknown"],
        ["payments", "mark-paid", "KP-unknown", "--reason", "seen"],
        ["payments", "mark-paid", "KP-unknown", "--reason", "seen", "--dry-run"],
        ["payments", "revoke", "KP-unknown", "--reason", "asked"],
        ["events", "show", "12345"],
        ["events", "replay", "12345"],
        ["offers", "retire", "unknown"],
    ]

    for words in absent:
        ran = shell(*words)

        assert (ran.code, ran.out) == (1, ""), words
        assert re.fullmatch(rf"kelaspay: There is no such \w+\. \({words[2]}\)\n", ran.err), words


def test_wrong_use_is_code_2(shell: Shell) -> None:
    wrong = [
        ["nothing"],
        ["payments", "nothing"],
        ["payments", "show"],
        ["payments", "list", "--status", "lost"],
        ["payments", "list", "--limit", "0"],
        ["payments", "mark-paid", "KP1"],
        ["payments", "revoke", "KP1"],
        ["events", "show", "one"],
        ["emulate", "stripe"],
        ["serve", "--quietly"],
        ["offers", "add", "--slug", "x", "--name", "X"],
        ["offers", "add", "--slug", "x", "--name", "X", "--price", "0"],
        ["offers", "add", "--slug", "x", "--name", "X", "--price", "1.5"],
        ["offers", "add", "--slug", "x", "--name", " ", "--price", "1"],
        ["offers", "add", "--slug", "Besar", "--name", "X", "--price", "1"],
        ["offers", "add", "--slug", "a b", "--name", "X", "--price", "1"],
        ["offers", "add", "--slug", "-a", "--name", "X", "--price", "1"],
        ["offers", "add", "--slug", "x", "--name", "X", "--price", "1", "--course-id", "1", "--bundle-id", "2"],
    ]

    for words in wrong:
        ran = shell(*words)

        assert (ran.code, ran.out) == (2, ""), words
        assert "Usage: kelaspay" in ran.err, words


def test_a_wrong_value_is_said_in_words_of_ours(shell: Shell) -> None:
    said = {
        (
            "payments",
            "list",
            "--status",
            "lost",
        ): "Invalid value for '--status': 'lost' is not one of 'pending', 'paid'",
        ("emulate", "stripe"): "Invalid value for 'which': 'stripe' is not one of 'duitku', 'thinkific'.",
        ("events", "adopt", "KP1"): "Invalid value for 'event_id': must be a whole number",
        ("payments", "list", "--limit", "0"): "Invalid value for '--limit': must be a whole number from 1 to 1000",
        ("events", "show", "9" * 20): "Invalid value for 'event_id': is larger than any",
    }

    for words, why in said.items():
        ran = shell(*words, columns=200)

        assert (ran.code, why in ran.err) == (2, True), ran.err


def test_the_version_is_said(shell: Shell) -> None:
    assert shell("--version") == Ran(0, f"kelaspay {__version__}\n", "")


def test_help_says_what_every_command_is_for(shell: Shell) -> None:
    for words in ("", "payments", "events", "offers", "courses", "payments mark-paid", "serve", "doctor"):
        ran = shell(*words.split(), "--help", columns=80)

        assert ran.code == 0
        assert "Usage: kelaspay" in ran.out
        assert max(map(len, ran.lines)) <= 80


# Offers and courses.


def test_an_offer_is_added_corrected_listed_and_retired(shell: Shell) -> None:
    added = shell(
        *("offers", "add", "--slug", "python-dasar", "--name", " Python  dari Dasar ", "--price", "250000"),
        *("--course-id", "123", "--product-id", "456", "--access-days", "365"),
    )
    corrected = shell("offers", "add", "--slug", "python-dasar", "--name", "Python dari Dasar", "--price", "199000")
    listed = shell("offers", "list")
    retired = shell("offers", "retire", "python-dasar")
    [kept] = shell.json("offers", "list")

    assert (added.code, added.out) == (0, "Added python-dasar, Rp 250.000.\n")
    assert corrected.out == "Corrected python-dasar, Rp 199.000.\n"
    assert listed.lines[1].split("  ") == ["python-dasar", "Python dari Dasar", "Rp 199.000"]
    assert retired.out == "Retired python-dasar.\n"
    assert (kept["price"], kept["course_id"], kept["name"]) == (199_000, None, "Python dari Dasar")
    assert kept["retired_at"].endswith("+00:00")


def test_an_offer_that_is_added_can_be_bought(shell: Shell) -> None:
    shell("offers", "add", "--slug", OFFER, "--name", COURSE, "--price", "75000", "--bundle-id", "9")

    assert shell.world.ask_to_buy().json()["amount"] == 75_000


def test_an_offer_is_printed_as_json_when_it_is_added(shell: Shell) -> None:
    added = shell("offers", "add", "--slug", "x", "--name", "X", "--price", "1000", "--bundle-id", "7", "--json")
    said = json.loads(added.out)

    assert (said["slug"], said["price"], said["bundle_id"], said["course_id"]) == ("x", 1000, 7, None)


def test_the_catalogue_shows_which_id_is_which(shell: Shell) -> None:
    course = shell.world.thinkific.school.add_course(LONG)
    bundle = shell.world.thinkific.school.add_bundle("Paket", [course.id])

    synced = shell("courses", "sync")
    listed = shell("courses", "list")

    assert (synced.code, synced.out) == (0, "Copied 2 products.\n")
    assert listed.lines[0].split()[:4] == ["name", "course_id", "bundle_id", "product_id"]
    assert re.split(r"\s{2,}", listed.lines[1])[:4] == [LONG, str(course.id), "\u2013", str(course.product_id)]
    assert re.split(r"\s{2,}", listed.lines[2])[:4] == ["Paket", "\u2013", str(bundle.id), str(bundle.product_id)]
    assert shell.json("courses", "sync") == {"products": 2, "unreadable": 0}
    assert {row["productable_id"] for row in shell.json("courses", "list")} == {course.id, bundle.id}


# Payments.


def test_tables_fit_the_terminal_and_cut_no_id(shell: Shell) -> None:
    shell.world.sell(LONG, slug="fotografi-produk-dengan-ponsel")
    shell.world.sell(price=12_500_000)
    shell("courses", "sync")
    bought = [shell.world.buy_and_pay(), shell.world.buy(offer="fotografi-produk-dengan-ponsel")]
    bought.append(shell.world.buy_and_pay(customer_email="ani@example.com"))
    shell.world.duitku.pay(bought[1], amount=1)
    shell.world.call_back(shell.world.duitku.callback_form(bought[1]))
    shell.world.work()

    for columns, noun in product((80, 120, 200), ("payments", "offers", "courses", "events")):
        ran = shell(noun, "list", columns=columns)

        assert ran.code == 0
        assert max(map(len, ran.lines)) <= columns, ran.out
        if noun in {"payments", "events"}:
            assert [order_id for order_id in bought if order_id not in ran.out] == []
        if noun in {"payments", "offers"}:
            assert "Rp 12.500.000" in ran.out
        if noun == "payments":
            assert "amount_differs" in ran.out


def test_what_a_table_has_no_room_for_is_said(shell: Shell) -> None:
    shell.world.sell()
    shell.world.buy_and_pay()
    shell.world.work()

    assert shell("payments", "list", columns=80).lines[-1].startswith("No room for paid_at, completed_at: ")
    assert "No room" not in shell("payments", "list", columns=140).out
    assert "No room" not in shell("payments", "list").out


def test_payments_are_listed_newest_first_with_jakartas_time(shell: Shell) -> None:
    shell.world.sell()
    older = shell.world.buy()
    shell.world.clock.move(seconds=1)
    newer = shell.world.buy_and_pay()
    shell.world.work()
    made = shell.world.payment(newer).created_at + timedelta(hours=7)

    listed = shell("payments", "list")

    assert [line.split()[0] for line in listed.lines[1:]] == [newer, older]
    assert re.split(r"\s{2,}", listed.lines[1])[1:5] == [f"{made:%Y-%m-%d %H:%M}", OFFER, "Rp 150.000", "completed"]
    assert [row["merchant_order_id"] for row in shell.json("payments", "list", "--status", "completed")] == [newer]
    assert [row["status"] for row in shell.json("payments", "list", "--limit", "1")] == ["completed"]
    made_at = {"--since": f"{made:%Y-%m-%dT%H:%M:%S.%f}", "--until": f"{made:%Y-%m-%dT%H:%M:%S.%f}"}
    between = {
        name: [row["merchant_order_id"] for row in shell.json("payments", "list", name, at)]
        for name, at in made_at.items()
    }
    assert between == {"--since": [newer], "--until": [older]}
    assert shell("payments", "list", "--since", "2030-01-01").out == "No such payments.\n"
    assert shell("payments", "list", "--since", "yesterday").code == 2


def test_one_payment_is_shown_with_all_that_happened(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy_and_pay()
    shell.world.work()

    ran = shell("payments", "show", order_id, columns=80)
    whole = shell.json("payments", "show", order_id)

    assert ran.code == 0
    for said in ("Rp 150.000", "status             completed", "siti@example.com", "+6281234567890", " WIB"):
        assert said in ran.out
    for said in ("buyer", "created", "invoice_created", "user_created", "enrolled", "external_order", "enrolled_at"):
        assert said in ran.out
    assert f"https://pay.example.com/o/{shell.world.payment(order_id).public_id}" in ran.out
    assert set(whole) == {"payment", "customer", "enrollment", "job", "story", "events"}
    assert whole["payment"]["payment_amount"] == 150_000
    assert [event["outcome"] for event in whole["events"]] == ["started"]


def test_a_payment_that_has_only_begun_is_shown_too(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy()

    assert "nothing yet" in shell("payments", "show", order_id).out
    assert shell.json("payments", "show", order_id)["enrollment"] is None


def test_recheck_asks_duitku_now_and_starts_the_work_when_it_is_paid(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy()
    unpaid = shell("payments", "recheck", order_id)
    shell.world.duitku.pay(order_id)
    paid = shell("payments", "recheck", order_id)
    again = shell.json("payments", "recheck", order_id)

    assert (unpaid.code, unpaid.out) == (0, f"{order_id} is pending. Duitku has not seen the money yet.\n")
    assert (paid.code, paid.out) == (0, f"{order_id} is paid.\n")
    assert again == {"merchant_order_id": order_id, "status": "paid", "why": None}
    with shell.world.database.read() as db:
        job = jobs.find_job(db, order_id)
    assert job is not None
    assert job.active


def test_a_payment_in_review_is_tried_again(shell: Shell) -> None:
    shell.world.offer(OFFER, "Kelas yang belum ada")
    order_id = shell.world.buy_and_pay()
    shell.world.work()
    before = shell("payments", "list", "--attention")
    ran = shell("payments", "retry", order_id)

    assert "course_unmapped" in before.out
    assert (ran.code, ran.out) == (0, f"{order_id} is being tried again.\n")
    assert shell.world.status(order_id) == "paid"


def test_only_what_is_paid_can_be_tried_again(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy()
    ran = shell("payments", "retry", order_id)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith(f"It is pending. ({order_id})\n")


def test_a_persons_word_that_it_is_paid_is_rehearsed_and_then_taken_with_the_reason(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy()
    before = shell.world.kept()
    rehearsed = shell("payments", "mark-paid", order_id, "--reason", "seen in the bank", "--dry-run")
    untouched = shell.world.kept() == before
    done = shell("payments", "mark-paid", order_id, "--reason", "seen in the bank")
    again = shell("payments", "mark-paid", order_id, "--reason", "x", "--dry-run")

    assert rehearsed.out == f"{order_id} (pending, Rp 150.000) would be marked paid and enrolled.\n"
    assert untouched
    assert done.out == f"{order_id} (pending, Rp 150.000) is marked paid and will be enrolled.\n"
    assert shell.world.status(order_id) == "paid"
    assert "seen in the bank" in shell("payments", "show", order_id).out
    assert (again.code, again.out) == (1, "")


def test_a_refund_is_rehearsed_and_then_recorded(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy_and_pay()
    shell.world.work()
    before = shell.world.kept()
    rehearsed = shell("payments", "revoke", order_id, "--reason", "asked for it", "--dry-run")
    untouched = shell.world.kept() == before
    done = shell("payments", "revoke", order_id, "--reason", "asked for it")

    assert rehearsed.out.endswith(
        f"(completed, Rp 150.000) would be recorded as refunded, and the access that it gave ended. {BY_HAND}\n"
    )
    assert untouched
    assert done.out.endswith(f"the access that it gave is being ended. {BY_HAND}\n")
    assert shell.world.status(order_id) == "refunded"


def test_what_is_refunded_already_is_not_said_to_need_the_money_sent_again(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy_and_pay()
    shell.world.work()
    shell("payments", "refund", order_id, "--reason", "asked for it")
    before = shell.world.kept()
    again = [
        shell("payments", "refund", order_id, "--reason", "asked for it"),
        shell("payments", "revoke", order_id, "--reason", "asked for it", "--dry-run"),
        shell("payments", "refund", order_id, "--reason", "asked for it", typed=""),
    ]

    said = re.compile(
        rf"{order_id} is refunded already \(by operator \(command line\), {WIB.pattern}\); nothing was done.\n"
    )
    assert all(said.fullmatch(ran.out) and (ran.code, ran.err) == (0, "") for ran in again)
    assert shell.world.kept() == before


def test_what_is_not_paid_cannot_be_refunded_not_even_in_rehearsal(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy()
    ran = shell("payments", "revoke", order_id, "--reason", "asked for it", "--dry-run")

    assert (ran.code, ran.out) == (1, "")


# Events.


def test_an_event_is_listed_shown_and_replayed(shell: Shell) -> None:
    shell.world.sell()
    order_id = shell.world.buy_and_pay()
    shell.world.buy_and_pay()
    shell.world.work()
    [event] = shell.json("events", "list", "--order", order_id)
    shown = shell("events", "show", str(event["id"]))
    replayed = shell("events", "replay", str(event["id"]))
    [waiting] = [row for row in shell.world.events() if row.started_at is None]

    assert (event["merchant_order_id"], event["result_code"], event["amount"]) == (order_id, "00", 150_000)
    assert f"merchantOrderId={order_id}&" in shown.out
    assert "Rp 150.000" in shown.out
    assert shell.json("events", "show", str(event["id"]))["body"].startswith("merchantCode=D0001&")
    assert replayed.out == f"Event {event['id']} will be looked at again.\n"
    assert waiting.id == event["id"]
    assert len(shell.world.enrolled()) == 1


def test_an_order_that_is_not_known_is_taken_up_when_duitku_says_the_same(shell: Shell) -> None:
    world = shell.world
    world.sell()
    order_id = world.buy()
    with world.database.begin() as db:
        for table in (tables.customers, tables.invoices, tables.payments):
            db.execute(sa.delete(table))
    world.call_back(signed(order_id))
    world.call_back(signed(order_id, amount="1000"))
    buyer = ("--name", "Siti", "--email", "siti@example.com", "--phone", "0812-3456-7890")

    unpaid = shell("events", "adopt", "1", "--offer", OFFER, *buyer)
    world.call_back(world.duitku.pay(order_id))
    other_amount = shell("events", "adopt", "2", "--offer", OFFER, *buyer)
    no_offer = shell("events", "adopt", "3", "--offer", "nothing", *buyer)
    rehearsed = shell("events", "adopt", "3", "--offer", OFFER, *buyer, "--dry-run")
    nothing_yet = shell.json("payments", "list")
    adopted = [shell("events", "adopt", "3", "--offer", OFFER, *buyer) for _ in range(2)]
    world.work()

    assert [ran.code for ran in (unpaid, other_amount, no_offer)] == [1, 1, 1]
    assert "has not seen the money" in unpaid.err
    assert "called back Rp 1000, says Rp 150000" in other_amount.err
    assert "offer: is not an offer of the school that was paid" in no_offer.err
    assert rehearsed.out == f"{order_id} (Rp 150.000) would be taken up and enrolled.\n"
    assert nothing_yet == []
    assert [ran.out for ran in adopted] == [f"{order_id} (Rp 150.000) is taken up and will be enrolled.\n"] * 2
    assert world.enrolled() == [("siti@example.com", COURSE)]
    assert "unknown_order" not in [event.outcome for event in world.events()]


# Reconciling.


def test_reconcile_is_rehearsed_and_then_done(shell: Shell) -> None:
    shell.world.sell()
    shell.world.clock.move(days=-1)
    order_id = shell.world.buy()
    shell.world.duitku.pay(order_id)
    rehearsed = shell("reconcile", "--dry-run")
    calls = shell.world.duitku_asks()
    done = shell.json("reconcile")

    assert rehearsed.lines == [
        "1 would be asked after, 0 of them paid, 0 lapsed.",
        "0 would be started again.",
        f"  {order_id} would be asked after",
    ]
    assert calls == 0
    assert (done["asked"], done["paid"]) == ([order_id], [order_id])
    assert shell.world.status(order_id) == "paid"


def test_who_lost_the_phone_signs_in_with_the_password_alone(shell: Shell) -> None:
    world = shell.world
    shell("operators", "add", "ibu@example.com")
    without = shell("operators", "reset-second-factor", "Ibu@example.com")
    with world.database.begin() as db:
        second_factors.put_secret(db, 1, world.outside.vault.seal("ABC", "operators/1/totp_secret"))
        assert second_factors.turn_on(db, 1, world.clock())

    done = shell("operators", "reset-second-factor", "ibu@example.com")

    assert without.out == "ibu@example.com has no second factor.\n"
    assert done.out == "ibu@example.com signs in with the password alone.\n"
    assert [each["second_factor_at"] for each in shell.json("operators", "list")] == [None]
    assert "second_factor_reset" in str(world.kept()["audit"])
