"""Who may call what: every route of the service with those it lets in. A route that is not in this table fails a test.

anybody      needs nothing
signed       called by Duitku and Thinkific: the body's signature lets it in
token        Prometheus, with METRICS_TOKEN
link         whoever has the order's secret address
proved       a buyer whose address was proved by a code
staff        an operator, staff or owner; of another school's things there are none
owner        an owner
key          a program's key, with the scope that is named after it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import iter_route_contexts

from tests.api.matrix import PREFIX
from tests.api.matrix import ROUTES as API

if TYPE_CHECKING:
    from fastapi import FastAPI

Route = tuple[str, str]

TABLE: dict[str, str] = {
    "anybody": """
        GET /
        GET /courses
        GET /docs
        GET /openapi.json
        GET /static/{name}
        GET /healthz
        GET /readyz
        GET /buy/{slug}
        POST /buy/{slug}
        GET /buy/{slug}/button
        GET /buy/{slug}/picture
        POST /typo
        POST /payment/initiate
        GET /payment/{merchant_order_id}
        GET /mails
        GET /mails/{message_id}
        GET /oauth/install
        GET /oauth/callback
        GET /oauth/embedded
        GET /oauth/status/{subdomain}
        GET /me
        GET /me/code
        POST /me/code
        POST /me/sign-in
        POST /me/sign-out
        GET /console/language/{language}
        GET /console/sign-in
        POST /console/sign-in
        GET /console/sign-in/code
        POST /console/sign-in/code
        GET /console/invitation/{token}
        POST /console/invitation/{token}
    """,
    "signed": """
        * /webhooks/duitku
        * /webhooks/thinkific
        * /webhooks/duitku/{callback_path}
        * /webhooks/thinkific/{callback_path}
    """,
    "token": """
        GET /metrics
    """,
    "link": """
        GET /o/{public_id}
        GET /o/{public_id}/method
        POST /o/{public_id}/method
        POST /o/{public_id}/check
        GET /o/{public_id}/qris.{kind}
        GET /o/{public_id}/email
        POST /o/{public_id}/email
        POST /o/{public_id}/resend
        GET /o/{public_id}/state
        GET /o/{public_id}/events
        GET /o/{public_id}/class
        GET /o/{public_id}/receipt
        GET /o/{public_id}/receipt.pdf
    """,
    "proved": """
        POST /me/resend/{public_id}
    """,
    "staff": """
        GET /console
        GET /console/audit
        GET /console/catalogue
        POST /console/catalogue/sync
        GET /console/catalogue/{slug}
        POST /console/catalogue/{slug}
        GET /console/catalogue/{slug}/retire
        POST /console/catalogue/{slug}/retire
        GET /console/coupons
        POST /console/coupons
        GET /console/coupons/{code}/retire
        POST /console/coupons/{code}/retire
        GET /console/customers
        GET /console/customers/{email}
        GET /console/enrollments
        GET /console/enrollments.csv
        GET /console/events
        GET /console/events/{event_id}
        POST /console/events/{event_id}/replay
        POST /console/events/{event_id}/ignore
        GET /console/events/{event_id}/adopt
        POST /console/events/{event_id}/adopt
        GET /console/jobs
        POST /console/jobs/all
        POST /console/jobs/{order_id}/now
        GET /console/messages
        POST /console/messages/again
        GET /console/password
        POST /console/password
        GET /console/payments
        GET /console/payments.csv
        POST /console/payments/several
        GET /console/payments/{order_id}
        GET /console/payments/{order_id}/email
        POST /console/payments/{order_id}/email
        GET /console/payments/{order_id}/end
        POST /console/payments/{order_id}/end
        GET /console/payments/{order_id}/mark-paid
        POST /console/payments/{order_id}/mark-paid
        GET /console/payments/{order_id}/messages
        GET /console/payments/{order_id}/messages/{message_id}
        POST /console/payments/{order_id}/messages/{message_id}/again
        POST /console/payments/{order_id}/note
        POST /console/payments/{order_id}/recheck
        GET /console/payments/{order_id}/refund
        POST /console/payments/{order_id}/refund
        POST /console/payments/{order_id}/resend
        POST /console/payments/{order_id}/retry
        POST /console/payments/{order_id}/settle
        GET /console/school
        GET /console/second-factor
        POST /console/second-factor/begin
        POST /console/second-factor/confirm
        POST /console/second-factor/codes
        POST /console/second-factor/end
        GET /console/settings
        POST /console/sign-out
        GET /console/webhooks
        POST /console/webhooks/deliveries/{delivery_id}/redeliver
        POST /console/webhooks/{endpoint_id}/ping
    """,
    "owner": """
        GET /console/customers/{email}/export
        GET /console/customers/{email}/erase
        POST /console/customers/{email}/erase
        GET /console/keys
        POST /console/keys
        GET /console/keys/{key_id}/revoke
        POST /console/keys/{key_id}/revoke
        POST /console/settings/test
        GET /console/settings/texts
        GET /console/settings/texts/{kind}/{language}
        POST /console/settings/texts/{kind}/{language}
        GET /console/settings/texts/{kind}/{language}/default
        POST /console/settings/texts/{kind}/{language}/default
        GET /console/settings/times
        POST /console/settings/quiet
        POST /console/settings/retention
        POST /console/settings/keys
        POST /console/settings/operators
        GET /console/settings/operators/{operator_id}/remove
        POST /console/settings/operators/{operator_id}/remove
        POST /console/settings/second-factor
        GET /console/settings/operators/{operator_id}/second-factor
        POST /console/settings/operators/{operator_id}/second-factor
        GET /console/settings/schools/{subdomain}/revoke
        POST /console/settings/schools/{subdomain}/revoke
        POST /console/webhooks/{endpoint_id}/enable
        POST /oauth/revoke
    """,
}


def routes_for(who: str) -> list[Route]:
    """What this kind of caller is let in to and no lesser one."""
    return [(line.split()[0], line.split()[1]) for line in TABLE[who].splitlines() if line.strip()]


def in_the_table() -> list[Route]:
    keyed = [(route.method, f"{PREFIX}{route.path}") for route in API]
    return [route for who in TABLE for route in routes_for(who)] + keyed


def of_the_service(app: FastAPI) -> set[Route]:
    """Every route that answers; what only asks for the headers of another counts with it."""
    return {
        (method, str(context.path))
        for context in iter_route_contexts(app.routes)
        for method in (set(context.methods or {"*"}) - {"HEAD"})
    }
