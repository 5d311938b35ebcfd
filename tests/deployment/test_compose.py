"""What compose.yaml describes, run without Docker, sells a course while one web process and one worker are killed."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest

from kelaspay_emulators.duitku import TEST_MERCHANTS, DuitkuEmulator
from kelaspay_emulators.serve import start
from kelaspay_emulators.thinkific import ThinkificEmulator
from tests.chaos.fleet import until
from tests.deployment.compose import Topology, caddy, topology

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.fleet import Proc

pytestmark = pytest.mark.deployment

BUYERS = 24
COURSE = "Web Development Fundamentals"
OFFER = "web-fundamentals"
STARTING_SECONDS = 90.0
"""On a machine that does much else."""


@dataclass
class Shop:
    """The topology with both outside systems, as the world sees it: through Caddy."""

    up: Topology
    duitku: DuitkuEmulator
    thinkific: ThinkificEmulator
    http: httpx2.Client
    orders: dict[int, str] = field(default_factory=dict)

    def post(self, url: str, body: bytes, content_type: str) -> int:
        """Duitku calls back to the public address; Caddy's port is another one here."""
        try:
            return self.http.post(urlsplit(url).path, content=body, headers={"Content-Type": content_type}).status_code
        except httpx2.HTTPError:
            return 0

    def buy(self, number: int) -> bool:
        """Order, or insist on the order made before, and pay."""
        wanted = {"offer": OFFER, "customer_name": "Siti Rahmawati", "customer_email": email(number)}
        try:
            answer = self.http.post(
                "/payment/initiate",
                json=wanted | {"customer_phone": "0812-3456-7890"},
                headers={"Idempotency-Key": f"buyer-{number}"},
            )
        except httpx2.HTTPError:
            return False
        if answer.status_code != httpx2.codes.CREATED:
            return False
        self.orders[number] = answer.json()["merchant_order_id"]
        self.duitku.pay(self.orders[number])
        return True

    def all_completed(self) -> bool:
        answers = [self.http.get(f"/payment/{order_id}") for order_id in self.orders.values()]
        return all(answer.is_success and answer.json()["status"] == "completed" for answer in answers)

    def all_enrolled_once(self) -> bool:
        return sorted(self.thinkific.school.enrolled()) == sorted((email(number), COURSE) for number in self.orders)


def email(number: int) -> str:
    return f"pembeli{number}@example.com"


@pytest.fixture(scope="module", name="at")
def shop() -> Iterator[Shop]:
    caddy()
    duitku, thinkific = DuitkuEmulator(), ThinkificEmulator()
    there, yonder = start(duitku, background=duitku.deliver_due), start(thinkific)
    duitku.public_url, thinkific.public_url = there.url, yonder.url
    duitku.switches.callback_intervals = (1.0, 2.0, 4.0, 8.0)
    thinkific.switches.rate = 6000
    merchant_code, api_key = next(iter(TEST_MERCHANTS.items()))
    more = {
        "DUITKU_MERCHANT_CODE": merchant_code,
        "DUITKU_API_KEY": api_key,
        "DUITKU_V2_URL": there.url,
        "DUITKU_POP_URL": there.url,
        "THINKIFIC_SUBDOMAIN": thinkific.school.subdomain,
        "THINKIFIC_API_KEY": thinkific.school.api_key,
        "THINKIFIC_API_URL": yonder.url,
        "THINKIFIC_RATE": "6000",
        "RETRY_BASE_SECONDS": "1",
        "CONFIRM_RETRY_SECONDS": "1",
    }
    try:
        with topology(more) as up:
            start_all(up)
            trusted = ssl.create_default_context(cafile=str(up.authority))
            with httpx2.Client(base_url=f"https://localhost:{up.https_port}", verify=trusted, timeout=20) as http:
                made = Shop(up, duitku, thinkific, http)
                duitku.till.post = made.post
                stock(made)
                yield made
    finally:
        there.stop()
        yonder.stop()


def start_all(up: Topology) -> None:
    """In the order that `depends_on` asks for."""
    done(up.up("migrate"), up)
    for name in ("web-1", "web-2", "worker-1", "worker-2"):
        up.up(name)
    for name in ("web-1", "web-2", "worker-1", "worker-2"):
        assert until(partial(up.healthy, name), STARTING_SECONDS, every=2.0), up.printed()
    up.up("caddy")
    assert until(up.open), up.printed()


def stock(shop: Shop) -> None:
    """With the command line, inside the topology, as `docker compose exec web-1 kelaspay …` does."""
    course = shop.thinkific.school.add_course(COURSE)
    words = ["--slug", OFFER, "--name", COURSE, "--price", "150000", "--course-id", str(course.id)]
    done(shop.up.run("web-1", "offers", "add", *words), shop.up)


def test_all_who_pay_are_in_the_course_once_though_a_web_process_and_a_worker_are_killed(at: Shop) -> None:
    for number in range(BUYERS // 2):
        assert until(partial(at.buy, number)), at.up.printed()
    for name in ("web-1", "worker-1"):
        at.up.running[name].kill()
    for number in range(BUYERS // 2, BUYERS):
        assert until(partial(at.buy, number)), at.up.printed()
    for name in ("web-1", "worker-1"):  # `restart: unless-stopped`
        at.up.up(name)
    assert until(at.all_completed, seconds=75, every=0.5), at.up.printed()

    assert at.all_enrolled_once()
    assert len(at.thinkific.school.external_orders) <= len(at.orders)
    assert until(partial(at.up.healthy, "web-1"), STARTING_SECONDS, every=2.0), at.up.printed()


def test_the_world_sees_tls_and_no_metrics(at: Shop) -> None:
    assert at.http.get("/readyz").json()["redis"] == "ok"
    assert at.http.get("/metrics").status_code == httpx2.codes.NOT_FOUND
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"https://localhost:{at.up.https_port}/readyz")


def test_after_the_database_is_lost_a_copy_of_it_goes_on_as_the_documentation_says(at: Shop) -> None:
    assert until(partial(at.buy, BUYERS)), at.up.printed()
    assert until(at.all_completed, seconds=75, every=0.5), at.up.printed()

    done(at.up.up("backup"), at.up)
    for name in ("web-1", "web-2", "worker-1", "worker-2", "caddy"):
        at.up.running[name].kill()
    at.up.lose_database()
    [copy] = (at.up.folder / "backup").iterdir()
    done(at.up.run("backup", "restore", f"/backup/{copy.name}"), at.up)
    start_all(at.up)

    assert at.all_completed()
    assert until(partial(at.buy, BUYERS + 1)), at.up.printed()
    assert until(at.all_completed, seconds=75, every=0.5), at.up.printed()
    assert at.all_enrolled_once()


def done(ran: Proc, up: Topology) -> None:
    assert until(lambda: not ran.running, STARTING_SECONDS), ran.printed()
    assert ran.exit_code() == 0, ran.printed() + up.printed()
