"""The reference pages of the documentation, written from the code that they are about: settings, commands, API, faults,
notices.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import typer

from kelaspay import api_faults, faults
from kelaspay.app import create_app
from kelaspay.cli import app as command_line
from kelaspay.faults import Fault
from kelaspay.inbox import Inbox
from kelaspay.migrate import migrate
from kelaspay.notice import ENROLLMENT_FIELDS, FIELDS, TOLD, VERSION
from kelaspay.outside import opened
from kelaspay.settings import Settings, load
from tools import openapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

ROOT = Path(__file__).parent.parent
CODE = (api_faults, faults)
"""Where faults are named."""
SETTINGS = """# Settings

Every setting is an environment variable. Each may come from a file instead: `NAME_FILE` names one, and what stands in
it, without the spaces around it, is the value. A missing or malformed variable stops the start with one line that names
it. For traces there are OpenTelemetry's own variables: [Monitoring](../operations/monitoring.md#traces).

| variable | default | takes | meaning |
| --- | --- | --- | --- |"""
COMMANDS = """# Commands

Exit code 0 is success, 2 wrong use, 1 anything else; a known failure is one line on standard error. Where data is
printed, `--json` prints it for scripts, and a failure as one line of JSON with `code` and `message`."""
ERRORS = """# Error codes

An error is a problem details object (RFC 9457); `code` is stable, the text is for people. Trying the same again can
help where the last column says so.

| code | status | message | again |
| --- | --- | --- | --- |"""

NOTICES = """# Webhooks

`kelaspay webhooks add https://…` has an address told what happens to orders, in the form of [Standard
Webhooks](https://www.standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, which
any of its libraries verifies. A call is thin: ids, states and amounts, never a name, an address or a phone number;
the [API](api.md) has the rest. Anything but a 2xx answer has it sent again, with the same `webhook-id`. Calls may
come twice and in another order than things happened: act on `status`, not on the order of arrival.

```json
{"type": "order.paid", "version": "VERSION", "timestamp": "2026-11-23T02:00:00.000Z", "data": {…}}
```
"""


def pages() -> dict[str, str]:
    """Every page by its path."""
    return {
        "reference/settings.md": settings(),
        "reference/commands.md": commands(),
        "reference/api.md": openapi.page(schema()),
        "reference/errors.md": errors(),
        "reference/webhooks.md": notices(),
    }


def settings() -> str:
    """What stands in .env.example, with the types and defaults of settings.py."""
    lines = [SETTINGS]
    meanings = _meanings()
    for name, field in Settings.model_fields.items():
        if name.upper() in meanings:
            row = (f"`{name.upper()}`", _default(field), _takes(field), meanings[name.upper()])
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _meanings() -> dict[str, str]:
    """The comment before each variable of .env.example; one comment may stand before several."""
    said, comment, fresh = {}, "", True
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("#"):
            comment = f"{comment} {line[1:].strip()}" if fresh and comment else line[1:].strip()
            fresh = True
        elif "=" in line:
            said[line.split("=", 1)[0]] = comment
            fresh = False
        else:
            comment, fresh = "", True
    return said


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == "":
        return "none"
    return f"`{'on' if value is True else 'off' if value is False else value}`"


def _takes(field: FieldInfo) -> str:
    kind = str(field.annotation)
    if "Literal[" in kind:
        return " or ".join(f"`{each}`" for each in re.findall(r"'(\w+)'", kind))
    for mark, words in {"SecretStr": "secret", "bool": "`on` or `off`", "float": "seconds", "int": "number"}.items():
        if mark in kind:
            return words
    return "folder" if "Path" in kind else "text"


def commands() -> str:
    """Every command of the command line with its arguments and options."""
    lines = [COMMANDS]
    for words, command in _walk(typer.main.get_command(command_line), "kelaspay"):
        lines += ["", f"## {words}", "", _plain(command.help), "", f"```text\n{_usage(words, command)}\n```"]
        lines += _parameters(command)
    return "\n".join(lines) + "\n"


def _walk(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """All that can be run, in the order of the help."""
    below = getattr(command, "commands", None)
    if not below:
        yield words, command
        return
    for name, each in below.items():
        yield from _walk(each, f"{words} {name}")


def _usage(words: str, command: Any) -> str:
    context = click.Context(command, info_name=words)
    return " ".join([words, *command.collect_usage_pieces(context)])


def _parameters(command: Any) -> list[str]:
    rows = [
        (_named(each), _plain(getattr(each, "help", None)) + (" Required." if each.required else ""))
        for each in command.params
        if each.name != "help"
    ]
    if not rows:
        return []
    return ["", "| | |", "| --- | --- |", *(f"| {name} | {said} |" for name, said in rows)]


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{option}`" for option in parameter.opts + parameter.secondary_opts)


def _plain(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def schema() -> dict[str, Any]:
    """What /openapi.json answers."""
    with tempfile.TemporaryDirectory(prefix="kelaspay-docs-") as folder:
        settings = load(data_dir=Path(folder), database_url=None, redis_url=None)
        with opened(settings) as outside:
            migrate(outside.database)
            inbox = Inbox(outside.database, outside.now)
            try:
                return create_app(outside, inbox, lambda *_: None).openapi()
            finally:
                inbox.close()


def errors() -> str:
    """Every fault that has a status of its own, by its stable code."""
    lines = [ERRORS]
    known = {each for module in CODE for each in vars(module).values() if isinstance(each, type)}
    named = [each for each in known if issubclass(each, Fault) and each is not Fault]
    for fault in sorted(named, key=lambda each: each.code()):
        again = "yes" if fault.retry else ""
        lines.append(f"| `{fault.code()}` | {fault.status} | {_plain(fault.message())} | {again} |")
    return "\n".join(lines) + "\n"


def notices() -> str:
    """What we tell integrators of, and what stands in each call."""
    lines = [NOTICES.replace("VERSION", VERSION)]
    lines += ["## When", "", "| type | sent when |", "| --- | --- |"]
    lines += [f"| `{kind}` | {_plain(said)} |" for kind, said in TOLD.items()]
    for title, fields in {"data": FIELDS, "data.enrollment": ENROLLMENT_FIELDS}.items():
        lines += ["", f"## `{title}`", "", "| field | |", "| --- | --- |"]
        lines += [f"| `{name}` | {_plain(said)} |" for name, said in fields.items()]
    return "\n".join(lines) + "\n"
