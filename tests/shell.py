"""`kelaspay` as it is typed, in this process, on a world's database and between its emulators on loopback sockets."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from kelaspay.__main__ import main
from kelaspay.outside import utc_now
from kelaspay_emulators.duitku import TEST_MERCHANTS
from kelaspay_emulators.serve import start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import World

[(MERCHANT, KEY)] = TEST_MERCHANTS.items()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Shell:
    def __init__(self, world: World, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._environment = environment
        self._capsys = capsys

    def __call__(
        self, *words: str, columns: int | None = None, typed: str | None = None, piped: bytes | None = None
    ) -> Ran:
        """Type a command; without `columns` its output goes into a pipe. With what is `typed` after it a person sits at
        a terminal; what is `piped` comes out of another program.
        """
        if columns is None:
            self._environment.delenv("COLUMNS", raising=False)
        else:
            self._environment.setenv("COLUMNS", str(columns))
        self._capsys.readouterr()
        with _terminal(typed) if piped is None else _pipe(piped), pytest.raises(SystemExit) as ended:
            main(words)
        printed = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), printed.out, printed.err)

    def json(self, *words: str) -> Any:
        ran = self(*words, "--json")
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out)

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._environment.setenv(name, value)


@contextmanager
def _terminal(typed: str | None) -> Iterator[None]:
    """A real one to read from, on which this was typed; None for none."""
    if typed is None:
        yield
        return
    ours, theirs = os.openpty()
    before = sys.stdin
    with os.fdopen(ours, "wb", buffering=0) as keyboard, os.fdopen(theirs) as screen:
        keyboard.write(typed.encode())
        sys.stdin = screen
        try:
            yield
        finally:
            sys.stdin = before


@contextmanager
def _pipe(piped: bytes) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(piped))
    try:
        yield
    finally:
        sys.stdin = before


@pytest.fixture
def shell(
    embedded: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """A terminal beside a running service; the world's clock says now."""
    embedded.clock.time = utc_now().replace(microsecond=0)
    duitku, thinkific = start(embedded.duitku), start(embedded.thinkific)
    monkeypatch.chdir(tmp_path)
    made = Shell(embedded, monkeypatch, capsys)
    made.set(
        DATABASE_URL=embedded.database.url,
        DATA_DIR=str(tmp_path),
        APP_BASE_URL="https://pay.example.com",
        DUITKU_MERCHANT_CODE=MERCHANT,
        DUITKU_API_KEY=KEY,
        DUITKU_V2_URL=duitku.url,
        DUITKU_POP_URL=duitku.url,
        THINKIFIC_SUBDOMAIN=embedded.thinkific.school.subdomain,
        THINKIFIC_API_KEY=embedded.thinkific.school.api_key,
        THINKIFIC_API_URL=thinkific.url,
    )
    yield made
    duitku.stop()
    thinkific.stop()
