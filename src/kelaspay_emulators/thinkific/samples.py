"""A few courses to begin with, for whoever tries the emulator or the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kelaspay_emulators.thinkific.records import Course
    from kelaspay_emulators.thinkific.school import School

PRICES = {
    ("web-fundamentals", "Web Development Fundamentals"): 150_000,
    ("python-dasar", "Python dari Dasar"): 250_000,
    ("fotografi-produk", "Fotografi Produk dengan Ponsel"): 99_000,
}
"""By slug and name, in rupiah."""


def furnish(school: School) -> list[tuple[Course, int]]:
    """Put the courses on sale; each comes back with its price."""
    return [(school.add_course(name, slug=slug, price=str(price)), price) for (slug, name), price in PRICES.items()]
