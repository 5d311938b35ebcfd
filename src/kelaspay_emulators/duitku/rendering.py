"""Turns templates into pages: rupiah as `Rp 150.000`, times in WIB, in Bahasa Indonesia."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.wrappers import Response

from kelaspay_emulators.duitku.answers import page
from kelaspay_emulators.duitku.identifiers import WIB

if TYPE_CHECKING:
    from datetime import datetime

_MONTHS = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
]

STATUSES = {
    "pending": "Menunggu pembayaran",
    "paid": "Lunas",
    "failed": "Gagal",
    "canceled": "Dibatalkan",
    "expired": "Kedaluwarsa",
}

_STATIC = Path(__file__).parent / "static"
_TYPES = {"duitku.css": "text/css; charset=utf-8", "duitku.js": "text/javascript; charset=utf-8"}


def rupiah(amount: int) -> str:
    return f"Rp {amount:,}".replace(",", ".")


def wib(moment: datetime | None) -> str:
    """`23 November 2026, 09.35 WIB`."""
    if moment is None:
        return ""
    there = moment.astimezone(WIB)
    return f"{there.day} {_MONTHS[there.month - 1]} {there.year}, {there:%H.%M} WIB"


def by_fours(number: str) -> str:
    """A number as people read it aloud."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


_templates = Environment(
    loader=PackageLoader("kelaspay_emulators.duitku"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"rupiah": rupiah, "wib": wib, "by_fours": by_fours, "status": STATUSES.__getitem__}


def rendered(template: str, *, status: int = 200, **told: object) -> Response:
    return page(_templates.get_template(template).render(told), status)


def static(name: str) -> Response:
    return Response((_STATIC / name).read_bytes(), content_type=_TYPES[name])
