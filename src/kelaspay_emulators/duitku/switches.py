"""The switches of the emulator: what Duitku's documentation leaves open, and every way in which it may misbehave."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kelaspay_emulators.duitku.signatures import Scheme


@dataclass(slots=True)
class Switches:
    """Change one at any time; the next request sees it."""

    accept: set[str] = field(default_factory=lambda: {"hmac", "legacy"})
    """Signature schemes that requests may use (duitku.md 2)."""
    bad_signature_status: int = 401
    """401, or the 403 that somebody saw (duitku.md 3.3)."""
    not_found_status: int = 404
    """What transactionStatus of an unknown order answers: 404 or 400 (duitku.md 3.3)."""
    timestamp_window: float | None = None
    """Seconds by which x-duitku-timestamp may be off; None takes any (duitku.md 4.1)."""
    rate_limit: int | None = None
    """Status asks of one merchant in an hour before it is blocked for an hour; None for no limit (duitku.md 3.4)."""
    status_lag_seconds: float = 0.0
    """For so long after a payment, and its callback, transactionStatus still says 01 (duitku.md 3.4)."""
    block_status: int = 429
    """What a blocked merchant is answered, 429 or 403; neither was ever seen (duitku.md 3.4)."""
    slow_seconds: float = 0.0
    down: bool = False
    """Nothing can be reached: ConnectError in process, 503 on a socket."""
    http_500: bool = False
    """Every API call answers 500 with a page of HTML."""
    hang_seconds: float = 120.0
    """How long a "timeout" fault holds a real socket."""

    callback_scheme: Scheme = "hmac"
    callback_retries: int = 5
    """Sends in all, the first among them (duitku.md 3.5)."""
    callback_intervals: tuple[float, ...] = (60.0, 120.0, 300.0, 600.0)
    """Seconds between one send and the next; Duitku does not publish its own."""
    callback_copies: int = 1
    callback_delay_seconds: float = 0.0
    callback_before_response: bool = False
    """The buyer pays, and the callback is sent, before createInvoice or inquiry has answered."""
    callback_json: bool = False
    callback_optional_fields: bool = True
    """False: only the order, amount, resultCode, reference and signature are sent."""
    callback_on_expiry: bool = False
    callback_on_cancel: bool = False
    callback_parallel: int = 1
    """How many callbacks deliver_due sends at the same time."""
    redirect_before_callback: bool = False
    """On the pages: the buyer is back at the shop before the callback leaves."""
    failed_code: str = "01"
    """resultCode of a failed payment: 01, or 02 as one list of the documentation has it (duitku.md 3.5)."""

    old_va_payable: bool = True
    """Every number ever given for an order can be paid, even after another was: each payment sends its callback."""
    expired_payable: bool = False
    """A payment of an expired, failed or canceled order is taken as well."""
    expiry_over_max: Literal["clamp", "reject"] = "clamp"
    """What becomes of an expiryPeriod above the channel's longest (duitku.md 6)."""
    strict_lengths: bool = True
    """Refuse what is longer than the field tables say even where the error table names no error."""
    reinquiry_keeps_reference: bool = True
    """False: an order asked for again while pending gets another reference (duitku.md 8.9)."""
    ewallet_amount: bool = True
    """Whether an e-wallet's inquiry is answered with an amount (duitku.md 3.2)."""
    default_callback_url: str | None = None
    """The project's own, for requests without callbackUrl."""
    channels_off: set[str] = field(default_factory=set)
    """Listed by getpaymentmethod, but an inquiry finds them not available (duitku.md 3.1)."""
    list_retired: bool = False
    fees_to_buyer: bool = False
    """totalFee of getpaymentmethod, and fee of a paid order's status, show a fee instead of "0"."""
    amount_includes_fee: bool = False
    """Where the buyer bears the fee: the amount that status and callback name holds it."""

    def flip(self, name: str, value: object) -> None:
        """Set one switch by name, as JSON has it; ValueError where it does not fit."""
        known = {each.name: str(each.type) for each in fields(self)}
        if name not in known:
            raise ValueError(f"No switch is called {name}.")
        setattr(self, name, _fitted(name, getattr(Switches(), name), value, optional="None" in known[name]))


_CHOICES: dict[str, tuple[object, ...]] = {
    "callback_scheme": ("hmac", "legacy"),
    "bad_signature_status": (401, 403),
    "not_found_status": (400, 404),
    "block_status": (403, 429),
    "failed_code": ("01", "02"),
    "expiry_over_max": ("clamp", "reject"),
}


def _fitted(name: str, default: object, value: object, *, optional: bool) -> object:
    if value is None and optional:
        return None
    if value not in _CHOICES.get(name, (value,)):
        raise ValueError(f"The switch {name} is one of {_CHOICES[name]}.")
    if isinstance(default, set | tuple):
        return _many(name, default, value)
    if not _same_kind(name, default, value):
        raise ValueError(f"{value!r} does not fit the switch {name}.")
    return value


def _same_kind(name: str, default: object, value: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if name == "default_callback_url":
        return isinstance(value, str)
    if default is None or isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _many(name: str, default: set[str] | tuple[float, ...], value: object) -> object:
    kind = str if isinstance(default, set) else (int, float)
    if not isinstance(value, list | set | tuple) or not all(isinstance(each, kind) for each in value):
        raise ValueError(f"{value!r} does not fit the switch {name}.")
    return type(default)(value)
