"""Offers as a person writes them, in options or in a CSV file: checked before anything is kept, WIB where no zone is
named. What `as_csv` writes `read_csv` reads.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from kelaspay.faults import InvalidInput
from kelaspay.formats import WIB, wib_read
from kelaspay.payment import DEAREST, LONGEST_ACCESS, Offer, Rupiah

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PICTURE = re.compile(r"https?://[!-~]+")
NUMBERS = ("course_id", "bundle_id", "product_id", "access_days")
TIMES = ("on_sale_from", "on_sale_until", "retired_at")
COLUMNS = ("slug", "name", "price", *NUMBERS, *TIMES, "description", "picture", "price_before")
MOST_DIGITS = 15
MOST = 10**MOST_DIGITS
LIMITS = {"price": DEAREST, "price_before": DEAREST, "access_days": LONGEST_ACCESS}
FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would take for a formula."""


def as_csv(found: Iterable[Offer]) -> str:
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    for offer in found:
        rows.writerow([_shown(getattr(offer, column)) for column in COLUMNS])
    return written.getvalue()


def read_csv(content: bytes, school: str) -> dict[int, Offer]:
    """The offers by line, comma or semicolon between the columns; raises `InvalidInput` with every wrong line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput.one("file", "is not UTF-8; save it as CSV UTF-8") from None
    heading = text.partition("\n")[0]
    rows = csv.DictReader(
        io.StringIO(text, newline=None), delimiter=";" if heading.count(";") > heading.count(",") else ","
    )
    try:
        _check_heading(rows.fieldnames or [])
        return _read_rows(rows, school)
    except csv.Error as error:
        raise InvalidInput.one(f"line {rows.line_num + 1}", f"cannot be read: {error}") from error


def _check_heading(named: Sequence[str]) -> None:
    if set(named) - set(COLUMNS) or not {"slug", "name", "price"} <= set(named) or len(set(named)) < len(named):
        columns = ", ".join(COLUMNS[3:])
        raise InvalidInput.one("line 1", f"must name the columns slug, name, price and any of {columns}, each once")


def _read_rows(rows: csv.DictReader[str], school: str) -> dict[int, Offer]:
    read: dict[int, Offer] = {}
    wrong: dict[str, str] = {}
    lines: dict[str, int] = {}
    for row in rows:
        line = rows.line_num
        if rows.restkey in row:  # as a price written 150,000 has: half of it would be taken for the whole
            wrong[f"line {line}"] = "has more columns than line 1"
            continue
        try:
            offer = read_offer({column: row.get(column) or "" for column in COLUMNS}, school)
        except InvalidInput as fault:
            wrong |= {f"line {line}, {column}": why for column, why in fault.fields.items()}
            continue
        if offer.slug in lines:
            wrong[f"line {line}, slug"] = f"stands in line {lines[offer.slug]} already"
        lines[offer.slug] = line
        read[line] = offer
    if wrong:
        raise InvalidInput(wrong)
    return read


def read_offer(row: Mapping[str, str], school: str) -> Offer:
    """The offer in these words; raises `InvalidInput` with every column that is wrong."""
    texts = {column: _plain(row.get(column, "")) for column in COLUMNS}
    wrong: dict[str, str] = {}
    numbers = {column: _number(wrong, column, texts[column]) for column in ("price", "price_before", *NUMBERS)}
    times = {column: _time(wrong, column, texts[column]) for column in TIMES}
    if numbers["course_id"] is not None and numbers["bundle_id"] is not None:
        wrong["bundle_id"] = "cannot be given together with --course-id"
    if numbers["price"] is None:
        wrong.setdefault("price", "is missing")
    if not SLUG.fullmatch(texts["slug"]):
        wrong["slug"] = "takes lower-case letters, digits and hyphens"
    if not texts["name"]:
        wrong["name"] = "must not be empty"
    if texts["picture"] and not PICTURE.fullmatch(texts["picture"]):
        wrong["picture"] = "must be an https:// address"
    wrong |= _not_beyond(numbers, times)
    if wrong:
        raise InvalidInput(wrong)
    return Offer(
        slug=texts["slug"],
        name=texts["name"],
        price=Rupiah(numbers["price"] or 0),
        course_id=numbers["course_id"],
        bundle_id=numbers["bundle_id"],
        product_id=numbers["product_id"],
        access_days=numbers["access_days"],
        on_sale_from=times["on_sale_from"],
        on_sale_until=times["on_sale_until"],
        retired_at=times["retired_at"],
        description=texts["description"] or None,
        picture=texts["picture"] or None,
        school=school,
        price_before=Rupiah(numbers["price_before"]) if numbers["price_before"] else None,
    )


def _not_beyond(numbers: Mapping[str, int | None], times: Mapping[str, datetime | None]) -> dict[str, str]:
    """What ought to be more, or later, than something else and is not."""
    wrong = {}
    if (numbers["price_before"] or MOST) <= (numbers["price"] or 0):
        wrong["price_before"] = "is not above the price"
    start, end = times["on_sale_from"], times["on_sale_until"]
    if start is not None and end is not None and end <= start:
        wrong["on_sale_until"] = "is not after on_sale_from"
    return wrong


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(WIB).isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _plain(text: str) -> str:
    """Without runs of space, what no screen shows, and the apostrophe that kept a formula from being one."""
    shown = (letter for letter in " ".join(text.split()) if unicodedata.category(letter) not in {"Cc", "Cs"})
    words = "".join(shown)
    return words[1:] if words.startswith("'") and words[1:].startswith(FORMULA) else words


def _number(wrong: dict[str, str], column: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text) > 0):
        wrong[column] = "is not a whole number above 0"
        return None
    if int(text) > LIMITS.get(column, MOST):
        wrong[column] = f"is more than {LIMITS[column]}"
        return None
    return int(text)


def _time(wrong: dict[str, str], column: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return wib_read(text)
    except ValueError as error:
        wrong[column] = str(error)
        return None
