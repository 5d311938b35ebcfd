"""The first page: what needs a person, how everything stands, what was sold, and what is left to set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from kelaspay.formats import WIB
from kelaspay.outside import Outside
from kelaspay.store import arrivals, console, endpoints, offers, outgoing
from kelaspay.store.console import Day, Heard, Need
from kelaspay.store.database import Db
from kelaspay.web.console.closed_days import ClosedDays
from kelaspay.web.console.page import ConsoleRoute, page
from kelaspay.web.console.standing import Standing, standing_of
from kelaspay.web.console.visit import Looking, outside_of
from kelaspay.web.console.words import NEED

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)

DAYS = 30
CHART_HEIGHT = 120
BAR = 20
WEEK = 7
A_DAY = timedelta(days=1)
UNKNOWN = "/console/events?outcome=unknown_order&result=00"


@dataclass(frozen=True, slots=True)
class Counter:
    """How many things need a person, and where they are listed."""

    label: str
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One day in the chart."""

    x: int
    y: int
    height: int
    day: Day


@dataclass(frozen=True, slots=True)
class Sales:
    """What was paid in some days, and how many orders were made in them."""

    label: str
    amount: int
    paid: int
    made: int

    @property
    def conversion(self) -> str:
        return f"{100 * self.paid / self.made:.0f} %" if self.made else "-"


@router.get("")
def home(request: Request, visitor: Looking) -> HTMLResponse:
    outside = outside_of(request)
    now = outside.now()
    standing = standing_of(outside, visitor.here)
    with outside.database.read() as db:
        unmapped = console.unmapped_offers(db, visitor.only)
        heard = console.heard(db, visitor.only)
        here = heard if visitor.only is not None else console.heard(db, visitor.here)
        days = _days(db, request.app.state.closed_days, visitor.only, now)
        values: dict[str, Any] = {
            "settings": outside.settings,
            "gate": outside.schools.gate(visitor.here),
            "standing": standing,
            "counters": _counters(db, visitor.only, now, unmapped=len(unmapped)),
            "queue": console.queue(db, visitor.only),
            "heard": heard,
            "sales": _sales(days),
            "bars": _bars(days),
            "most": max((day.amount for day in days), default=0),
            "checklist": _checklist(db, outside, standing, here, unmapped),
        }
    return page(request, "home.html", visitor, **values)


def _counters(db: Db, school: str | None, now: datetime, *, unmapped: int) -> list[Counter]:
    payments_needing = console.counters(db, school, now)
    listed = [
        Counter(label, payments_needing[Need(need)], f"/console/payments?need={need}") for need, label in NEED.items()
    ]
    return [
        *listed,
        Counter("Uang untuk pesanan tidak dikenal", arrivals.count_unknown(db, school), UNKNOWN),
        Counter("Callback ditolak (24 jam)", console.refused_calls(db, school, now - A_DAY), "/console/events#refused"),
        Counter("Pesan yang gagal dikirim", outgoing.count_failed(db, school), "/console/messages?state=failed"),
        Counter("Penawaran belum terhubung ke kursus", unmapped, "/console/catalogue#offers"),
        Counter("Proses yang tidak dicoba lagi", console.dead_jobs(db, school), "/console/jobs?state=dead"),
        Counter("Alamat webhook dimatikan", len(endpoints.given_up(db, school)), "/console/webhooks"),
    ]


def _midnights(now: datetime) -> list[datetime]:
    """The beginnings of the last days and of tomorrow, as days are counted in Jakarta."""
    tomorrow = now.astimezone(WIB).replace(hour=0, minute=0, second=0, microsecond=0) + A_DAY
    return [tomorrow - A_DAY * back for back in range(DAYS, -1, -1)]


def _days(db: Db, closed_days: ClosedDays, school: str | None, now: datetime) -> list[Day]:
    *over, today, tomorrow = _midnights(now)
    return [*closed_days.read(db, school, [*over, today]), *console.sales(db, school, [today, tomorrow])]


def _sales(days: list[Day]) -> list[Sales]:
    spans = (("Hari ini", 1), ("7 hari", WEEK), ("30 hari", DAYS))
    return [
        Sales(
            label,
            sum(day.amount for day in days[-count:]),
            sum(day.count for day in days[-count:]),
            sum(day.made for day in days[-count:]),
        )
        for label, count in spans
    ]


def _bars(days: list[Day]) -> list[Bar]:
    most = max((day.amount for day in days), default=0)
    heights = [round(day.amount * CHART_HEIGHT / most) if most else 0 for day in days]
    return [
        Bar(number * BAR, CHART_HEIGHT - height, height, day)
        for number, (height, day) in enumerate(zip(heights, days, strict=True))
    ]


def _checklist(
    db: Db, outside: Outside, standing: Standing, heard: Heard, unmapped: dict[str, str]
) -> list[tuple[str, bool, str]]:
    """What has to be set up before a school sells, each with whether it is and where to do it."""
    listed = offers.list_offers(db, standing.key)
    on_sale = [offer for offer in listed if offer.on_sale(outside.now())]
    mapped = bool(on_sale) and not any(offer.slug in unmapped for offer in listed)
    return [
        ("Kunci Duitku dipasang", standing.duitku, "/console/settings"),
        ("Sekolah Thinkific tersambung", standing.thinkific, "/console/settings"),
        ("Katalog disinkronkan", heard.synced_at is not None, "/console/catalogue"),
        ("Penawaran dijual", bool(on_sale), "/console/catalogue"),
        ("Setiap penawaran punya kursus", mapped, "/console/catalogue#offers"),
        ("Pengirim email diatur", outside.settings.smtp_url is not None, "/console/settings"),
        ("Callback Duitku diterima", heard.callback_at is not None, "/console/events"),
        ("Pembelian uji dilakukan", console.any_completed(db, standing.key), "/"),
    ]
