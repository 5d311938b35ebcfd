"""The `kelaspay` command."""

from __future__ import annotations

import io
import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from kelaspay.cannot_run import CannotRun
from kelaspay.cli import app
from kelaspay.cli.consent import Declined
from kelaspay.cli.show import EXIT_FAILED, EXIT_WRONG_USE, plain
from kelaspay.faults import DatabaseDamaged, Fault, InvalidInput, snake

if TYPE_CHECKING:
    from collections.abc import Sequence

WrongUse: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
"""What Typer raises for any command that was typed wrongly. It has no public name; this one, which has, is the least of
its kinds, and adds nothing that is used here.
"""
WRONG_USE = "wrong_use"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, by default the one that was typed. Exit code 0 is success, 2 wrong use, 1 anything else; a known
    failure is one line, and with --json that line is JSON with `code` and `message`, on stderr as well: what is on
    stdout is the answer alone. What is printed is UTF-8, whatever the environment says: exports and JSON are made of
    it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    typed = sys.argv[1:] if arguments is None else arguments
    as_json = _wants_json(typed)
    if not all(map(_is_text, typed)):
        said = {"code": WRONG_USE, "message": "An argument holds bytes that are no UTF-8."}
        _end(said, EXIT_WRONG_USE, as_json=as_json)
    try:
        ended = _command()(arguments, prog_name="kelaspay", standalone_mode=not as_json)
    except WrongUse as error:
        _end({"code": WRONG_USE, "message": error.format_message()}, EXIT_WRONG_USE, as_json=as_json)
    except Declined as declined:
        _end(_said(declined), EXIT_FAILED, as_json=as_json, before="")
    except (Fault, CannotRun, PermissionError, NotADirectoryError, typer.Abort) as error:
        _end(_said(error), EXIT_FAILED, as_json=as_json)
    sys.exit(ended if isinstance(ended, int) else 0)


def _wants_json(typed: Sequence[str]) -> bool:
    """Whether --json is typed as the switch that it is, and not as an option's value or an argument: the command that
    is named knows which words are those, however wrongly the rest is typed. Where there is no such command, or it has
    no such switch, it was meant as one.
    """
    words, command = list(typed), _command()
    while "--json" in words and isinstance(command, TyperGroup):  # whose own options take no values
        word = words.pop(0)
        if word == "--json":
            return True
        if not word.startswith("-"):
            command = command.commands.get(word)
    if "--json" not in words or command is None:
        return "--json" in words
    with command.make_context(None, words, resilient_parsing=True, ignore_unknown_options=True) as read:
        return bool(read.params.get("json")) or "--json" in read.args


def _end(said: dict[str, Any], exit_code: int, *, as_json: bool, before: str = "kelaspay: ") -> NoReturn:
    """End with one line on stderr."""
    line = json.dumps(said, default=plain, ensure_ascii=False) if as_json else f"{before}{said['message']}"
    print(line, file=sys.stderr)
    sys.exit(exit_code)


def _said(error: Exception) -> dict[str, Any]:
    """Its stable code, its message, and of a fault what the API's problem details hold beside them."""
    if isinstance(error, typer.Abort):  # at a prompt
        return {"code": "aborted", "message": "Aborted."}
    if not isinstance(error, Fault):
        kind = type(error) if isinstance(error, CannotRun) else CannotRun
        return {"code": snake(kind.__name__), "message": str(error)}
    said = error.told if isinstance(error, DatabaseDamaged) else str(error)
    return {"code": error.code(), "message": " ".join([said, *_which(error)]), **_facts(error)}


def _facts(fault: Fault) -> dict[str, Any]:
    """What the API's problem details hold beside it."""
    fields = fault.fields if isinstance(fault, InvalidInput) else {}
    errors = [{"field": field, "detail": why} for field, why in fields.items()]
    return {**fault.ids, **({"errors": errors} if errors else {})}


@cache
def _command() -> Any:
    return typer.main.get_command(app)


def _is_text(argument: str) -> bool:
    """Bytes that are none come as halves of a character, which no database and no page takes."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _which(fault: Fault) -> list[str]:
    """What it is about, like `(KP261123-…)`."""
    about = ", ".join(str(value) for value in fault.ids.values())
    return [f"({about})"] if about else []


if __name__ == "__main__":
    main()
