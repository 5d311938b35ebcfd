"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import itertools
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
OURS = sorted((ROOT / "src" / "kelaspay").rglob("*.py"))
EMULATORS = sorted((ROOT / "src" / "kelaspay_emulators").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
MOST_LINES = 450
LONGEST_FUNCTION = 60


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path) -> Iterator[ast.AST]:
    yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_the_clock_is_read_in_one_place() -> None:
    reads = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(")
    readers = [named(path) for path in OURS if reads.search(path.read_text(encoding="utf-8"))]

    assert readers == ["src/kelaspay/outside.py"]


def test_a_log_lines_event_is_a_fixed_phrase() -> None:
    events = [(path, call.lineno, call.args[0]) for path in [*OURS, *EMULATORS] for call in log_calls(path)]
    made_up = [f"{named(path)}:{line}" for path, line, event in events if not isinstance(event, ast.Constant)]
    ours = [event.value for path, _line, event in events if path in OURS and isinstance(event, ast.Constant)]

    assert made_up == []
    assert len(ours) > 10
    assert [event for event in ours if not re.fullmatch(r"[a-z][a-z_]+", str(event))] == []


def log_calls(path: Path) -> Iterator[ast.Call]:
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            of = node.func.value
            if isinstance(of, ast.Name) and of.id == "log":
                yield node


def test_the_emulators_import_nothing_of_ours() -> None:
    imported = [(named(path), name) for path in EMULATORS for node in nodes(path) for name in imports(node)]

    assert ("src/kelaspay_emulators/duitku/admin.py", "json") in imported
    assert [(path, name) for path, name in imported if name.split(".")[0] == "kelaspay"] == []


def imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_files_are_small_enough_to_read() -> None:
    lines = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in [*OURS, *EMULATORS, *TESTS]}

    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_functions_are_small_enough_to_read() -> None:
    functions = [
        (f"{named(path)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in [*OURS, *EMULATORS, *TESTS]
        if "migrations" not in path.parts
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert [(name, lines) for name, lines in functions if lines > LONGEST_FUNCTION] == []
    assert sum(lines <= 30 for _name, lines in functions) >= 0.95 * len(functions)


def test_no_file_is_called_what_says_nothing() -> None:
    nothing = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "service"}

    assert [named(path) for path in [*OURS, *EMULATORS] if nothing & {path.stem, *path.parts}] == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    depended_on = {re.split(r"[\[<>=;]", each)[0] for each in wanted}
    decision = (ROOT / "docs" / "decisions" / "0006-dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z].+?) \| .+? \| .+ \|$", decision, re.MULTILINE)[1:]

    assert {name for row in rows for name in row.split(", ")} == depended_on


def test_no_test_patches() -> None:
    patches = re.compile(r"unittest.mock|monkeypatch.setattr|mocker.patch")
    others = [path for path in TESTS if path != Path(__file__)]

    assert [named(path) for path in others if patches.search(path.read_text(encoding="utf-8"))] == []


def test_nobody_sleeps_but_who_looks_at_another_process_again() -> None:
    sleepers = {named(path) for path in TESTS if "time.sleep(" in path.read_text(encoding="utf-8")} - {
        named(Path(__file__))
    }

    assert sleepers == {
        "tests/chaos/fleet.py",
        "tests/chaos/test_under_load.py",  # buyers come at their own pace
        "tests/console/clerk.py",
        "tests/pages/chromium.py",
        "tests/pages/screenshots.py",
        "tests/servers.py",
        "tests/test_newcomer.py",
    }


def test_every_command_says_what_it_does() -> None:
    commands = [
        (f"{named(path)}:{node.name}", ast.get_docstring(node))
        for path in OURS
        if path.parent.name == "cli"
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and any("command" in ast.unparse(each) for each in node.decorator_list)
    ]

    assert len(commands) > 10
    assert [name for name, said in commands if not said] == []
