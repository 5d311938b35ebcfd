"""The index of all orders, and the files that the pages and the shops load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kelaspay_emulators.duitku.admin import CONTROLS
from kelaspay_emulators.duitku.rendering import rendered, static

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from kelaspay_emulators.duitku.till import Till

_SHOWN = 200

FILES: dict[str, Callable[[], Response]] = {
    "/lib/js/duitku.js": lambda: static("duitku.js"),
    "/_emulator/duitku.css": lambda: static("duitku.css"),
}


def index(till: Till) -> Response:
    """Every order's state, and how its callbacks fared."""
    with till.lock:
        till.tick()
        rows = [(order, till.outbox.of(order)) for order in till.orders.newest(_SHOWN)]
        return rendered("index.html", rows=rows, total=len(till.orders), controls=CONTROLS)
