"""Build what the Dockerfile builds, without Docker: its own instructions, one after the other, in a folder.

`/src` and `/app` become folders, what is copied from uv's image is the uv at hand, and the base's Python is the one
that runs this. `python -m tests.deployment.image FOLDER` leaves the programs in FOLDER/app/bin.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(folder: Path, uv: str) -> Path:
    """Follow the stage called `build`; returned is where its programs are."""
    stage = _stage((ROOT / "Dockerfile").read_text(encoding="utf-8"), "build")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "src").mkdir(parents=True)
    environment = {**os.environ, "UV_PYTHON": sys.executable, "PATH": f"{Path(uv).parent}:{os.environ['PATH']}"}
    for instruction, words in stage:
        if instruction == "ENV":
            environment |= dict(pair.split("=", 1) for pair in _here(words, folder).split())
        elif instruction == "COPY" and not words.startswith("--from=uv "):
            _copy(words, folder / "src")
        elif instruction == "RUN":
            subprocess.run(["sh", "-ec", _here(words, folder)], cwd=folder / "src", env=environment, check=True)
    _not_ours_to_write(folder)
    return folder / "app" / "bin"


def _stage(dockerfile: str, name: str) -> list[tuple[str, str]]:
    """The instructions of a stage, each with what follows it."""
    text = re.sub(r"^#.*\n", "", dockerfile.replace("\\\n", " "), flags=re.MULTILINE)
    stage = re.search(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL)
    assert stage is not None, f"no stage is called {name}"
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in stage[1].splitlines() if line]


def _here(words: str, folder: Path) -> str:
    return re.sub(r"(?<![\w/])/(src|app)\b", lambda found: f"{folder}/{found[1]}", words)


def _copy(words: str, to: Path) -> None:
    """Files into the working folder; what .dockerignore keeps out is not there to be copied."""
    *sources, target = words.split()
    for source in sources:
        assert _shown(source), f"{source} is kept out by .dockerignore"
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, to / target)


def _shown(source: str) -> bool:
    """Whether .dockerignore's last rule that fits lets it through."""
    shown = True
    for rule in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if rule and not rule.startswith("#") and fnmatch(source, rule.lstrip("!")):
            shown = rule.startswith("!")
    return shown


def _not_ours_to_write(folder: Path) -> None:
    """As in the image: the program's files belong to another user and may only be read."""
    for path in (folder / "app").rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


if __name__ == "__main__":
    found = shutil.which(os.environ.get("UV", "uv"))
    assert found is not None, "uv is missing: make setup-all"
    print(build(Path(sys.argv[1]).absolute(), str(Path(found).absolute())))  # noqa: T201 - it talks to a person
