"""Duitku: signing, paths, parsing and errors inside; frozen values and faults outside."""

from kelaspay.duitku.callback import Callback, channel_told, read_callback
from kelaspay.duitku.channels import CHANNELS, LOWEST, Channel, channel_name, expiry_period
from kelaspay.duitku.client import SLOWEST, Duitku, PaymentMethod, TransactionStatus, va_name

__all__ = [
    "CHANNELS",
    "LOWEST",
    "SLOWEST",
    "Callback",
    "Channel",
    "Duitku",
    "PaymentMethod",
    "TransactionStatus",
    "channel_name",
    "channel_told",
    "expiry_period",
    "read_callback",
    "va_name",
]
