"""The client of Thinkific's Admin API for one school.

Every call waits for the gate, carries a User-Agent (without one the edge refuses it, thinkific.md 6.3) and follows no
redirect. Calls that create something take a `guard`, run when the gate has opened and right before the request leaves:
it raises when another process has taken the work over meanwhile.
"""

from __future__ import annotations

import json
import time
from contextlib import nullcontext, suppress
from copy import copy
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx2

from kelaspay.faults import (
    Fault,
    SaleUnauthorized,
    ThinkificBusy,
    ThinkificRefused,
    ThinkificUnauthorized,
    ThinkificUnavailable,
    ThinkificUnreachable,
)
from kelaspay.thinkific.values import BundleEnrollment, CourseEnrollment, as_product, as_time, product_id_of, said

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from kelaspay.payment import Customer, Product, Rupiah

T = TypeVar("T")

TIMEOUT = httpx2.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
V1 = "/api/public/v1"
V2 = "/api/v2"
SALES = V1 + "/external_orders"
PAGE = 250
"""Thinkific's largest page."""
WEBHOOKS_PAGE = 25
MILLISECONDS = 1e10
"""`RateLimit-Reset` above this is in milliseconds (thinkific.md 6.1)."""
API_KEY_LENGTH = 32
SERVER_ERROR = 500
TOO_MANY = 429
NOT_LET_IN = frozenset({401, 403})
"""The key, the plan or the token's scope: all cured by the operator, none by the buyer."""
RESET_UNKNOWN_SECONDS = 60.0
LONGEST_RESET_SECONDS = 300.0


class EmailTaken(Fault):
    """A Thinkific user with this e-mail address is there already."""

    status = 409


class Turns(Protocol):
    """What the client needs of the gate."""

    def turn(self, *, urgent: bool) -> AbstractContextManager[None]: ...
    def close(self, until: float) -> None: ...


class OpenGate:
    """No limit: for a school without one."""

    def turn(self, *, urgent: bool) -> AbstractContextManager[None]:  # noqa: ARG002 - the gate's form
        return nullcontext()

    def close(self, until: float) -> None:
        """Nothing to close."""


def no_guard() -> None:
    """For calls that may be repeated."""


def is_access_token(key: str) -> bool:
    """Whether it is an API access token, which is longer than the site's API key (thinkific.md 1.2, 1.3)."""
    return len(key) > API_KEY_LENGTH


class KeyAuth(httpx2.Auth):
    """Authenticates with the school's API key, or with an API access token, which is longer; the webhooks' API takes
    either as a Bearer (thinkific.md 1.2, 1.3).
    """

    def __init__(self, subdomain: str, key: str) -> None:
        self._bearer = {"Authorization": f"Bearer {key}"}
        keyed = self._bearer if is_access_token(key) else {"X-Auth-API-Key": key}
        self._headers = keyed | {"X-Auth-Subdomain": subdomain}

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers.update(self._bearer if request.url.path.startswith(V2) else self._headers)
        yield request


