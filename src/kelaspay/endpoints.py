"""Webhook endpoints: added, rotated, disabled, enabled, tested, removed; and a delivery sent once more.

A secret is shown when it is made and never again; it is kept sealed, for signing needs it.
"""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from kelaspay.endpoint_faults import DeliveryUnknown, EndpointDisabled, EndpointUnknown, TooManyEndpoints
from kelaspay.faults import InvalidInput, StillInProgress
from kelaspay.notice import NoticeType, body
from kelaspay.store import deliveries, endpoints
from kelaspay.store.endpoints import Disabled, Endpoint
from kelaspay.store.notices import EVERY, add_notice

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from kelaspay.dial import Dialer
    from kelaspay.store.database import Database, Db
    from kelaspay.vault import Vault

OVERLAP = timedelta(hours=24)
"""How long after a rotation the old secret signs too."""
SECRET_BYTES = 32
MOST = 20
"""Endpoints of one school."""
CHOICES = tuple(kind for kind in NoticeType if kind is not NoticeType.PING)


def add_endpoint(
    url: str, *, kinds: Collection[str], school: str, database: Database, vault: Vault, dialer: Dialer, now: datetime
) -> tuple[str, Endpoint]:
    """A new endpoint and its secret; without `kinds` it is told everything there is and will be.

    Raises `AddressRefused`, `InvalidInput`, or `TooManyEndpoints`.
    """
    with database.begin() as db:
        return put_endpoint(db, url, kinds=kinds, school=school, vault=vault, dialer=dialer, now=now)


def put_endpoint(
    db: Db, url: str, *, kinds: Collection[str], school: str, vault: Vault, dialer: Dialer, now: datetime
) -> tuple[str, Endpoint]:
    """As `add_endpoint`, in the caller's commit."""
    dialer.check(url)
    secret = new_secret()
    made = Endpoint(f"we_{secrets.token_hex(8)}", school, url, _types(kinds), now)
    if len(endpoints.list_endpoints(db, school)) >= MOST:
        raise TooManyEndpoints(f"{MOST} are allowed.")
    endpoints.add_endpoint(db, made, vault.seal(secret, place(made.id)))
    return secret, made


def change_endpoint(
    endpoint_id: str,
    *,
    school: str | None,
    url: str | None = None,
    kinds: Collection[str] | None = None,
    enabled: bool | None = None,
    database: Database,
    dialer: Dialer,
    now: datetime,
) -> Endpoint:
    """Change what is given. An endpoint that is enabled again gets what still waits for it, and nothing of what
    happened while it was disabled. Raises as `add_endpoint`, or `EndpointUnknown`.
    """
    values: dict[str, object] = {}
    if url is not None:
        dialer.check(url)
        values["url"] = url
    if kinds is not None:
        values["types"] = _types(kinds)
    with database.begin() as db:
        if endpoints.find_endpoint(db, endpoint_id, school) is None:
            raise EndpointUnknown(endpoint_id=endpoint_id)
        if enabled:
            values |= {"disabled_at": None, "disabled_reason": None, "failing_since": None}
        elif enabled is False:
            endpoints.disable(db, endpoint_id, Disabled.BY_HAND, now)
        if values:
            endpoints.set_endpoint(db, endpoint_id, **values)
        changed = endpoints.find_endpoint(db, endpoint_id)
    if changed is None:
        raise EndpointUnknown(endpoint_id=endpoint_id)
    return changed


def rotate_secret(endpoint_id: str, *, school: str | None, database: Database, vault: Vault, now: datetime) -> str:
    """Another secret. For a day the one before it signs too, so that the receiver can change over without losing
    anything. Raises `EndpointUnknown`.
    """
    with database.begin() as db:
        return put_secret(db, endpoint_id, school=school, vault=vault, now=now)


def put_secret(db: Db, endpoint_id: str, *, school: str | None, vault: Vault, now: datetime) -> str:
    """As `rotate_secret`, in the caller's commit."""
    secret = new_secret()
    sealed = endpoints.secrets_of(db, endpoint_id, lock=True)
    if sealed is None or endpoints.find_endpoint(db, endpoint_id, school) is None:
        raise EndpointUnknown(endpoint_id=endpoint_id)
    old = vault.open(sealed[0], place(endpoint_id))
    endpoints.set_endpoint(
        db,
        endpoint_id,
        secret=vault.seal(secret, place(endpoint_id)),
        old_secret=vault.seal(old, old_place(endpoint_id)),
        old_secret_until=now + OVERLAP,
    )
    return secret


def secret_of(endpoint_id: str, *, database: Database, vault: Vault) -> str:
    """The secret that signs now. Raises `EndpointUnknown`."""
    with database.read() as db:
        sealed = endpoints.secrets_of(db, endpoint_id)
    if sealed is None:
        raise EndpointUnknown(endpoint_id=endpoint_id)
    return vault.open(sealed[0], place(endpoint_id))


def remove_endpoint(endpoint_id: str, *, school: str | None, database: Database) -> None:
    """Forget it with its secret and its deliveries. Raises `EndpointUnknown`."""
    with database.begin() as db:
        known = endpoints.find_endpoint(db, endpoint_id, school) is not None
        if not known or not endpoints.remove_endpoint(db, endpoint_id):
            raise EndpointUnknown(endpoint_id=endpoint_id)


def ping(endpoint_id: str, *, school: str | None, database: Database, now: datetime) -> str:
    """Have a test sent, of which the notice's id is returned; it is tried once.

    Raises `EndpointUnknown` or `EndpointDisabled`.
    """
    with database.begin() as db:
        endpoint = endpoints.find_endpoint(db, endpoint_id, school)
        if endpoint is None:
            raise EndpointUnknown(endpoint_id=endpoint_id)
        if endpoint.disabled_at is not None:
            raise EndpointDisabled(endpoint_id=endpoint_id)
        text = body(NoticeType.PING, now, {})
        made = add_notice(db, NoticeType.PING, text, [endpoint_id], now, about=(endpoint.school, None))
    if made is None:
        raise StillInProgress
    return made


def redeliver(delivery_id: int, *, school: str | None, database: Database, now: datetime) -> None:
    """Send it once more from the beginning, under the id that it had, so that the receiver knows a repeat.

    Raises `DeliveryUnknown`, `EndpointDisabled`, or `StillInProgress` while it is being sent.
    """
    with database.begin() as db:
        found = deliveries.find_delivery(db, delivery_id, school)
        if found is None:
            raise DeliveryUnknown(delivery_id=delivery_id)
        endpoint = endpoints.find_endpoint(db, found.endpoint_id)
        if endpoint is None or endpoint.disabled_at is not None:
            raise EndpointDisabled(endpoint_id=found.endpoint_id)
        if not deliveries.again(db, delivery_id, now):
            raise StillInProgress(delivery_id=delivery_id)


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def place(endpoint_id: str) -> str:
    """Where an endpoint's sealed secret stands."""
    return f"endpoints/{endpoint_id}/secret"


def old_place(endpoint_id: str) -> str:
    return f"endpoints/{endpoint_id}/old_secret"


def _types(kinds: Collection[str]) -> str:
    unknown = sorted(set(kinds) - set(CHOICES))
    if unknown:
        raise InvalidInput.one("types", f"{', '.join(unknown)}: not known")
    return " ".join(kind for kind in CHOICES if kind in kinds) or EVERY
