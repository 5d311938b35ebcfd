"""The emulator as one WSGI application: the API of both Duitku hosts, the pages a buyer sees, and an admin API."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from werkzeug.wrappers import Request

from kelaspay_emulators.duitku.admin import ROOT as ADMIN
from kelaspay_emulators.duitku.admin import Admin
from kelaspay_emulators.duitku.answers import not_found
from kelaspay_emulators.duitku.api import Api
from kelaspay_emulators.duitku.demo_page import PATH as DEMO_PATH
from kelaspay_emulators.duitku.demo_page import demo_page
from kelaspay_emulators.duitku.faults import Faults, broken, fall_silent, on_a_socket
from kelaspay_emulators.duitku.front import FILES, index
from kelaspay_emulators.duitku.pages import PATHS as PAGE_PATHS
from kelaspay_emulators.duitku.pages import Pages
from kelaspay_emulators.duitku.switches import Switches
from kelaspay_emulators.duitku.till import Till

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.wrappers import Response

    from kelaspay_emulators.duitku.callbacks import Delivery, Post
    from kelaspay_emulators.duitku.orders import Orders
    from kelaspay_emulators.duitku.signatures import Scheme

TEST_MERCHANTS = {"D0001": "732B39FC61796845775D2C4FB05332AF"}
"""The pair that Duitku's own tests use (duitku.md 1)."""
_CALLS_KEPT = 200_000
_API = ("/webapi/", "/api/")


class Call(NamedTuple):
    """One API call; status 0 where it got no answer."""

    time: datetime
    method: str
    path: str
    status: int


def utc_now() -> datetime:
    return datetime.now(UTC)


class DuitkuEmulator:
    """Call it as a WSGI application, and its methods as the buyer, the clock or Duitku's dashboard."""

    def __init__(
        self,
        *,
        merchants: Mapping[str, str] | None = None,
        public_url: str = "http://duitku.test",
        now: Callable[[], datetime] = utc_now,
        switches: Switches | None = None,
        post: Post | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.till = Till(
            merchants=dict(merchants or TEST_MERCHANTS),
            public_url=public_url.rstrip("/"),
            now=now,
            pause=pause,
            post=post,
            switches=switches or Switches(),
        )
        self.faults = Faults()
        self.calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        self._api = Api(self.till)
        self._pages = Pages(self.till)
        self._admin = Admin(self)

    @property
    def switches(self) -> Switches:
        return self.till.switches

    @property
    def orders(self) -> Orders:
        """`orders[merchant_order_id]`, `in`, `len` and iteration; times that are over have taken effect."""
        self.till.tick()
        return self.till.orders

    @property
    def outbox(self) -> list[Delivery]:
        """Every callback ever made, oldest first, with its sends."""
        return list(self.till.outbox.all)

    @property
    def public_url(self) -> str:
        return self.till.public_url

    @public_url.setter
    def public_url(self, url: str) -> None:
        self.till.public_url = url.rstrip("/")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answered(Request(environ))(environ, start_response)

    def _answered(self, request: Request) -> Response:
        if request.path.lower().startswith(_API):
            return self._call(request)
        path = request.path.lower()
        if path in FILES:
            return FILES[path]()
        if path.startswith(ADMIN):
            return self._admin(request)
        if path in PAGE_PATHS:
            return self._pages(request)
        if path == DEMO_PATH:
            return demo_page(self.till, request)
        return index(self.till) if path == "/" else not_found(request.path)

    def _call(self, request: Request) -> Response:
        """One API call with the fault it may meet, written down."""
        status = 0
        try:
            response = self._with_faults(request)
            status = response.status_code
            return response
        finally:
            self.calls.append(Call(self.till.now(), request.method, request.path, status))

    def _with_faults(self, request: Request) -> Response:
        hang = self.switches.hang_seconds
        if self.switches.down:
            return broken("503") if on_a_socket(request) else fall_silent(request, "connect", hang)
        kind = "500-html" if self.switches.http_500 else self.faults.take(request.path)
        if kind is None:
            return self._api(request)
        if kind in {"timeout-before", "connect"}:
            return fall_silent(request, kind, hang)
        if kind == "timeout-after":
            self._api(request)
            return fall_silent(request, kind, hang)
        return broken(kind)

    def fail_next(self, path_part: str, kind: str, times: int = 1) -> None:
        """The next calls whose path has this part (in any case) fail so; faults.KINDS lists the kinds."""
        self.faults.add(path_part, kind, times)

    def pay(
        self,
        merchant_order_id: str,
        *,
        publisher_order_id: str | None = None,
        payment_method: str | None = None,
        amount: int | None = None,
    ) -> dict[str, str]:
        """The buyer pays: the newest attempt unless one is named. The signed form returned is in the outbox too."""
        order = self.orders[merchant_order_id]
        paid = self.till.pay(order, publisher_order_id=publisher_order_id, payment_method=payment_method, amount=amount)
        form = self.till.form(order, paid)
        self.till.send(order, form)
        return form

    def fail(self, merchant_order_id: str) -> dict[str, str]:
        """The payment fails; the callback with the failed code is in the outbox."""
        order = self.orders[merchant_order_id]
        self.till.end(order, "failed")
        return self.till.form(order)

    def cancel(self, merchant_order_id: str) -> dict[str, str]:
        """The buyer gives up. The form is only in the outbox if switches.callback_on_cancel says so."""
        order = self.orders[merchant_order_id]
        self.till.end(order, "canceled")
        return self.till.form(order)

    def expire(self, merchant_order_id: str) -> None:
        """Its time is over now."""
        self.till.end(self.orders[merchant_order_id], "expired")

    def resend(self, merchant_order_id: str) -> None:
        """The dashboard's button: the last callback once more, as it was."""
        order = self.orders[merchant_order_id]
        sent = self.till.outbox.of(order)
        self.till.send(order, sent[-1].form if sent else self.till.form(order), copies=1, after=0)

    def callback_form(
        self, merchant_order_id: str, *, result_code: str | None = None, scheme: Scheme | None = None
    ) -> dict[str, str]:
        """The callback as Duitku would sign it now; nothing changes."""
        return self.till.form(self.orders[merchant_order_id], result_code=result_code, scheme=scheme)

    def deliver_due(self) -> int:
        """Send through `post` what is due, and say how many were sent; without `post` all stays in the outbox."""
        return self.till.deliver_due()
