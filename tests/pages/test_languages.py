"""The English catalogue has every text of the pages, and each with the same blanks."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel.messages.extract import extract_from_dir

from kelaspay.i18n import TRANSLATIONS

SOURCE = Path(__file__).parents[2] / "src" / "kelaspay"
JINJA = "jinja2.ext.babel_extract"
WHERE = [("web/**.py", "python"), ("letters.py", "python"), ("notes.py", "python"), ("web/templates/**.html", JINJA)]
OPTIONS = {"web/templates/**.html": {"trim_blocks": "true", "newstyle_gettext": "true"}}


@cache
def texts() -> set[str]:
    """Every text that is marked to be translated."""
    found = extract_from_dir(str(SOURCE), WHERE, OPTIONS, keywords={"marked": None, "_": None, "gettext": None})
    return {str(text) for _file, _line, text, _comments, _context in found}


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}", text))


def test_every_text_is_there_in_english() -> None:
    english = TRANSLATIONS["en"]
    missing = [text for text in sorted(texts()) if english.gettext(text) == text and text not in SAME]

    assert len(texts()) > 100
    assert missing == []


def test_a_translation_has_the_same_blanks() -> None:
    english = TRANSLATIONS["en"]

    assert [text for text in texts() if blanks(text) != blanks(english.gettext(text))] == []


def test_the_catalogue_keeps_no_text_that_is_no_longer_used() -> None:
    catalogue = (SOURCE / "locale" / "en.po").read_text(encoding="utf-8")

    assert catalogue.count("\nmsgid ") - 1 == len(texts())


SAME = {"ATM", "Mobile banking", "QRIS", "Virtual Account", "E-wallet", "Paylater", "E-banking", "E-commerce", "Total"}
