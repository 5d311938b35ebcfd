"""An emulator of Thinkific as an app meets it: Admin API, OAuth, webhooks, SSO and the school's pages. It promises the
documented bodies, statuses and limits, and a switch for each question that the documentation leaves open.
"""

from __future__ import annotations

from kelaspay_emulators.thinkific.app import ThinkificEmulator
from kelaspay_emulators.thinkific.faults import KINDS
from kelaspay_emulators.thinkific.records import (
    App,
    Bundle,
    Call,
    Course,
    Creation,
    Delivery,
    Enrollment,
    ExternalOrder,
    Product,
    Transaction,
    User,
    Webhook,
)
from kelaspay_emulators.thinkific.school import School
from kelaspay_emulators.thinkific.switches import Switches

__all__ = [
    "KINDS",
    "App",
    "Bundle",
    "Call",
    "Course",
    "Creation",
    "Delivery",
    "Enrollment",
    "ExternalOrder",
    "Product",
    "School",
    "Switches",
    "ThinkificEmulator",
    "Transaction",
    "User",
    "Webhook",
]
