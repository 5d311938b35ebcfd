"""The switches of the emulator: limits, delays and the questions that Thinkific's documentation leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

Flip = bool | int | float | str | list[str] | None
"""What a switch can be set to."""


@dataclass(slots=True)
class Switches:
    """Change one at any time; the next request sees it."""

    enrollment_mode: Literal["upsert", "422", "400"] = "upsert"
    """What POST /enrollments says of somebody already enrolled (thinkific.md 2.5)."""
    null_expiry_clears: bool = True
    """False: an expiry_date of null is refused; whether it clears one is not documented (thinkific.md 2.5)."""
    reset_in: Literal["ms", "s"] = "ms"
    """The unit of RateLimit-Reset (thinkific.md 6.1)."""
    refresh_refused_status: Literal[400, 401] = 400
    """What the token endpoint answers to a refresh token that is used or unknown (thinkific.md 1.6)."""
    bundle_mode: Literal[201, 202] = 201
    """201: enrolled at once; 202: queued, done after `bundle_delay_seconds` (thinkific.md 2.6)."""
    bundle_delay_seconds: float = 2.0
    rate: int | None = 120
    """Requests of one school in any 60 seconds; None for no limit."""
    in_flight: int | None = 10
    latency_seconds: float = 0.0
    plan_without_api: bool = False
    required_custom_fields: list[str] = field(default_factory=list)
    """Labels of custom profile fields that a new user must have, unless the validation is skipped."""
    inexact_search: bool = False
    """query[email] finds every address that holds the one asked for; whether it is exact is not documented (2.4)."""
    search_lag: int = 0
    """A user just refused as taken is not found by the first so many searches (thinkific.md 2.4)."""
    duplicate_deliveries: bool = False
    hang_seconds: float = 30.0
    """How long a "timeout" fault holds a real socket."""
    sso_window_seconds: int = 300
    """How old the `iat` of an SSO token may be."""
    sso_clock_behind_seconds: float = 0.0
    """By how much the clock that looks at the `iat` is behind; a token from the future is refused (thinkific.md 3)."""
    local_targets: bool = False
    """Let a webhook's target_url be http or localhost, which Thinkific refuses."""
    buy_url: str = "http://localhost:8000/buy/{slug}"
    """Where "Beli" of a course's page leads; may hold {slug}, {product_id}, {course_id} and {subdomain}."""

    def flip(self, name: str, value: Flip) -> None:
        """Set one switch by name, or raise ValueError."""
        known = {each.name: each.type for each in fields(self)}
        if name not in known:
            raise ValueError(f"No switch is called {name}.")
        if not _fits(getattr(Switches(), name), value, optional="None" in str(known[name])):
            raise ValueError(f"{value!r} does not fit the switch {name}.")
        _refuse_unknown_mode(name, value)
        setattr(self, name, value)


_MODES: dict[str, tuple[Flip, ...]] = {
    "enrollment_mode": ("upsert", "422", "400"),
    "reset_in": ("ms", "s"),
    "refresh_refused_status": (400, 401),
    "bundle_mode": (201, 202),
}


def _fits(default: Flip, value: Flip, *, optional: bool) -> bool:
    if value is None:
        return optional
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _refuse_unknown_mode(name: str, value: Flip) -> None:
    if name in _MODES and value not in _MODES[name]:
        raise ValueError(f"The switch {name} is one of {_MODES[name]}.")
