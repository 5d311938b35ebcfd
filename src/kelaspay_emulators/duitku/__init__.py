"""An emulator of the Duitku payment gateway, true to its API, its pages and its callbacks, with all state in memory."""

from __future__ import annotations

from kelaspay_emulators.duitku.app import TEST_MERCHANTS, Call, DuitkuEmulator
from kelaspay_emulators.duitku.callbacks import Delivery, post_over_http
from kelaspay_emulators.duitku.orders import Attempt, NotPossibleError, Order
from kelaspay_emulators.duitku.switches import Switches

__all__ = [
    "TEST_MERCHANTS",
    "Attempt",
    "Call",
    "Delivery",
    "DuitkuEmulator",
    "NotPossibleError",
    "Order",
    "Switches",
    "post_over_http",
]
