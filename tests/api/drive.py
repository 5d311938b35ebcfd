"""Drives the whole API by its own description, with every check that schemathesis has: `make drive`.

The service runs on a loopback socket between the emulators.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import uvicorn

from kelaspay.coupon import Coupon, checked
from kelaspay.migrate import migrate
from kelaspay.store.coupons import put_coupon
from kelaspay.store.database import Database
from kelaspay.web.hooks import Front
from kelaspay.web.server import web_config
from tests.api.client import Program
from tests.api.hooks import SOLD
from tests.api.matrix import HOOK
from tests.world import World, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LONG_RUN = 600


@contextmanager
def served(world: World) -> Iterator[str]:
    """The world's service on a free port, with something of every kind in it."""
    config = web_config(Front(world.app), host="127.0.0.1", port=0)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def furnish(world: World) -> None:
    """Something of every kind, and what the description's examples name."""
    world.sell(slug=SOLD)
    world.offer("python-lanjut", "Python Lanjut", course_id=2)
    with world.database.begin() as db:
        put_coupon(db, checked(Coupon("LEBARAN25", percent=25)), world.clock())
    Program(world).post("/webhook_endpoints", HOOK)
    for _ in range(3):
        world.buy_and_pay(offer=SOLD)
    world.work()
    world.buy(offer=SOLD)


def drive(world: World, *settings: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis says when it is run with these settings."""
    furnish(world)
    key = Program(world).key
    with served(world) as url, TemporaryDirectory() as folder:
        Path(folder, "schemathesis.toml").write_text(f'[auth.openapi.ApiKey]\nbearer = "{key}"\n', encoding="utf-8")
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{url}/openapi.json",
                "--checks=all",
                "--workers=1",  # two threads of Python 3.11 trip over each other in ast (python/cpython#106905)
                "--continue-on-failure",
                "--no-color",
                *settings,
            ],
            cwd=folder,  # it keeps a cache where it runs
            env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.api.hooks", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )


def main() -> int:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else LONG_RUN
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/kelaspay.db"
        database = Database(url)
        migrate(database)
        database.close()
        with world_on(Path(folder), url, None) as world:
            ran = drive(world, "--generation-database=none", f"--max-time={seconds}", *sys.argv[2:])
    sys.stdout.write(ran.stdout + ran.stderr)
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
