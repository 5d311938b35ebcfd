"""A fault as a page in words, for a buyer's browser; programs get problem details (`errors`)."""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.responses import Response

from kelaspay.faults import Fault
from kelaspay.i18n import marked
from kelaspay.web.pages import shown

PAGES = re.compile(r"/(buy|o|me|mails)(/.*)?")
"""Where buyers go; everything else is for programs, or says its faults itself."""
NOT_FOUND, GONE_WRONG = 404, 500
TITLES = {NOT_FOUND: marked("Halaman ini tidak ditemukan")}
WORDS = {NOT_FOUND: marked("Mungkin tautannya terpotong, atau kelas ini tidak dijual lagi. Periksa lagi tautannya.")}
LATER = marked("Sedang ada gangguan")
LATER_WORDS = marked("Pesanan dan pembayaran Anda aman. Silakan coba lagi sebentar lagi.")
REFUSED = marked("Ini tidak bisa dilakukan")
REFUSED_WORDS = marked("Muat ulang halaman sebelumnya, lalu coba lagi.")


def trouble_page(request: Request, status: int) -> Response | None:
    """The page that says so; None where whoever asks is no browser on a buyer's page, or no page can be made."""
    if not PAGES.fullmatch(request.url.path) or "text/html" not in request.headers.get("accept", ""):
        return None
    later = status >= GONE_WRONG
    try:
        return shown(
            request,
            "trouble.html",
            status=status,
            title=TITLES.get(status, LATER if later else REFUSED),
            words=WORDS.get(status, LATER_WORDS if later else REFUSED_WORDS),
            again=later,
        )
    except Fault:
        return None
