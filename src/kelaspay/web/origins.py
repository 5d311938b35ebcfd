"""Which sites are ours to send a buyer to: this service, the school's own site, and those that EMBED_ORIGINS names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kelaspay.faults import InvalidInput
from kelaspay.school import DEFAULT
from kelaspay.store import offers
from kelaspay.web.headers import pattern_of

if TYPE_CHECKING:
    from kelaspay.outside import Outside

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def front_ends(outside: Outside) -> list[str]:
    """The sites whose pages may call us."""
    return [origin_of(outside.schools.profile().site_url), *outside.settings.embed_origins.split()]


def check_return(url: str | None, slug: str | None, outside: Outside) -> None:
    """Raises `InvalidInput` for a `return_url` at a site that is not ours: a link of ours would lead anywhere else.

    On a machine of its own, where APP_BASE_URL is local, every local address is taken.
    """
    if url is None:
        return
    base = outside.settings.app_base_url
    with outside.database.read() as db:
        offer = offers.find_offer(db, slug) if slug else None
    site = outside.schools.profile(offer.school if offer else DEFAULT).site_url
    allowed = [origin_of(base), origin_of(site), *outside.settings.embed_origins.split()]
    origin = origin_of(url).lower()
    local = urlsplit(base).hostname in LOCAL and urlsplit(url).hostname in LOCAL
    if not local and not any(re.fullmatch(pattern_of(each.lower()), origin) for each in allowed):
        raise InvalidInput.one("return_url", "is at a site that EMBED_ORIGINS does not name")
