"""What Thinkific answers, with only the fields that are read (thinkific.md 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kelaspay.payment import Product

MOST_ID = 2**63 - 1
MOST_DAYS = 2**31 - 1
FOR_EVER = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
"""Ends an earlier end: whether Thinkific takes a null expiry date is not known (thinkific.md 2.5)."""
CLOSE = timedelta(seconds=2)
"""Thinkific keeps whole seconds or milliseconds; times closer than this are the same."""


def end_of(access: Any) -> datetime:
    """Until when access lasts that an enrollment or an order of ours gives: `FOR_EVER` where it has no end."""
    return access.expiry_date or FOR_EVER


@dataclass(frozen=True, slots=True)
class CourseEnrollment:
    """A user in a course."""

    enrollment_id: str
    user_id: int
    course_id: int
    activated_at: datetime | None
    expiry_date: datetime | None
    is_free_trial: bool
    started_at: datetime | None = None
    """When the learner first opened it."""

    def grants(self, now: datetime) -> bool:
        """Whether the user may watch all lessons now: no mere trial, and not expired."""
        return not self.is_free_trial and (self.expiry_date is None or self.expiry_date > now)

    @classmethod
    def parse(cls, body: dict[str, Any]) -> CourseEnrollment:
        return cls(
            enrollment_id=str(body["id"]),
            user_id=int(body["user_id"]),
            course_id=int(body["course_id"]),
            activated_at=parse_time(body.get("activated_at")),
            expiry_date=parse_time(body.get("expiry_date")),
            is_free_trial=bool(body.get("is_free_trial")),
            started_at=parse_time(body.get("started_at")),
        )


@dataclass(frozen=True, slots=True)
class BundleEnrollment:
    """A user in a bundle: Thinkific shows it by the user alone."""

    user_id: int
    activated_at: datetime | None
    expiry_date: datetime | None
    is_free_trial: bool

    def grants(self, now: datetime) -> bool:
        return not self.is_free_trial and (self.expiry_date is None or self.expiry_date > now)

    @classmethod
    def parse(cls, body: dict[str, Any]) -> BundleEnrollment:
        return cls(
            user_id=int(body["user_id"]),
            activated_at=parse_time(body.get("activated_at")),
            expiry_date=parse_time(body.get("expiry_date")),
            is_free_trial=bool(body.get("is_free_trial")),
        )


def as_product(body: dict[str, Any]) -> Product:
    return Product(
        product_id=_whole(body["id"]),
        productable_type=_text(body["productable_type"]),
        productable_id=_whole(body["productable_id"]),
        name=_text(body["name"]),
        slug=_text_or_none(body.get("slug")),
        status=_text_or_none(body.get("status")),
        price=None if body.get("price") is None else _text(str(body["price"])),
        image=_text_or_none(body.get("card_image_url")),
        days_until_expiry=_whole(body["days_until_expiry"], MOST_DAYS) if body.get("days_until_expiry") else None,
    )


def product_id_of(body: Any) -> int | None:
    """The id of a product that cannot be read; None where not even that can be."""
    try:
        return _whole(body["id"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _whole(value: Any, most: int = MOST_ID) -> int:
    """Raises `ValueError` or `OverflowError` for what no database of ours keeps."""
    if not 0 <= (number := int(value)) <= most:
        raise ValueError
    return number


def _text(value: Any) -> str:
    """Raises `TypeError` or `ValueError` for what no database of ours keeps: half a character is none."""
    if not isinstance(value, str):
        raise TypeError
    value.encode()
    return value.replace("\0", "")


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def parse_time(text: str | None) -> datetime | None:
    """An ISO time of Thinkific's, cut to microseconds, as aware UTC."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def as_time(time: datetime) -> str:
    """A time as Thinkific reads it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def said(body: Any) -> str:
    """The reason in an error body, of whichever of its shapes (thinkific.md 2.2)."""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors", body.get("error", ""))
    if isinstance(errors, dict):
        return "; ".join(f"{name} {_flat(why)}" for name, why in errors.items())
    return _flat(errors)


def _flat(errors: Any) -> str:
    if isinstance(errors, list):
        return ", ".join(said({"errors": each}) for each in errors)
    return str(errors)
