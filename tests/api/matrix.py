"""Every route under /api/v1: what its key must be allowed, and a request that is fine but for whose it is.

A route that is not in this table fails a test; whoever adds one adds its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kelaspay.store.deliveries import list_deliveries
from kelaspay.store.inbox import list_events
from kelaspay.store.keys import Scope

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.world import World

PREFIX = "/api/v1"
REASON = {"reason": "Seen on the bank statement"}
HOOK = {"url": "https://hooks.example.com/orders"}
PRICED = {"name": "Python Lanjut", "price": 99_000}


@dataclass(frozen=True, slots=True)
class Route:
    """A route, the scope it asks for (None: any key), and a body that it takes."""

    method: str
    path: str
    scope: Scope | None
    body: Any = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def one(self) -> bool:
        """Whether it is about one thing, which is somebody's."""
        return "{" in self.path

    @property
    def lists(self) -> bool:
        return self.method == "GET" and not self.one and self.scope is Scope.READ


ROUTES = (
    Route("GET", "/key", None),
    Route("GET", "/offers", Scope.READ),
    Route("POST", "/offers", Scope.WRITE, PRICED | {"slug": "python-lanjut"}),
    Route("GET", "/offers/{slug}", Scope.READ),
    Route("PUT", "/offers/{slug}", Scope.WRITE, PRICED),
    Route("POST", "/offers/{slug}/retire", Scope.WRITE),
    Route("GET", "/payments", Scope.READ),
    Route(
        "POST",
        "/payments",
        Scope.WRITE,
        {
            "offer": "{slug}",
            "customer_name": "Budi",
            "customer_email": "budi@example.com",
            "customer_phone": "0812-1111-2222",
        },
    ),
    Route("GET", "/payments/{merchant_order_id}", Scope.READ),
    Route("POST", "/payments/{merchant_order_id}/recheck", Scope.WRITE),
    Route("POST", "/payments/{merchant_order_id}/retry", Scope.WRITE),
    Route("POST", "/payments/{merchant_order_id}/resend", Scope.WRITE),
    Route("POST", "/payments/{merchant_order_id}/settle", Scope.WRITE, REASON),
    Route("POST", "/payments/{merchant_order_id}/mark-paid", Scope.MONEY, REASON),
    Route("POST", "/payments/{merchant_order_id}/revoke", Scope.MONEY, REASON),
    Route("GET", "/enrollments", Scope.READ),
    Route("GET", "/enrollments/{merchant_order_id}", Scope.READ),
    Route("GET", "/events", Scope.READ),
    Route("GET", "/events/{event_id}", Scope.READ),
    Route("POST", "/events/{event_id}/replay", Scope.WRITE),
    Route("GET", "/webhook_endpoints", Scope.READ),
    Route("POST", "/webhook_endpoints", Scope.WRITE, HOOK),
    Route("GET", "/webhook_endpoints/{endpoint_id}", Scope.READ),
    Route("PATCH", "/webhook_endpoints/{endpoint_id}", Scope.WRITE, HOOK),
    Route("POST", "/webhook_endpoints/{endpoint_id}/rotate", Scope.WRITE),
    Route("GET", "/webhook_endpoints/{endpoint_id}/deliveries", Scope.READ),
    Route("POST", "/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver", Scope.WRITE),
    Route("DELETE", "/webhook_endpoints/{endpoint_id}", Scope.WRITE),
)


def described(app: FastAPI) -> dict[str, Any]:
    """The operations under /api/v1, by name, as the application describes them."""
    return {
        f"{method.upper()} {path.removeprefix(PREFIX)}": operation
        for path, operations in app.openapi()["paths"].items()
        if path.startswith(PREFIX)
        for method, operation in operations.items()
    }


def things(world: World, slug: str, order_id: str) -> dict[str, str]:
    """What the braces in a route's path stand for: a school's offer, its payment, an event about that, and where it is
    told of, with a delivery.
    """
    with world.database.read() as db:
        event = list_events(db, merchant_order_id=order_id, limit=1)[0].id
        told = [each for each in list_deliveries(db, limit=100) if each.merchant_order_id == order_id]
    return {
        "slug": slug,
        "merchant_order_id": order_id,
        "event_id": str(event),
        "endpoint_id": told[0].endpoint_id,
        "delivery_id": str(told[0].id),
    }


def filled(value: Any, known: dict[str, str]) -> Any:
    """A path or body with its braces filled in."""
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    return value.format(**known) if isinstance(value, str) else value
