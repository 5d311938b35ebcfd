"""One school: its users, catalogue, enrollments and orders, found by dictionary wherever a buyer's path needs them."""

from __future__ import annotations

import itertools
import re
import secrets
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kelaspay_emulators.thinkific.records import (
    Bundle,
    Course,
    Creation,
    Delivery,
    Enrollment,
    Event,
    ExternalOrder,
    Product,
    User,
    Webhook,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from kelaspay_emulators.thinkific.records import JSON, App


def _from(first: int) -> Callable[[], Iterator[int]]:
    return lambda: itertools.count(first)


@dataclass(slots=True)
class QueuedBundle:
    """A bundle enrollment answered with 202 and not done yet."""

    due_at: datetime
    bundle_id: int
    user_id: int
    activated_at: datetime | None
    expiry_date: datetime | None


@dataclass(slots=True, kw_only=True)
class School:
    """Inspect and fill it freely; ids of courses, bundles and products come from one count and so look alike."""

    subdomain: str
    api_key: str
    now: Callable[[], datetime]
    name: str = ""
    gid: str = field(default_factory=lambda: str(uuid.uuid4()))
    tenant_id: str = "3"
    access_tokens: set[str] = field(default_factory=set)

    users: dict[int, User] = field(default_factory=dict)
    enrollments: dict[int, Enrollment] = field(default_factory=dict)
    bundle_enrollments: dict[int, Enrollment] = field(default_factory=dict)
    external_orders: dict[int, ExternalOrder] = field(default_factory=dict)
    products: dict[int, Product] = field(default_factory=dict)
    courses: dict[int, Course] = field(default_factory=dict)
    bundles: dict[int, Bundle] = field(default_factory=dict)
    creations: list[Creation] = field(default_factory=list)
    orders: dict[int, JSON] = field(default_factory=dict)
    chapters: dict[int, JSON] = field(default_factory=dict)
    contents: dict[int, JSON] = field(default_factory=dict)
    kept: defaultdict[str, dict[str, JSON]] = field(default_factory=lambda: defaultdict(dict))
    """The plain collections: promotions, coupons, groups, instructors and their like, each by id as text."""

    group_members: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    group_analysts: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    webhooks: dict[str, Webhook] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    deliveries: deque[Delivery] = field(default_factory=deque)
    sessions: dict[str, int] = field(default_factory=dict)
    """Signed in in a browser: session id to user id."""
    installed: set[str] = field(default_factory=set)
    """client_ids of the apps that were consented to."""
    queued_bundles: list[QueuedBundle] = field(default_factory=list)
    lagging: dict[str, int] = field(default_factory=dict)
    """E-mail to the number of searches that will still miss it."""

    _by_email: dict[str, User] = field(default_factory=dict)
    _by_external_id: dict[tuple[str, str], User] = field(default_factory=dict)
    _by_pair: dict[tuple[int, int], Enrollment] = field(default_factory=dict)
    _bundle_pair: dict[tuple[int, int], Enrollment] = field(default_factory=dict)
    _of_user: defaultdict[int, list[Enrollment]] = field(default_factory=lambda: defaultdict(list))
    _catalogue_ids: Iterator[int] = field(default_factory=_from(2_451_001))
    _user_ids: Iterator[int] = field(default_factory=_from(98_000_001))
    _enrollment_ids: Iterator[int] = field(default_factory=_from(310_000_001))
    _order_ids: Iterator[int] = field(default_factory=_from(1))
    _long_ids: Iterator[int] = field(default_factory=_from(20_240_101_000_000_000_000_001))

    def add_course(
        self, name: str, *, price: str = "0.0", slug: str | None = None, status: str = "published"
    ) -> Course:
        """A course and its product."""
        course = Course(self.next_id(), self.next_id(), name, slug or _slug(name))
        self._add_product(course.product_id, "Course", course, price, status)
        self.courses[course.id] = course
        return course

    def add_bundle(
        self,
        name: str,
        course_ids: list[int],
        *,
        price: str = "0.0",
        slug: str | None = None,
        status: str = "published",
    ) -> Bundle:
        """A bundle of courses and its product."""
        bundle = Bundle(self.next_id(), self.next_id(), name, slug or _slug(name), list(course_ids))
        self._add_product(bundle.product_id, "Bundle", bundle, price, status)
        self.bundles[bundle.id] = bundle
        return bundle

    def _add_product(self, product_id: int, kind: str, sold: Course | Bundle, price: str, status: str) -> None:
        self.products[product_id] = Product(
            product_id, sold.name, sold.slug, kind, sold.id, price, status, created_at=self.now()
        )

    def add_access_token(self) -> str:
        """An API Access Token of the site (thinkific.md 1.3)."""
        token = secrets.token_hex(32)
        self.access_tokens.add(token)
        return token

    def next_id(self) -> int:
        return next(self._catalogue_ids)

    def next_order_id(self) -> int:
        return next(self._order_ids)

    def next_long_id(self) -> str:
        """The 23 digits of webhooks and events."""
        return str(next(self._long_ids))

    def add_user(self, email: str, first_name: str, last_name: str) -> User:
        """A user; ValueError where the e-mail is taken, in whatever case."""
        if self.user_by_email(email):
            raise ValueError("The e-mail has already been taken.")
        user = User(next(self._user_ids), email, first_name, last_name, self.now(), gid=uuid.uuid4().hex.upper()[:26])
        self.users[user.id] = user
        self._by_email[email.lower()] = user
        return user

    def user_by_email(self, email: str) -> User | None:
        return self._by_email.get(email.lower())

    def user_by_external_id(self, provider: str, external_id: str) -> User | None:
        return self._by_external_id.get((provider, external_id))

    def identify(self, user: User, provider: str, external_id: str) -> None:
        """Tie a user to an id of another system."""
        user.provider, user.external_id = provider, external_id
        self._by_external_id[(provider, external_id)] = user

    def change_email(self, user: User, email: str) -> None:
        del self._by_email[user.email.lower()]
        user.email = email
        self._by_email[email.lower()] = user

    def remove_user(self, user: User) -> None:
        del self.users[user.id], self._by_email[user.email.lower()]
        if user.external_id is not None:
            self._by_external_id.pop((user.provider, user.external_id), None)
        for enrollment in self._of_user.pop(user.id, []):
            del self.enrollments[enrollment.id], self._by_pair[(user.id, enrollment.course_id)]

    def enrollment_of(self, user_id: int, course_id: int) -> Enrollment | None:
        return self._by_pair.get((user_id, course_id))

    def enrollments_of(self, user_id: int) -> list[Enrollment]:
        return list(self._of_user.get(user_id, ()))

    def bundle_enrollment_of(self, user_id: int, bundle_id: int) -> Enrollment | None:
        return self._bundle_pair.get((user_id, bundle_id))

    def add_enrollment(
        self, user_id: int, course_id: int, *, activated_at: datetime | None, expiry_date: datetime | None = None
    ) -> Enrollment:
        """An enrollment in a course without any POST behind it; one per user and course."""
        enrollment = self._made(user_id, course_id, activated_at, expiry_date)
        self.enrollments[enrollment.id] = enrollment
        self._by_pair[(user_id, course_id)] = enrollment
        self._of_user[user_id].append(enrollment)
        return enrollment

    def add_bundle_enrollment(
        self, user_id: int, bundle_id: int, *, activated_at: datetime | None, expiry_date: datetime | None
    ) -> Enrollment:
        enrollment = self._made(user_id, bundle_id, activated_at, expiry_date)
        self.bundle_enrollments[enrollment.id] = enrollment
        self._bundle_pair[(user_id, bundle_id)] = enrollment
        return enrollment

    def _made(
        self, user_id: int, course_id: int, activated_at: datetime | None, expiry_date: datetime | None
    ) -> Enrollment:
        at = self.now()
        return Enrollment(
            next(self._enrollment_ids), user_id, course_id, at, at, activated_at=activated_at, expiry_date=expiry_date
        )

    def note_creation(self, enrollment: Enrollment, *, full: bool) -> None:
        """Count a POST that succeeded, whether it made the enrollment or found it there."""
        enrollment.creations += 1
        enrollment.full_creations += full
        self.creations.append(Creation(self.now(), enrollment.id, enrollment.user_id, enrollment.course_id))

    def enrolled(self) -> list[tuple[str, str]]:
        """(e-mail, course name) of each full, unexpired enrollment, once for every POST that gave it."""
        now = self.now()
        return [
            (self.users[each.user_id].email, self.courses[each.course_id].name)
            for each in self.enrollments.values()
            if each.full(now)
            for _ in range(max(1, each.full_creations))
        ]

    def product_by_slug(self, slug: str) -> Product | None:
        return next((each for each in self.products.values() if each.slug == slug), None)

    def made_by(self, app: App) -> list[Webhook]:
        return [each for each in self.webhooks.values() if each.app is app]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "course"
