"""Schools on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay.faults import SchoolUnknown
from kelaspay.store.schools import find_credentials
from tests.shell import shell
from tests.world import COURSE, MERCHANTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shell import Shell

__all__ = ["shell"]

OTHER = "akademi"
OTHER_OFFER = "budi-fundamentals"


def test_a_school_is_added_and_sold_for_from_the_command_line(shell: Shell, tmp_path: Path) -> None:
    world = shell.world
    there = world.thinkific.add_school(OTHER, "5" * 32)
    course = there.add_course(COURSE)
    merchant_code, api_key = list(MERCHANTS.items())[1]
    files = {"duitku": tmp_path / "duitku", "thinkific": tmp_path / "thinkific"}
    files["duitku"].write_text(f"{api_key}\n")
    files["thinkific"].write_text(there.api_key)

    begun_with = shell("schools", "add", OTHER, "--merchant-code", merchant_code)
    finished = shell(
        *("schools", "add", OTHER, "--duitku-api-key-file", str(files["duitku"])),
        *("--thinkific-api-key-file", str(files["thinkific"]), "--seller-name", "Akademi Budi"),
    )
    copied = shell("courses", "sync", "--school", OTHER)
    ids = ("--course-id", str(course.id), "--product-id", str(course.product_id))
    shell("offers", "add", "--slug", "budi", "--name", COURSE, "--price", "99000", *ids, "--school", OTHER)

    assert "Still missing: the API key of Duitku" in begun_with.out
    assert "missing" not in finished.out
    assert copied.out == "Copied 1 product.\n"
    assert [row["school"] for row in shell.json("schools", "list")] == ["kelas", OTHER]
    assert {row["slug"]: row["school"] for row in shell.json("offers", "list")} == {"budi": OTHER}
    for text in (begun_with.out, finished.out, shell("schools", "list").out, str(world.kept()["schools"])):
        assert api_key not in text
        assert there.api_key not in text


def test_a_school_that_is_not_there_is_said(shell: Shell) -> None:
    for words in ("courses sync --school nowhere", "offers export --school nowhere"):
        assert shell(*words.split()).err == f"kelaspay: {SchoolUnknown.message()}\n"
    assert "the environment" in shell("schools", "add", "kelas", "--merchant-code", "D0002").err
    assert shell("schools", "add", "not a name", "--merchant-code", "D0002").code == 1


def test_one_word_of_who_sells_is_kept_without_the_others(shell: Shell) -> None:
    shell("schools", "add", OTHER, "--seller-name", "Akademi Budi", "--seller-email", "budi@example.com")
    shell("schools", "add", OTHER, "--seller-phone", "+62 811-1111-1111", "--refund-policy", "Kembali dalam 7 hari.")

    with shell.world.database.read() as db:
        seller = find_credentials(db, OTHER)
    assert seller is not None
    assert (seller.seller_name, seller.seller_email) == ("Akademi Budi", "budi@example.com")
    assert (seller.seller_phone, seller.seller_refund_policy) == ("+62 811-1111-1111", "Kembali dalam 7 hari.")
