"""Servers that a test may crash, and a way to print figures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.servers import PostgresServer, RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a line of figures, also of a test that passes."""

    def told(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return told
