"""The receipt as a PDF: one A4 page in a font that every reader has, and in DejaVu what that one cannot write. The PDF
gets those letters of DejaVu that stand in it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from fpdf import FPDF
    from fpdf.table import Table

MARGIN = 20
"""Millimetres."""
PLAIN, WIDE = "Helvetica", "DejaVu"
LATIN_1 = frozenset(map(chr, range(256)))
"""All that PDF's own fonts have."""
NEAR = {"\u2022": "*", "\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}


@dataclass(frozen=True, slots=True)
class Receipt:
    """All that stands on it, in the reader's language."""

    number: str
    facts: list[tuple[str, list[str]]]
    sums: list[tuple[str, str]]
    total: tuple[str, str]
    note: str = ""


def drawn(receipt: Receipt, title: str, language: str) -> bytes:
    from fpdf import FPDF  # noqa: PLC0415 - with its fonts 20 MB that most processes never need
    from fpdf.enums import XPos, YPos  # noqa: PLC0415 - the same

    made = FPDF(format="A4")
    made.set_title(f"{title} {receipt.number}")
    made.set_lang(language)
    made.set_margins(MARGIN, MARGIN)
    made.add_page()
    made.set_font(PLAIN, "B", 20)
    made.cell(0, 14, _in(LATIN_1, title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    made.set_font(PLAIN, "", 11)
    with made.table(col_widths=(1, 3), first_row_as_headings=False, borders_layout="NONE", align="L") as table:
        for label, lines in receipt.facts:
            _write(made, table, [label, "\n".join(lines)])
    made.ln(8)
    _sums(made, receipt)
    if receipt.note:
        made.ln(6)
        made.cell(0, 8, _in(LATIN_1, receipt.note))
    return bytes(made.output())


def _sums(made: FPDF, receipt: Receipt) -> None:
    rows = [*receipt.sums, receipt.total]
    with made.table(
        col_widths=(3, 1),
        first_row_as_headings=False,
        borders_layout="HORIZONTAL_LINES",
        text_align=("LEFT", "RIGHT"),
        padding=2,
    ) as table:
        for at, row in enumerate(rows, 1):
            made.set_font(style="B" if at == len(rows) else "")
            _write(made, table, row)


def _write(made: FPDF, table: Table, texts: Iterable[str]) -> None:
    """A row, each cell of it in the font that can write it."""
    from fpdf.fonts import FontFace  # noqa: PLC0415 - as above

    row = table.row()
    for text in texts:
        beyond = {letter for letter in text if letter not in LATIN_1 and letter not in NEAR}
        known = _letters(made) if beyond else frozenset()
        if beyond & known:
            row.cell(_in(known, text), style=FontFace(family=WIDE, emphasis=""))
        else:
            row.cell(_in(LATIN_1, text))


def _letters(made: FPDF) -> frozenset[str]:
    """What DejaVu has, which from then on the PDF knows."""
    from fpdf.fonts import TTFFont  # noqa: PLC0415 - as above

    if WIDE.lower() not in made.fonts:
        with as_file(files("kelaspay").joinpath("web/fonts/DejaVuSans.ttf")) as path:
            made.add_font(WIDE, fname=path)
    font = made.fonts[WIDE.lower()]
    return frozenset(map(chr, font.cmap)) | {"\n"} if isinstance(font, TTFFont) else frozenset()


def _in(letters: Container[str], text: str) -> str:
    """With these letters alone: what is not among them by its nearest one."""
    return "".join(_nearest(letters, letter) for letter in unicodedata.normalize("NFC", text))


def _nearest(letters: Container[str], letter: str) -> str:
    near = NEAR.get(letter) or unicodedata.normalize("NFKD", letter)[0]
    return next((each for each in (letter, near) if each in letters), "?")
