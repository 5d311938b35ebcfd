"""Load on a callback address: signed bodies, each different, sent by wrk; and what wrk saw.

A request that was not answered with 200 makes the whole measurement void: a refused callback is quick to answer.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kelaspay.duitku.signature import Scheme, sign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MERCHANT, API_KEY = "D0001", "732B39FC61796845775D2C4FB05332AF"  # pragma: allowlist secret
"""The pair that Duitku's own tests use (duitku.md 1)."""
AMOUNT = "150000"

SCRIPT = """
local requests = {}
local at = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
function init()
  local path = os.getenv("BENCH_PATH")
  for line in io.lines(os.getenv("BENCH_BODIES")) do requests[#requests + 1] = wrk.format(nil, path, nil, line) end
  requests[#requests + 1] = wrk.format("GET", "/ran-out-of-bodies") -- which nobody answers with 200
  collectgarbage()
end
function request()
  if at < #requests then at = at + 1 end
  return requests[at]
end
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  io.write(string.format('\\n{"requests": %d, "duration_us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}\\n',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"""
"""All requests are made before the first is sent. Made one by one they were new strings, for which Lua stood still for
40 ms each round to make room: a hundredth of a round, and so the p99 of whoever was quick enough to see it.
"""
PATH = "/webhooks/duitku"
FORM = "application/x-www-form-urlencoded"


class LoadFailed(Exception):  # noqa: N818 - says what happened
    """The load generator is missing, or what it met was not an answer of 200."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a round saw."""

    per_second: float
    p50_ms: float
    p99_ms: float


def write_bodies(path: Path, order_ids: Sequence[str], count: int, mark: str) -> None:
    """So many signed callbacks, one a line, for these orders in turn; `mark` and a number make each different.

    Orders are paid in no order: one after another would spare whoever keeps them sorted.
    """
    order_ids = random.Random(1).sample(order_ids, len(order_ids))  # noqa: S311 - a random order is no secret
    with path.open("w", encoding="ascii") as file:
        for number in range(count):
            file.write(f"{body(order_ids[number % len(order_ids)], f'{mark}{number:07d}')}\n")


def body(order_id: str, reference: str) -> str:
    """A callback as Duitku sends one (duitku.md 3.5)."""
    fields = {
        "merchantCode": MERCHANT,
        "amount": AMOUNT,
        "merchantOrderId": order_id,
        "productDetail": "Web Development Fundamentals",
        "additionalParam": "",
        "paymentCode": "BC",
        "resultCode": "00",
        "merchantUserId": "",
        "reference": reference,
        "signature": sign(Scheme.HMAC, API_KEY, MERCHANT, AMOUNT, order_id),
        "publisherOrderId": f"MG{reference}",
        "settlementDate": "2026-11-24",
        "issuerCode": "",
    }
    return urlencode(fields)


def wrk_program() -> str:
    """Where wrk is; raises `LoadFailed` where it is not."""
    program = shutil.which("wrk")
    if program is None:
        raise LoadFailed("wrk is not installed (Debian: apt-get install wrk)")
    return program


def wrk(url: str, bodies: Path, *, concurrency: int, seconds: float) -> Seen:
    """Send bodies over so many connections for so long; raises `LoadFailed` unless every answer was 200."""
    program = wrk_program()
    script = bodies.with_suffix(".lua")
    script.write_text(SCRIPT, encoding="ascii")
    ran = subprocess.run(  # noqa: S603 - a load generator, with arguments of ours
        [program, "-t1", f"-c{concurrency}", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", str(script), url],
        check=False,
        capture_output=True,
        text=True,
        env={"BENCH_BODIES": str(bodies), "BENCH_PATH": PATH},
    )
    lines = ran.stdout.strip().splitlines()
    if ran.returncode or not lines or not lines[-1].startswith("{"):
        raise LoadFailed(f"wrk ended with {ran.returncode}: {ran.stderr.strip() or ran.stdout.strip()}")
    told = json.loads(lines[-1])
    if told["failed"] or not told["requests"]:
        raise LoadFailed(f"{told['failed']} of {told['requests']} requests to {url} failed")
    return Seen(told["requests"] / (told["duration_us"] / 1e6), told["p50_us"] / 1e3, told["p99_us"] / 1e3)
