"""The first hour of a newcomer: the demo, both emulators and the service in programs of their own, and a first sale."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from kelaspay.__main__ import main
from kelaspay.settings import Settings
from tests.servers import PATIENCE, free_port
from tests.shell import Ran
from tests.world import WANTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
"""What takes long begins first: xdist hands out groups before single tests."""

KELASPAY = str(Path(sys.executable).parent / "kelaspay")
README = Path(__file__).parent.parent / "README.md"
KEYS = {
    "DUITKU_MERCHANT_CODE": "D0001",
    "DUITKU_API_KEY": "732B39FC61796845775D2C4FB05332AF",
    "THINKIFIC_SUBDOMAIN": "kelas",
    "THINKIFIC_API_KEY": "0123456789abcdef0123456789abcdef",
}


class Newcomer:
    """A folder, an environment, and a terminal."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._environment = environment
        ours = {name.upper() for name in Settings.model_fields}
        for name in [name for name in os.environ if name.removesuffix("_FILE") in ours]:
            environment.delenv(name)
        environment.chdir(folder)
        self.set(COLUMNS="100")

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._environment.setenv(name, value)

    def run(self, *words: str) -> Ran:
        """Type a command that ends soon; it runs in this process."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen([KELASPAY, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.terminate()


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Newcomer:
    return Newcomer(tmp_path, monkeypatch, capsys)


def until(http: httpx2.Client, url: str, right: Callable[[Any], bool]) -> Any:
    """What is answered as soon as it is right."""
    deadline = time.monotonic() + PATIENCE
    said: Any = None
    while time.monotonic() < deadline:
        try:
            said = http.get(url).json()
        except (httpx2.TransportError, ValueError):
            said = None
        if said is not None and right(said):
            return said
        time.sleep(0.1)
    pytest.fail(f"{url} last said {said}")


@pytest.mark.usefixtures("at")
def test_the_demo_buys_one_course_and_says_how_it_went(tmp_path: Path) -> None:
    port = str(free_port())
    ran = subprocess.run(
        [KELASPAY, "demo", "--once", "--port", port], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.findall(r"^ ?(\d+)\. ", ran.stdout, re.MULTILINE) == [str(number) for number in range(1, 15)]
    times = [float(seconds) for seconds in re.findall(r"\(([\d.]+) s\)$", ran.stdout, re.MULTILINE)]
    assert times == sorted(times)
    assert times[5] < times[9] < times[13]
    assert f"POST http://localhost:{port}/payment/initiate" in ran.stdout
    assert ran.stdout.endswith("Paid, and in the course.\n")
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_first_sale_between_the_emulators_from_the_command_line(tmp_path: Path, at: Newcomer) -> None:
    ports = {name: free_port() for name in ("duitku", "thinkific", "web")}
    duitku, thinkific, web = (f"http://127.0.0.1:{port}" for port in ports.values())
    at.set(
        **KEYS,
        DUITKU_V2_URL=duitku,
        DUITKU_POP_URL=duitku,
        THINKIFIC_API_URL=thinkific,
        APP_BASE_URL=web,
        CONFIRM_RETRY_SECONDS="0.5",
    )
    with ExitStack() as stack:
        http = stack.enter_context(httpx2.Client(timeout=PATIENCE, headers={"User-Agent": "a newcomer"}))
        for name in ("duitku", "thinkific"):
            stack.enter_context(at.running("emulate", name, "--port", str(ports[name])))
        until(http, f"{thinkific}/_emulator/state", lambda _: True)
        until(http, f"{duitku}/_emulator/orders", lambda _: True)
        healthy = at.run("doctor")
        copied = at.run("courses", "sync")
        [course] = [each for each in json.loads(at.run("courses", "list", "--json").out) if "Python" in each["name"]]
        course_id = str(course["course_id"])
        words = ["--slug", "pertama", "--name", course["name"], "--price", "125000", "--course-id", course_id]
        added = at.run("offers", "add", *words)
        serving = stack.enter_context(at.running("serve", "--port", str(ports["web"])))
        until(http, f"{web}/readyz", lambda said: said["status"] == "ok")
        made = http.post(f"{web}/payment/initiate", json={**WANTED, "offer": "pertama"}).json()
        order_id = made["merchant_order_id"]
        http.post(f"{duitku}/_emulator/orders/{order_id}/pay", json={})
        until(http, f"{web}/payment/{order_id}", lambda said: said["status"] == "completed")
        listed = at.run("payments", "list")
        second = at.run("work")
        serving.terminate()

        assert serving.wait(PATIENCE) == 0
    assert healthy.code == 0, healthy.out
    assert copied.out == "Copied 3 products.\n"
    assert added.out == "Added pertama, Rp 125.000.\n"
    assert re.search(rf"^{order_id}  .*  Rp 125.000  completed", listed.out, re.MULTILINE)
    assert (second.code, "REDIS_URL must be set" in second.err) == (1, True)
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("at")
def test_what_the_readme_sets_may_be_copied_as_it_is_and_doctor_says_what_is_to_be_filled_in(at: Newcomer) -> None:
    exported = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("export ")]
    given = dict(word.split("=", 1) for line in exported for word in shlex.split(line, comments=True)[1:])
    at.set(**given | {"APP_BASE_URL": f"http://localhost:{free_port()}"})

    ran = at.run("doctor")

    assert given.keys() > KEYS.keys()
    assert f"BAD  settings: set {', '.join(KEYS)}\n" in ran.out


def test_nothing_set_is_said_in_one_line(at: Newcomer) -> None:
    ran = at.run("serve")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "kelaspay: DUITKU_MERCHANT_CODE, DUITKU_API_KEY, THINKIFIC_SUBDOMAIN, THINKIFIC_API_KEY: not set\n"
    )
