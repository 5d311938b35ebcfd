"""What Thinkific answers, with only the fields that are read (thinkific.md 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kelaspay.payment import Product


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
        product_id=int(body["id"]),
        productable_type=str(body["productable_type"]),
        productable_id=int(body["productable_id"]),
        name=str(body["name"]),
        slug=body.get("slug"),
        status=body.get("status"),
        price=None if body.get("price") is None else str(body["price"]),
        image=body.get("card_image_url"),
        days_until_expiry=int(body["days_until_expiry"]) if body.get("days_until_expiry") else None,
    )


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
