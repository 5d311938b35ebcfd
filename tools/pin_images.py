"""Pin every image by the digest that its registry gives for its tag today: `make pin-images` asks Docker and writes
into Dockerfile and compose.yaml. Looking at what changed is left to whoever commits it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"^(\s*image: |ARG \w+_IMAGE=)([\w./-]+:[\w.-]+)(@sha256:[0-9a-f]{64})?$", re.MULTILINE)
"""An image with its tag, and with the digest that it is pinned by so far; ours, which is built here, has none."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def pinned(text: str, digest_of: Callable[[str], str]) -> str:
    """The text with each image's digest as it is now."""
    return NAMED.sub(lambda found: f"{found[1]}{found[2]}@{digest_of(found[2])}", text)


def ask_docker(image: str) -> str:
    """The digest of all platforms' index."""
    words = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
    asked = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - words of ours
    said = asked.stdout.strip()
    if not DIGEST.fullmatch(said):
        sys.exit(f"{image}: Docker answered {said!r}")
    return said


if __name__ == "__main__":
    for name in ("Dockerfile", "compose.yaml"):
        path = ROOT / name
        path.write_text(pinned(path.read_text(encoding="utf-8"), ask_docker), encoding="utf-8")
