"""Build the documentation's site: what stands in docs, ARCHITECTURE and its neighbours, and the reference pages that
are written from the code. `python -m tools.docs` leaves it in .site/html; a link that leads nowhere stops it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.reference import pages

ROOT = Path(__file__).parent.parent
SITE = ROOT / ".site"
BESIDE = {
    "ARCHITECTURE.md": "design/architecture.md",
    "CONTRIBUTING.md": "design/contributing.md",
    "CHANGELOG.md": "design/changelog.md",
}
"""Pages that stand where whoever opens the repository looks for them."""
INDONESIAN = "panduan"
"""The folder of what sellers read."""
LANGUAGES = {".html": "html", ".mjs": "js", ".sh": "sh", ".py": "python"}
DECISIONS = "# every page of docs/decisions"
MORE = "# every page that stands nowhere above"


def build() -> int:
    """Gather the pages and build; returned is Zensical's exit code, or 1 where it warned."""
    gather(SITE / "pages")
    (SITE / "zensical.toml").write_text(configuration(SITE / "pages"), encoding="utf-8")
    ran = subprocess.run(  # noqa: S603 - a program of ours with fixed arguments
        [
            Path(sys.executable).parent / "zensical",
            "build",
            "--clean",
            "--strict",
            "--config-file",
            ".site/zensical.toml",
        ],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(ran.stdout)
    speak_indonesian(SITE / "html" / INDONESIAN)
    return ran.returncode or int("warning" in ran.stdout.lower())


def speak_indonesian(folder: Path) -> None:
    """Say of these pages which language they are in, for readers' voices and hyphens: Zensical knows one for a site."""
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace('<html lang="en"', '<html lang="id"', 1), encoding="utf-8")


def gather(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for path in folder.rglob("*.md"):
        path.write_text(_to_there(path.read_text(encoding="utf-8")), encoding="utf-8")
    for name, page in BESIDE.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(_from_there((ROOT / name).read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "integrate" / "examples.md").write_text(examples(folder / "integrate" / "examples.md"), encoding="utf-8")
    for name, text in pages().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def examples(page: Path) -> str:
    """The page with each file of examples behind the words that introduce it."""

    def shown(found: re.Match[str]) -> str:
        text = (ROOT / "examples" / found[1]).read_text(encoding="utf-8").rstrip()
        return f"```{LANGUAGES[Path(found[1]).suffix]}\n{text}\n```"

    return re.sub(r"^\{(\S+)\}$", shown, page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def configuration(folder: Path) -> str:
    """zensical.toml with each page in its navigation: a page that nobody has placed stands at the end."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    decisions = [page for page in sorted(folder.glob("decisions/*.md")) if not page.name.startswith("0000")]
    text = text.replace(DECISIONS, "\n      ".join(_entry(page, folder) for page in decisions))
    left = [page for page in sorted(folder.rglob("*.md")) if f'"{page.relative_to(folder)}"' not in text]
    placed = [_entry(page, folder) for page in left if page.parent.name != "decisions"]
    return text.replace(MORE, "\n  ".join(placed))


def _entry(page: Path, folder: Path) -> str:
    title = page.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# ")
    return f'{{ {json.dumps(title)} = "{page.relative_to(folder)}" }},'


def _to_there(text: str) -> str:
    """Links from docs to what stands beside it in the repository, and inside it in the site."""
    for name, page in BESIDE.items():
        text = re.sub(rf"\]\(\.\./((?:\.\./)*){re.escape(name)}", rf"](\1{page}", text)
    return text


def _from_there(text: str) -> str:
    """Links as they are one folder further down."""
    for name, page in BESIDE.items():
        text = text.replace(f"]({name})", f"](../{page})")
    return re.sub(r"\]\(docs/", "](../", text)


if __name__ == "__main__":
    sys.exit(build())
