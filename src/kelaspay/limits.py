"""How often strangers may fill in our public forms: each network address and each e-mail address has its own allowance,
for all processes together where there is Redis.

An address that is not of the public internet (this machine, a container's network) is a proxy or a program of the
seller's and never a buyer, so it has no allowance to use up; Duitku's and Thinkific's calls are never counted at all.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import TYPE_CHECKING

from throttled import MemoryStore, Quota, Throttled, per_hour, per_min

from kelaspay.faults import TooManyAttempts
from kelaspay.spared_redis import SparedRedis

if TYPE_CHECKING:
    from throttled import RedisStore

BY_ADDRESS = per_min(30, burst=30)
"""Behind one address a mobile network may have many buyers."""
BY_EMAIL = per_hour(20, burst=10)


IPV6 = 6


class Limits:
    def __init__(self, store: RedisStore | None) -> None:
        self._local = MemoryStore(options={"MAX_SIZE": 10_000})
        self._shared = None if store is None else SparedRedis(store, "limits")

    def count(self, what: str, *, address: str, email: str = "") -> None:
        """Count one use of a form; raises `TooManyAttempts` with the seconds to wait. Nothing of either is kept."""
        if not _of_the_internet(address):
            return
        self._count(f"{what}:from:{network_of(address)}", BY_ADDRESS)
        if email:
            self._count(f"{what}:for:{email.strip().lower()}", BY_EMAIL)

    def _count(self, key: str, quota: Quota) -> None:
        hidden = hashlib.sha256(key.encode()).hexdigest()
        result = None
        if self._shared is not None:
            result = self._shared.ask(lambda store: _throttle(quota, store).limit(hidden), otherwise=None)
        result = result or _throttle(quota, self._local).limit(hidden)
        if result.limited:
            raise TooManyAttempts(wait=max(1.0, result.state.retry_after))


def network_of(address: str) -> str:
    """Whom an address is counted as: of IPv6 a customer has a whole /64, and could use each address of it once."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == IPV6 else address


def _throttle(quota: Quota, store: MemoryStore | RedisStore) -> Throttled:
    return Throttled(using="gcra", quota=quota, store=store, key_prefix="kelaspay:forms")


def _of_the_internet(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
