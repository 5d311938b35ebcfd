"""Measures 3 and 5: the service's own time from a callback to the buyer in the course, and what it asks of Thinkific.

One buyer after another, each waited for; outside answers are as quick as the emulators give them. Of the time from the
callback's leaving to Thinkific's answer the three round trips that nobody can spare (Duitku asked for the status, the
user made, the enrollment made) are taken off: the same requests, sent by the same clients right before, one after
another, to the same emulators, with only the time on the wire counted.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import httpx2

from kelaspay.bench.figures import CALLS, Bar, Better, Chart, Figure, Missing, Outcome, percentile
from kelaspay.bench.load import API_KEY, MERCHANT
from kelaspay.bench.programs import SUBDOMAIN, THINKIFIC_API_KEY
from kelaspay.bench.scene import METHOD, migrated, scene
from kelaspay.duitku import Duitku
from kelaspay.outside import utc_now
from kelaspay.payment import Customer
from kelaspay.thinkific.client import KeyAuth, OpenGate, Thinkific, no_guard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kelaspay.bench.scene import Scene
    from kelaspay.bench.setting import Setting
    from kelaspay.payment import MerchantOrderId

BUYERS = 40
"""In each round."""
WARM_UP = 5
ALONE_P50, ALONE_P99, APART_P50 = 50.0, 200.0, 200.0
MS = "ms"
LEAST_CALLS = {"a new buyer": 2, "a returning buyer": 2, "a buyer whom Thinkific knows and we do not": 4}
"""Calls to reach, the external order aside."""
EXTERNAL_ORDERS = "/external_orders"


class Wire(httpx2.BaseTransport):
    """Sends requests and counts the time on the wire."""

    def __init__(self) -> None:
        self._real = httpx2.HTTPTransport()
        self.seconds = 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        began = time.perf_counter()
        response = self._real.handle_request(request)
        response.read()
        self.seconds += time.perf_counter() - began
        return response


class RoundTrips:
    """The calls that an enrollment cannot do without, alone."""

    def __init__(self, at: Scene) -> None:
        self._wire = Wire()
        http = httpx2.Client(transport=self._wire)
        hosts = (at.duitku_url, at.duitku_url, at.duitku_url)
        self._course_id = at.course_id
        self._duitku = Duitku(http, merchant_code=MERCHANT, api_key=API_KEY, hosts=hosts)
        auth = KeyAuth(SUBDOMAIN, THINKIFIC_API_KEY)
        self._thinkific = Thinkific(http, api_url=at.thinkific_url, auth=auth, gate=OpenGate())

    def milliseconds(self, order_id: MerchantOrderId, email: str) -> float:
        """The time on the wire of the three calls."""
        before = self._wire.seconds
        self._duitku.transaction_status(order_id, METHOD)
        user_id = self._thinkific.create_user(Customer("Siti Rahmawati", email, "+6281234567890"), guard=no_guard)
        self._thinkific.enroll_user(user_id, self._course_id, activated_at=utc_now(), expiry_date=None, guard=no_guard)
        return (self._wire.seconds - before) * 1000


def own_time(setting: Setting) -> Outcome:
    """Measure 3, with `serve` alone and with web and worker apart."""
    found = Outcome()
    bars: list[Bar] = []
    for store in setting.stores:
        with store.copied(store.template(migrated)) as url, scene(store, url, setting.folder) as at:
            rounds = overheads(setting, at, f"{store.name}, serve alone")
        found.figures += _alone(store.name, rounds)
        bars += _bars(f"{store.name}, serve alone", rounds)
    found.add(_apart(setting, bars))
    chart = Chart("3-own-time", "Own time from callback to enrolled", MS, tuple(bars), target=None)
    found.charts.append(chart)
    return found


def overheads(
    setting: Setting, at: Scene, said: str, *, mark: str = "", rounds: int | None = None
) -> list[list[float]]:
    """Milliseconds of each buyer of each round, the round trips taken off; `mark` makes buyers new who are not."""
    trips = RoundTrips(at)
    known = at.order(f"known{mark}@example.com")
    for number in range(WARM_UP):
        at.milliseconds_to_enrolled(f"warm{mark}-{number}@example.com")
        trips.milliseconds(known, f"warm-bare{mark}-{number}@example.com")
    found: list[list[float]] = []
    for turn in range(rounds or setting.rounds):
        wire = median(trips.milliseconds(known, f"bare{mark}-{turn}-{n}@example.com") for n in range(BUYERS))
        whole = [at.milliseconds_to_enrolled(f"buyer{mark}-{turn}-{n}@example.com") for n in range(BUYERS)]
        found.append([each - wire for each in whole])
        setting.tell(f"own time  {said}: {median(found[-1]):.1f} ms beside {wire:.1f} on the wire")
    return found


def _apart(setting: Setting, bars: list[Bar]) -> Outcome:
    """Several processes need a Redis to share Thinkific's limit in, so this is on PostgreSQL."""
    name = "PostgreSQL, web and worker apart"
    store = next((each for each in setting.stores if each.name == "PostgreSQL"), None)
    if store is None or setting.redis_url is None:
        return Outcome(missing=[Missing(3, name, f"no {'PostgreSQL' if store is None else 'Redis'} was named")])
    with store.copied(store.template(migrated)) as url, scene(store, url, setting.folder, workers=1) as at:
        rounds = overheads(setting, at, name)
    bars += _bars(name, rounds)
    return Outcome([_figure(f"{name}, p50", rounds, 0.5, APART_P50)])


