"""The bench's own reckoning: ratios, spreads, falls, and what it writes. Nothing is measured here."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from kelaspay.__main__ import main
from kelaspay.bench import charts, contenders, document, load
from kelaspay.bench.document import BEGIN, END, Kept, NoMarks, Taken
from kelaspay.bench.figures import (
    TIMES,
    Bar,
    Better,
    Chart,
    Figure,
    Missing,
    Outcome,
    absolute,
    fallen,
    percentile,
    ratio,
    read,
    told,
)
from kelaspay.bench.limit import rated
from kelaspay.bench.population import populate, waiting_ids
from kelaspay.bench.scene import Call
from kelaspay.duitku.callback import read_callback
from kelaspay.duitku.signature import Scheme
from kelaspay.migrate import migrate
from kelaspay.payment import EnrollmentState, Status
from kelaspay.store import enrollments, payments
from kelaspay.store.database import Database

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
OLD, NEW = Taken("2026-11-23", "2 cores"), Taken("2026-11-29", "4 cores")


def rate(value: float, *, better: Better = Better.MORE, unit: str = TIMES) -> Figure:
    return Figure(1, "SQLite, of signature only", value, value, value, unit, better, 0.55)


def test_a_ratio_is_that_of_the_medians_and_its_spread_that_of_the_rounds() -> None:
    found = ratio(1, "x", [50, 60, 10], [100, 80, 100], better=Better.MORE, target=0.4, unit="a second")

    assert (found.value, found.low, found.high) == (0.5, 0.1, 0.75)
    assert found.met is True
    assert found.absolute == "50 a second to 100"


def test_less_may_be_better() -> None:
    assert absolute(7, "start", [2.0, 3.5, 2.5], unit="s", target=3.0).met is True
    assert absolute(7, "start", [3.2, 3.5, 2.5], unit="s", target=3.0).met is False
    assert absolute(7, "start", [3.2], unit="s", target=None).met is None


def test_the_slowest_of_a_hundred_is_found_among_few_and_among_many() -> None:
    assert percentile(range(1, 101), 0.99) == 100
    assert percentile(range(1, 201), 0.5) == 101
    assert percentile([7.0], 0.99) == 7.0


@pytest.mark.parametrize(
    ("better", "before", "now", "down"),
    [
        (Better.MORE, 0.60, 0.46, False),
        (Better.MORE, 0.60, 0.44, True),
        (Better.LESS, 0.60, 0.79, False),
        (Better.LESS, 0.60, 0.81, True),
        (Better.MORE, 0.60, 6.00, False),
    ],
)
def test_more_than_a_quarter_lost_is_a_fall(better: Better, before: float, now: float, down: bool) -> None:
    assert bool(fallen([rate(before, better=better)], [rate(now, better=better)])) is down


def test_only_what_means_the_same_on_every_machine_can_fall() -> None:
    assert fallen([rate(9.0, unit="s")], [rate(0.1, unit="s")]) == []
    assert fallen([], [rate(0.1)]) == []
    assert fallen([rate(2.0, better=Better.LESS, unit="calls")], [rate(3.0, better=Better.LESS, unit="calls")])


def test_one_good_round_shows_that_nothing_was_lost() -> None:
    disturbed = replace(rate(0.2), low=0.1, high=0.55)

    assert fallen([rate(0.6)], [disturbed]) == []
    assert fallen([rate(0.6)], [replace(disturbed, high=0.4)])


def test_what_was_kept_is_read_again() -> None:
    kept = Outcome(
        [rate(0.5)], [Missing(4, "1 worker", "no Redis")], [Chart("1-x", "X", "ms", (Bar("a", 1.0, 0.5, 2.0),), 3.0)]
    )

    assert read(json.loads(json.dumps(told(kept)))) == kept


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Performance\n\nOurs.\n\n{BEGIN}\nold\n{END}\n\n## What was tried\n")
    chart = Chart("1-callbacks", "Callbacks", "a second", (Bar("Kelaspay", 2.0, 1.0, 3.0, ours=True),))

    for _twice in range(2):
        document.write(page, Kept(Outcome([rate(0.5)], [], [chart]), {"1": OLD}))

    written = page.read_text()
    assert written.startswith("# Performance\n\nOurs.\n")
    assert written.endswith("## What was tried\n")
    assert "old" not in written
    assert f"| **0.5 {TIMES}** |  | ≥ 0.55 {TIMES} | **missed** |" in written
    assert "![Callbacks](performance/1-callbacks.svg)" in written
    assert document.load(page.with_suffix(".json")).outcome.figures == [rate(0.5)]
    assert ET.parse(tmp_path / "performance" / "1-callbacks.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own


def test_the_page_of_limits_tells_what_the_machine_carried(tmp_path: Path) -> None:
    page, limits = tmp_path / "performance.md", tmp_path / "operations" / "limits.md"
    limits.parent.mkdir()
    for each in (page, limits):
        each.write_text(f"{BEGIN}\n{END}\n")
    document.write(page, Kept(Outcome()))
    empty = limits.read_text()
    document.write(page, Kept(Outcome([replace(rate(0.5), absolute="5 a second to 10")]), {"1": OLD}))

    assert document.NONE_YET in empty
    assert "2 cores. Taken 2026-11-23." in limits.read_text()
    assert f"| {document.NAMES[1]}: SQLite, of signature only | 5 a second to 10 |" in limits.read_text()
    assert document.NONE_YET not in limits.read_text()


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"{BEGIN} and no end")

    with pytest.raises(NoMarks):
        document.write(page, Kept(Outcome()))
    assert page.read_text() == f"{BEGIN} and no end"


def test_measures_that_were_not_taken_again_stay() -> None:
    before = Kept(Outcome([rate(0.5), absolute(7, "start", [2.0], unit="s", target=3.0)]), {"1": OLD, "7": OLD})

    now = document.merged(before, Kept(Outcome([rate(0.6)]), {"1": NEW}))

    assert [(figure.measure, figure.value) for figure in now.outcome.figures] == [(1, 0.6), (7, 2.0)]
    assert now.taken == {"1": NEW, "7": OLD}
    lines = document.markdown(now, "performance").splitlines()
    assert lines[:2] == ["- 7: 2 cores. Taken 2026-11-23.", "- 1: 4 cores. Taken 2026-11-29."]


def test_what_cannot_be_measured_now_is_not_taken_away() -> None:
    """On a machine without PostgreSQL the figures of one that had it stay; what is called otherwise now does not."""
    on_postgres = replace(rate(0.7), name="PostgreSQL, of signature only")
    renamed = replace(rate(0.1), name="an old name", measure=5)
    before = Kept(Outcome([rate(0.5), on_postgres, renamed]), {"1": OLD, "5": OLD})
    found = Outcome([rate(0.6), replace(rate(2.0), measure=5)], [Missing(1, "on PostgreSQL", "none was named")])

    now = document.merged(before, Kept(found, {"1": NEW, "5": NEW}))

    assert [(each.name, each.value) for each in now.outcome.figures] == [
        ("SQLite, of signature only", 0.6),
        ("PostgreSQL, of signature only", 0.7),
        ("SQLite, of signature only", 2.0),
    ]
    assert now.outcome.missing == []


def test_of_measures_taken_together_only_what_was_asked_for_stays() -> None:
    taken = Outcome(
        [rate(0.5), replace(rate(0.9), measure=2)],
        [Missing(2, "Express", "no Node")],
        [Chart("1-callbacks", "Callbacks", "a second", ()), Chart("2-delay", "Delay", "ms", ())],
    )

    kept = taken.of(frozenset({1, 5}))

    assert [each.measure for each in kept.figures] == [1]
    assert kept.missing == []
    assert [each.name for each in kept.charts] == ["1-callbacks"]


def test_a_chart_is_one_drawing_whatever_its_labels_hold() -> None:
    drawn = charts.svg(Chart("x", 'a < b & "c"', "ms", (Bar("<script>", 0.0, 0.0, 0.0),), 10.0))

    root = ET.fromstring(drawn)  # noqa: S314 - our own
    assert "target 10" in "".join(root.itertext())
    assert "<script>" not in drawn


def test_every_callback_is_signed_and_another_one(tmp_path: Path) -> None:
    load.write_bodies(tmp_path / "bodies", ["KP1", "KP2"], 5, "R1")

    lines = (tmp_path / "bodies").read_bytes().splitlines()
    read = [
        read_callback(
            line, load.FORM, merchant_code=load.MERCHANT, api_key=load.API_KEY, accepted=frozenset({Scheme.HMAC})
        )
        for line in lines
    ]
    assert [each.merchant_order_id for each in read] == ["KP1", "KP2", "KP1", "KP2", "KP1"]
    assert len({each.reference for each in read}) == 5


def test_what_one_insert_each_keeps_is_on_disk_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    keep = contenders.OneEach(url)

    keep.insert("R1", "KP1", b"body")

    assert keep.durable() == ("wal", 2)


def test_a_store_is_filled_with_payments_done_and_waiting(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'filled.db'}")
    migrate(database)

    populate(database, waiting=waiting_ids(2), completed=3, now=NOON)

    with database.read() as db:
        found = [payments.find_payment(db, order_id) for order_id in (*waiting_ids(2), "KLP-BENCH-D00000002")]
        access = enrollments.find_enrollment(db, "KLP-BENCH-D00000002")
    database.close()
    assert access is not None
    assert access.state is EnrollmentState.ENROLLED
    assert [each.status for each in found if each] == [Status.PENDING, Status.PENDING, Status.COMPLETED]


def test_the_limits_share_is_counted_from_the_first_call_to_the_last() -> None:
    half_a_second = [Call("POST", "/users", 201, NOON + timedelta(seconds=0.5 * number)) for number in range(241)]

    found = rated(half_a_second, workers=2)

    assert found.value == pytest.approx(1.0)
    assert found.met is True
    assert rated(half_a_second[::2], workers=2).met is False


def test_a_measure_that_nobody_has_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("fast", "1,10"):
        with pytest.raises(SystemExit) as ended:
            main(["bench", "--only", wrong])

        assert ended.value.code == 2
        assert "numbers of measures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--write", "nowhere/page.md"], "No such file"),
        (["--write", "."], "Is a directory"),
        (["--write", "without.md"], "no place for what was measured"),
        (["--short"], "nothing to compare with"),
        (["--only", "9"], "--suite or --stories"),
        (["--only", "9", "--suite", "-5"], "--suite"),
    ],
)
def test_what_would_fail_in_the_end_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "without.md").write_text("no marks")

    with pytest.raises(SystemExit) as ended:
        main(["bench", *words])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_who_has_no_wrk_is_told_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        main(["bench", "--only", "1"])

    assert ended.value.code == 1
    assert capsys.readouterr().err == "kelaspay: wrk is not installed (Debian: apt-get install wrk)\n"


def test_seconds_read_off_a_clock_are_kept_without_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"{BEGIN}\n{END}\n")

    with pytest.raises(SystemExit) as ended:
        main(["bench", "--only", "9", "--suite", "171", "--stories", "31", "--write", str(page)])

    assert ended.value.code == 0
    assert "missed" in capsys.readouterr().out
    assert [(each.value, each.met) for each in document.load(page.with_suffix(".json")).outcome.figures] == [
        (171, True),
        (31, False),
    ]
