"""A noun's commands, imported when one of them is named: what the others need would cost every command its start."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class Noun(TyperGroup):
    """The commands in the file that is named like it."""

    @property
    def commands(self) -> MutableMapping[str, Any]:
        return _commands(self.name)

    @commands.setter
    def commands(self, _commands: MutableMapping[str, Any]) -> None:
        """There are none before the file is read."""


@cache
def _commands(name: str | None) -> MutableMapping[str, Any]:
    """The library asks for them several times in one run, and works them out from the functions' signatures."""
    return typer.main.get_group(import_module(f"kelaspay.cli.{name}").app).commands