def _alone(store: str, rounds: list[list[float]]) -> list[Figure]:
    return [
        _figure(f"{store}, serve alone, p50", rounds, 0.5, ALONE_P50),
        _figure(f"{store}, serve alone, p99", rounds, 0.99, ALONE_P99),
    ]


def _figure(name: str, rounds: list[list[float]], share: float, target: float) -> Figure:
    each = [percentile(those, share) for those in rounds]
    value = percentile([one for those in rounds for one in those], share)
    return Figure(3, name, value, min(each), max(each), MS, Better.LESS, target, f"{sum(map(len, rounds))} buyers")


def _bars(name: str, rounds: list[list[float]]) -> list[Bar]:
    return [
        Bar(f"{name}, {said}", figure.value, figure.low, figure.high, ours=True)
        for said, share in (("p50", 0.5), ("p99", 0.99))
        for figure in [_figure(name, rounds, share, 0.0)]
    ]


def calls(setting: Setting) -> Outcome:
    """Measure 5: each kind of buyer once; the count is the same each time."""
    store = setting.stores[0]
    with store.copied(store.template(migrated)) as url, scene(store, url, setting.folder) as at:
        counted = dict(zip(LEAST_CALLS, _counted(at), strict=True))
    figures = []
    for name, made in counted.items():
        sales = sum(path.endswith(EXTERNAL_ORDERS) for path in made)
        count = float(len(made) - sales)
        said = ", ".join(path.rsplit("/", 1)[-1] for path in made)
        figures.append(Figure(5, name, count, count, count, CALLS, Better.LESS, float(LEAST_CALLS[name]), said))
    setting.tell(f"Thinkific calls: {', '.join(f'{figure.value:.0f} for {figure.name}' for figure in figures)}")
    return Outcome(figures)


def _counted(at: Scene) -> Iterator[list[str]]:
    """What Thinkific was asked for each kind of buyer."""
    course_id, product_id = at.add_course("A second course")
    at.offer("second-course", course_id=course_id, product_id=product_id)
    stranger = {"email": "stranger@example.com", "first_name": "Budi", "last_name": "Santoso"}
    at.http.post(f"{at.thinkific_url}/_emulator/users", json=stranger).raise_for_status()
    buyers = (("siti@example.com", None), ("siti@example.com", "second-course"), (stranger["email"], None))
    for email, offer in buyers:
        before = len(at.thinkific_calls(0))
        order_id = at.order(email, offer) if offer else at.order(email)
        at.call_back(at.pay(order_id))
        at.enrolled(order_id)
        yield [f"{call.method} {call.path}" for call in at.thinkific_calls(before)]
