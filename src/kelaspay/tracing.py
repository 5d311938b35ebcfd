"""What can be traced, and by which word a trace goes on in another process. `Tracing` itself traces nothing and costs
nothing; `spans.py` sends spans, and is loaded only where the environment asks for it (decision 13).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    Known = Mapping[str, str | int]
    """Attributes of a span. Never a name, an address, a phone number or a key; never a whole URL."""

ORDER = "kelaspay.merchant_order_id"
RUN = "kelaspay.run"
FAULT = "kelaspay.fault"
STATUS = "http.response.status_code"
SAME_WORK = timedelta(days=1)
"""What is sent so long after it was raised begins a trace of its own: a letter that an access ends is no part of the
sale a year ago.
"""


class Kind(StrEnum):
    """On which side of a call a span is."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"


class Span:
    """A piece of a trace while it lasts."""

    def tell(self, known: Known) -> None:
        """Add what is known only now."""

    def called(self, name: str) -> None:
        """Its name is known only now."""

    def failed(self, why: str) -> None:
        """It did not do what it was for; `why` is a fault's or an error's name, never its text."""


class Tracing:
    """Traces nothing."""

    on = False

    def span(
        self,
        name: str,  # noqa: ARG002 - what traces reads them
        known: Known | None = None,  # noqa: ARG002 - the same
        *,
        parent: str | None = None,  # noqa: ARG002 - the same
        kind: Kind = Kind.INTERNAL,  # noqa: ARG002 - the same
    ) -> AbstractContextManager[Span]:
        """A span around what follows: within the `parent`, a W3C `traceparent`, else within the span that is open here,
        else the first of a trace. An error that passes through marks it as failed.
        """
        return NOTHING

    def here(self) -> str | None:
        """The `traceparent` of the span that is open here, to be kept beside what goes on elsewhere; None without."""
        return None

    def close(self) -> None:
        """Send what is left."""


NOTHING = nullcontext(Span())
UNTRACED = Tracing()


def same_work(traceparent: str | None, raised_at: datetime, now: datetime) -> str | None:
    """The trace that what was raised then still belongs to."""
    return traceparent if now - raised_at < SAME_WORK else None