class Thinkific:
    def __init__(self, http: httpx2.Client, *, api_url: str, auth: httpx2.Auth, gate: Turns) -> None:
        """`auth` authenticates the school's requests: `KeyAuth`, or a connected school's tokens."""
        self._http = http
        self._api_url = api_url
        self._auth = auth
        self._gate = gate
        self._urgent = False
        self._about: dict[str, str] | None = None
        self.by_app = not isinstance(auth, KeyAuth)
        """Whether the school let an app in, rather than giving its key."""

    def hurried(self) -> Thinkific:
        """The same, going before others at the gate: for a buyer who waits."""
        hurried = copy(self)
        hurried._urgent = True  # noqa: SLF001 - a copy of ourselves
        return hurried

    def about(self, merchant_order_id: str) -> Thinkific:
        """The same, with each call marked as made for this payment, for whoever keeps what was said."""
        marked = copy(self)
        marked._about = {"about": merchant_order_id}  # noqa: SLF001 - a copy of ourselves
        return marked

    def create_user(self, customer: Customer, *, guard: Callable[[], None]) -> int:
        """Make the user and return its id; raises `EmailTaken` when it is there (thinkific.md 2.4).

        Safe to repeat: Thinkific keeps e-mail addresses unique. Required profile fields are skipped, for a buyer
        cannot be asked for them here; the welcome e-mail holds the sign-in link.
        """
        wanted = {
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "email": customer.email,
            "skip_custom_fields_validation": True,
            "send_welcome_email": True,
        }
        try:
            made = self._call("POST", V1 + "/users", json=wanted, guard=guard)
        except ThinkificRefused as refusal:
            if "taken" in str(refusal):
                raise EmailTaken from refusal
            raise
        return _read(lambda: int(made["id"]))

    def find_user(self, email: str) -> int | None:
        """The id of the user with exactly this e-mail address, case aside: the filter is not trusted to be exact."""
        users = self._pages(V1 + "/users", {"query[email]": email})
        return _read(lambda: next((int(user["id"]) for user in users if _email(user) == email), None))

    def find_enrollment(self, user_id: int, course_id: int) -> CourseEnrollment | None:
        params = {"query[user_id]": user_id, "query[course_id]": course_id}
        found = self._call("GET", V1 + "/enrollments", params=params)
        parsed = _read(lambda: [CourseEnrollment.parse(body) for body in found["items"]])
        same = [each for each in parsed if (each.user_id, each.course_id) == (user_id, course_id)]
        return same[0] if same else None

    def find_enrollments(self, user_id: int) -> Iterator[CourseEnrollment]:
        """The courses of a user, page by page. One that cannot be read holds up no other."""
        for body in self._pages(V1 + "/enrollments", {"query[user_id]": str(user_id)}):
            with suppress(ThinkificUnavailable):
                there = _read(lambda: CourseEnrollment.parse(body))  # noqa: B023 - read at once
                if there.user_id == user_id:
                    yield there

    def enroll_user(
        self,
        user_id: int,
        course_id: int,
        *,
        activated_at: datetime,
        expiry_date: datetime | None,
        guard: Callable[[], None],
    ) -> CourseEnrollment:
        """Enroll; without `activated_at` it would be a mere free trial (thinkific.md 2.5).

        Look with `find_enrollment` first where this may be a repeat.
        """
        wanted = {"user_id": user_id, "course_id": course_id, **_access(activated_at, expiry_date)}
        made = self._call("POST", V1 + "/enrollments", json=wanted, guard=guard)
        return _read(lambda: CourseEnrollment.parse(made))

    def change_enrollment(
        self,
        enrollment_id: str,
        *,
        activated_at: datetime | None,
        expiry_date: datetime | None,
        guard: Callable[[], None],
    ) -> None:
        """Reactivate, extend or, with an `expiry_date` in the past, end an enrollment. Nothing can be deleted."""
        self._call("PUT", f"{V1}/enrollments/{enrollment_id}", json=_access(activated_at, expiry_date), guard=guard)

    def find_bundle_enrollment(self, user_id: int, bundle_id: int) -> BundleEnrollment | None:
        params = {"query[user_id]": user_id}
        found = self._call("GET", f"{V1}/bundles/{bundle_id}/enrollments", params=params)
        parsed = _read(lambda: [BundleEnrollment.parse(body) for body in found["items"]])
        same = [each for each in parsed if each.user_id == user_id]
        return same[0] if same else None

    def enroll_user_in_bundle(
        self,
        user_id: int,
        bundle_id: int,
        *,
        activated_at: datetime,
        expiry_date: datetime | None,
        guard: Callable[[], None],
    ) -> None:
        """Enroll in the bundle and all its courses, perhaps later (202): `find_bundle_enrollment` tells
        (thinkific.md 2.6).
        """
        wanted = {"user_id": user_id, **_access(activated_at, expiry_date)}
        self._call("POST", f"{V1}/bundles/{bundle_id}/enrollments", json=wanted, guard=guard)

    def change_bundle_enrollment(
        self,
        user_id: int,
        bundle_id: int,
        *,
        activated_at: datetime | None,
        expiry_date: datetime | None,
        guard: Callable[[], None],
    ) -> None:
        wanted = {"user_id": user_id, **_access(activated_at, expiry_date)}
        self._call("PUT", f"{V1}/bundles/{bundle_id}/enrollments", json=wanted, guard=guard)

    def bundle_courses(self, bundle_id: int) -> set[int]:
        """The ids of the courses that a bundle holds."""
        return _read(lambda: {int(course["id"]) for course in self._pages(f"{V1}/bundles/{bundle_id}/courses")})

    def create_external_order(
        self, user_id: int, product_id: int, *, amount: Rupiah, reference: str, guard: Callable[[], None]
    ) -> int:
        """Record the sale; returned is Thinkific's id of it, which cannot be asked for later (thinkific.md 2.10).

        NOT safe to repeat: two calls are two sales. Raises `ThinkificUnreachable` or `ThinkificBusy` when it surely
        was not recorded, `ThinkificUnavailable` when that is not known.
        """
        wanted = {
            "payment_provider": "duitku",
            "user_id": user_id,
            "product_id": product_id,
            "order_type": "one-time",
            "transaction": _transaction(amount, reference, "purchase"),
        }
        made = self._call("POST", SALES, json=wanted, guard=guard)
        return _read(lambda: int(made["id"]))

    def refund_external_order(
        self, external_order_id: int, *, amount: Rupiah, reference: str, guard: Callable[[], None]
    ) -> None:
        """Record a refund with the sale. NOT safe to repeat, like `create_external_order`."""
        path = f"{SALES}/{external_order_id}/transactions/refund"
        self._call("POST", path, json=_transaction(amount, reference, "refund"), guard=guard)

    def get_products(self, unreadable: Callable[[int | None], None] = lambda _id: None) -> Iterator[Product]:
        """All products, page by page: what tells course, product and bundle ids apart (thinkific.md 2.8).

        One that cannot be read holds up no other: `unreadable` is called with its id, where that can be read. Raises
        `ThinkificUnavailable` where there are some and none can be read: then it is the answers that are not as known.
        """
        read, fault = 0, None
        for body in self._pages(V1 + "/products"):
            try:
                product = _read(lambda: as_product(body))  # noqa: B023 - read at once
            except ThinkificUnavailable as error:
                fault = error
                unreadable(product_id_of(body))
            else:
                read += 1
                yield product
        if fault is not None and not read:
            raise fault

    def get_webhooks(self) -> Iterator[dict[str, Any]]:
        """The webhooks that this key or app has made, page by page (thinkific.md 4.1)."""
        params: dict[str, Any] = {"limit": WEBHOOKS_PAGE}
        while True:
            found = self._call("GET", f"{V2}/webhooks", params=params)
            yield from _read(lambda: list(found["items"]))  # noqa: B023 - read at once
            page = (found.get("meta") or {}).get("page") or {}
            if not page.get("has_next") or not page.get("next_page"):
                return
            params["next"] = page["next_page"]

    def create_webhook(self, topic: str, target_url: str) -> None:
        """Have Thinkific tell of a topic. Look with `get_webhooks` first: a second one would tell everything twice."""
        self._call("POST", f"{V2}/webhooks", json={"topic": topic, "target_url": target_url})

    def _pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        page: int | None = 1
        while page:
            items, page = _page(self._call("GET", path, params={**(query or {}), "page": page, "limit": PAGE}))
            yield from items

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        guard: Callable[[], None] = no_guard,
    ) -> dict[str, Any]:
        with self._gate.turn(urgent=self._urgent):
            guard()
            response = self._send(method, path, json=json, params=params)
        if response.status_code == TOO_MANY:
            raise self._busy(response)
        return _answer(response)

    def _send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        try:
            return self._http.request(
                method, self._api_url + path, auth=self._auth, timeout=TIMEOUT, extensions=self._about, **request
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise ThinkificUnreachable from error
        except httpx2.RequestError as error:  # no answer, or one that cannot be decoded: what was done is not known
            raise ThinkificUnavailable(type(error).__name__) from error

    def _busy(self, response: httpx2.Response) -> ThinkificBusy:
        now = time.time()
        until = now + min(max(_reset(response) - now, 1.0), LONGEST_RESET_SECONDS)
        self._gate.close(until)
        return ThinkificBusy(wait=until - now)


def _email(user: dict[str, Any]) -> str:
    return str(user["email"]).strip().lower()


def _page(found: dict[str, Any]) -> tuple[list[dict[str, Any]], int | None]:
    """The items and the number of the next page; a page may be short, or even empty, without being the last."""
    following = ((found.get("meta") or {}).get("pagination") or {}).get("next_page")
    return _read(lambda: (list(found["items"]), following))


def _read(parse: Callable[[], T]) -> T:
    """What is in an answer; one that lacks it is as good as none, and whether something was done is not known."""
    try:
        return parse()
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ThinkificUnavailable("Its answer cannot be read.") from error


def _access(activated_at: datetime | None, expiry_date: datetime | None) -> dict[str, str]:
    times = {"activated_at": activated_at, "expiry_date": expiry_date}
    return {name: as_time(at) for name, at in times.items() if at is not None}


def _transaction(amount: Rupiah, reference: str, action: str) -> dict[str, Any]:
    """Thinkific wants the smallest unit of the currency (thinkific.md 2.10); ISO 4217 gives the rupiah two decimals."""
    return {"amount": amount * 100, "currency": "IDR", "reference": reference, "action": action}


def _reset(response: httpx2.Response) -> float:
    """When the limit ends, epoch seconds; the header is in milliseconds, seconds are taken too."""
    try:
        reset = float(response.headers["RateLimit-Reset"])
    except (KeyError, ValueError):
        return time.time() + RESET_UNKNOWN_SECONDS
    return reset / 1000 if reset > MILLISECONDS else reset


def _answer(response: httpx2.Response) -> dict[str, Any]:
    """The body of a success, empty where there is none; a fault otherwise (thinkific.md 2.2)."""
    body = _parsed(response)
    if response.is_success:
        return body if isinstance(body, dict) else {}
    reason = said(body)[:255]
    if response.status_code >= SERVER_ERROR or body is None:  # HTML comes from the edge, not from the API
        raise ThinkificUnavailable(f"HTTP {response.status_code}.")
    if response.status_code in NOT_LET_IN:
        raise (SaleUnauthorized if SALES in response.request.url.path else ThinkificUnauthorized)(reason)
    raise ThinkificRefused(f"HTTP {response.status_code}: {reason}")


def _parsed(response: httpx2.Response) -> Any:
    if not response.content:
        return {}
    try:
        return json.loads(response.content)
    except ValueError:
        return None
