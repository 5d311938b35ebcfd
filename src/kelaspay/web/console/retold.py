"""What a fault or a warning said when it was kept, in the reader's language: payments, jobs and stories keep its
English text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kelaspay.faults import Fault
from kelaspay.web.console.words import DETAIL, FAULTS

if TYPE_CHECKING:
    from kelaspay.web.console.page import Wording

PATTERNS = {re.compile(pattern): text for pattern, text in DETAIL.items()}


def retold(t: Wording, text: str | None) -> str:
    """The same with what is ours of it in the reader's language; what others said stays as they said it."""
    if not text or t.language == "en":
        return text or ""
    for known in Fault.every():
        if known.code() in FAULTS and text.startswith(known.message()):
            rest = text.removeprefix(known.message())
            return f"{t(FAULTS[known.code()])}{_detail(rest)}"
    return _detail(text).strip()


def _detail(text: str) -> str:
    for pattern, told in PATTERNS.items():
        if found := pattern.fullmatch(text.strip()):
            return f" {told.format(*found.groups())}"
    return text
