"""The console says everything in both languages."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from kelaspay.faults import Fault
from kelaspay.payment import Attention, EnrollmentState, Status
from kelaspay.store.console import Need
from kelaspay.web.console import words

WEB = Path(words.__file__).parent.parent
TEMPLATES = sorted((WEB / "templates" / "console").glob("*.html"))
CODE = sorted((WEB / "console").glob("*.py"))
ENGLISH = tomllib.loads((WEB / "templates" / "console" / "english.toml").read_text(encoding="utf-8"))
SAID = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')
LABELLED = {"Check", "Counter", "Sales"}
"""What is made in code with a label that a template translates."""


def said() -> set[str]:
    """Every text that a page says through `t`."""
    found = {text for path in TEMPLATES for text in SAID.findall(path.read_text(encoding="utf-8"))}
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LABELLED | {"t"}:
                found |= {each.value for each in node.args[:1] if isinstance(each, ast.Constant)}
    tables = [table for name, table in vars(words).items() if name.isupper() and isinstance(table, dict)]
    found |= {text for table in tables for text in table.values()} | {label for _, label in words.MENU}
    home = ast.parse((WEB / "console" / "home.py").read_text(encoding="utf-8"))
    pairs = [node for node in ast.walk(home) if isinstance(node, ast.Tuple) and isinstance(node.elts[0], ast.Constant)]
    return found | {str(pair.elts[0].value) for pair in pairs if isinstance(pair.elts[0], ast.Constant)}


def test_everything_is_said_in_english_too() -> None:
    assert len(said()) > 200
    assert sorted(text for text in said() if text not in ENGLISH and text != "-") == []


def test_nothing_is_translated_that_is_not_said() -> None:
    assert sorted(set(ENGLISH) - said()) == []


def test_a_translation_fills_in_the_same_values() -> None:
    def holes(text: str) -> list[str]:
        return sorted(re.findall(r"\{(\w+)\}", text))

    assert {text: english for text, english in ENGLISH.items() if holes(text) != holes(english)} == {}


def test_every_state_and_reason_has_its_words() -> None:
    assert set(words.STATUS) == set(Status)
    assert set(words.ACCESS) == set(EnrollmentState) | {"none"}
    assert set(words.NEED) == set(Need)
    assert set(words.ATTENTION) == set(words.ADVICE) == set(Attention)
    assert set(words.FAULTS) <= set(Fault._known)  # noqa: SLF001 - its own list of every fault
