"""What the flows work with for one school: a Thinkific site and the Duitku merchant that takes its money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kelaspay.customers import Customers
    from kelaspay.duitku import Duitku
    from kelaspay.formats import Seller
    from kelaspay.store.database import Database
    from kelaspay.thinkific import Thinkific
    from kelaspay.watching import Watching

DEFAULT = ""
"""The key of the school of the environment's variables; every other school's key is its subdomain."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A school as the buyer sees it, known whether or not its keys are set."""

    seller: Seller
    site_url: str
    """The school's own address."""


@dataclass(frozen=True, slots=True)
class School:
    """One school with its own clients, keys and limits; what several schools share (database, clock) is in it too."""

    key: str
    callback_url: str
    """Where Duitku tells of this school's payments."""
    webhook_url: str
    """Where Thinkific tells of what happens at the school."""
    database: Database
    duitku: Duitku
    thinkific: Thinkific
    customers: Customers
    watching: Watching
    external_orders: bool
    now: Callable[[], datetime]
    enrolled: Callable[[float], None]
    """Hears how many seconds after the money a buyer was in the course."""


SchoolOf: TypeAlias = "Callable[[str], School]"
"""Finds a school by its key; raises `NotConfigured` or `SchoolUnknown`."""
