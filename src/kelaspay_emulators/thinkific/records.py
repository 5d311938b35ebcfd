"""What a school keeps, as plain records; how each looks on the wire is said where it is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

JSON = dict[str, object]


@dataclass(slots=True)
class User:
    id: int
    email: str
    first_name: str
    last_name: str
    created_at: datetime
    gid: str = ""
    roles: list[str] = field(default_factory=list)
    external_id: str | None = None
    provider: str = "SSO"
    password: str | None = None
    welcome_emails: int = 0
    """How many Site Welcome e-mails went out."""
    custom_profile_fields: list[JSON] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)
    """company, bio, headline, avatar_url, external_source, affiliate_*."""

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Product:
    id: int
    name: str
    slug: str
    productable_type: str
    productable_id: int
    price: str
    status: str
    created_at: datetime
    private: bool = True
    hidden: bool = False
    days_until_expiry: int | None = None
    collection_ids: list[int] = field(default_factory=list)
    orphaned: bool = False
    """Shown with null for what it sells, as one might be whose course is gone."""


@dataclass(slots=True)
class Course:
    id: int
    product_id: int
    name: str
    slug: str
    chapter_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Bundle:
    id: int
    product_id: int
    name: str
    slug: str
    course_ids: list[int]


@dataclass(slots=True)
class Enrollment:
    """In a course, or (in `School.bundle_enrollments`) in a bundle, whose id then stands in `course_id`."""

    id: int
    user_id: int
    course_id: int
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None = None
    expiry_date: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    percentage_completed: float = 0.0
    creations: int = 0
    """How many POSTs succeeded for it."""
    full_creations: int = 0
    """How many of them gave more than a free trial; more than one means that somebody was enrolled twice over."""

    @property
    def is_free_trial(self) -> bool:
        return self.activated_at is None

    def expired(self, now: datetime) -> bool:
        return self.expiry_date is not None and self.expiry_date <= now

    def full(self, now: datetime) -> bool:
        return not self.is_free_trial and not self.expired(now)


@dataclass(frozen=True, slots=True)
class Creation:
    """One successful POST of an enrollment."""

    at: datetime
    enrollment_id: int
    user_id: int
    course_id: int


@dataclass(frozen=True, slots=True)
class Transaction:
    action: str
    amount: int | float
    currency: str
    reference: str | None
    at: datetime


@dataclass(slots=True)
class ExternalOrder:
    id: int
    payment_provider: str
    user_id: int
    product_id: int
    order_type: str
    created_at: datetime
    transactions: list[Transaction]


@dataclass(slots=True)
class App:
    """An OAuth app of the Partner Portal."""

    client_id: str
    client_secret: str
    redirect_uris: list[str]
    scopes: frozenset[str]
    name: str = "Kelaspay"


@dataclass(frozen=True, slots=True)
class Key:
    """What a request was let in by: the site's own key or token (`app` None), or an OAuth app's token."""

    subdomain: str
    app: App | None = None
    scopes: frozenset[str] | None = None
    """None: not limited by scopes."""


@dataclass(slots=True)
class Webhook:
    id: str
    topic: str
    target_url: str
    created_at: datetime
    updated_at: datetime
    app: App | None = None
    """Made with this app's token; None: made with the API key."""


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    resource: str
    action: str
    created_at: datetime
    payload: JSON

    @property
    def topic(self) -> str:
        return f"{self.resource}.{self.action}"


@dataclass(slots=True)
class Delivery:
    webhook: Webhook
    event: Event
    due_at: datetime
    attempts: int = 0
    statuses: list[int] = field(default_factory=list)
    """What the target answered, 0 for no answer."""
    repeated: bool = False
    """A second delivery of what was delivered already."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an API or OAuth endpoint. Status 0: the caller got no answer."""

    at: datetime
    method: str
    path: str
    status: int
    subdomain: str
