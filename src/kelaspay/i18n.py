"""The buyer's languages: Bahasa Indonesia, in which everything is written, and English from a gettext catalogue.

The catalogue is read as it is kept (`locale/en.po`), so there is no compiled file that could be out of date.
"""

from __future__ import annotations

import gettext
import io
import re
from importlib.resources import files
from typing import TYPE_CHECKING

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from collections.abc import Callable

INDONESIAN, ENGLISH = "id", "en"


def marked(text: str) -> str:
    """The text itself, marked to be translated where it is shown."""
    return text


def _english() -> gettext.NullTranslations:
    kept = files("kelaspay").joinpath("locale/en.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(kept), locale=ENGLISH))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


TRANSLATIONS: dict[str, gettext.NullTranslations] = {INDONESIAN: gettext.NullTranslations(), ENGLISH: _english()}


def translator(language: str) -> Callable[[str], str]:
    return TRANSLATIONS[known(language)].gettext


def known(language: str | None) -> str:
    """A language that we have."""
    return language if language in TRANSLATIONS else INDONESIAN


def accepted(header: str) -> str:
    """The language of ours that an Accept-Language header likes best."""
    best, weight = INDONESIAN, 0.0
    for part in header.split(","):
        found = re.fullmatch(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", part)
        if found is None or found[1].lower() not in {
            INDONESIAN,
            "in",
            ENGLISH,
        }:  # "in": what old phones call Indonesian
            continue
        liked = float(found[2] or 1)
        if liked > weight:
            best, weight = (ENGLISH if found[1].lower() == ENGLISH else INDONESIAN), liked
    return best
