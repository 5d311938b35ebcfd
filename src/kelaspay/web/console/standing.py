"""How a school is connected: what is set, without ever holding a key itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kelaspay.faults import SchoolUnknown
from kelaspay.school import DEFAULT
from kelaspay.schools import missing
from kelaspay.store import console

if TYPE_CHECKING:
    from kelaspay.outside import Outside

CALLBACK = "/webhooks/duitku"


@dataclass(frozen=True, slots=True)
class Standing:
    """One school's connections. The keys of the environment's school are set there, another's in the console."""

    key: str
    merchant_code: str | None
    duitku_key: bool
    subdomain: str | None
    thinkific: bool
    """Whether there is a way in: an API key, or a connection that holds."""
    api_key: bool
    callback_url: str
    site_url: str

    @property
    def duitku(self) -> bool:
        return self.merchant_code is not None and self.duitku_key


def standing_of(outside: Outside, school: str) -> Standing:
    """Raises `SchoolUnknown`."""
    settings, site = outside.settings, outside.schools.profile(school).site_url
    if school == DEFAULT:
        lacking = missing(settings)
        return Standing(
            key=DEFAULT,
            merchant_code=settings.duitku_merchant_code,
            duitku_key=settings.duitku_api_key is not None,
            subdomain=settings.thinkific_subdomain,
            thinkific=not any(name.startswith("THINKIFIC") for name in lacking),
            api_key=settings.thinkific_api_key is not None,
            callback_url=f"{settings.app_base_url}{CALLBACK}",
            site_url=site,
        )
    with outside.database.read() as db:
        found = next(iter(console.connected_schools(db, school)), None)
    if found is None:
        raise SchoolUnknown
    return Standing(
        key=school,
        merchant_code=found.merchant_code,
        duitku_key=found.has_duitku_key,
        subdomain=school,
        thinkific=found.has_api_key or found.state == "connected",
        api_key=found.has_api_key,
        callback_url=f"{settings.app_base_url}{CALLBACK}/{found.callback_path}",
        site_url=site,
    )
