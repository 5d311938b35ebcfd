"""A real browser and the demo that it looks at, each started once for those who need them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.servers import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
expect.set_options(timeout=PATIENCE * 1000)
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""What Chromium is called, and before it the same without a window, which takes two thirds of the processor's time."""


def executable() -> str:
    """The system's Chromium. Without one the tests are skipped, but never where CI says that they count."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("Chromium is missing: apt-get install chromium")
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


@contextmanager
def running() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # as root, as in containers, Chromium's own sandbox cannot be set up
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def demo(said: str | None = None) -> Iterator[str]:
    """The address of `kelaspay demo` in a process of its own, once it has printed all that it has to say, into the file
    `said`.
    """
    port = free_port()
    with NamedTemporaryFile("r") as unread, Path(said or unread.name).open("w") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "kelaspay", "demo"],
            env=os.environ | {"PORT": str(port), "EMBED_ORIGINS": "http://127.0.0.1:*"},
            stdout=printed,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for("Ctrl-C", Path(printed.name))
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


@contextmanager
def visit(browser: Browser, url: str, *, size: dict[str, int] = PHONE, script: bool = True) -> Iterator[Page]:
    """A visitor from Indonesia, on a phone; whatever the page's script complains about fails the test."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": size["width"], "height": size["height"]},
        java_script_enabled=script,
        locale="id-ID",
        timezone_id="Asia/Jakarta",
    )
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        yield page
    finally:
        context.close()
    assert complaints == []


def _wait_for(word: str, printed: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while word not in printed.read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(printed.read_text())
        time.sleep(0.1)
