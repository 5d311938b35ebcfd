"""How an application is served. What the service is measured against is served in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_HEADERS = 32 * 1024
GRACE_SECONDS = 10


def web_config(app: Callable[..., Any], *, host: str, port: int, proxies: str = "127.0.0.1") -> uvicorn.Config:
    """`proxies` are the addresses and networks whose X-Forwarded-For is believed."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,  # its lines go where ours go
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
    )
