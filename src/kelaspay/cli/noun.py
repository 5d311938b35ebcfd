"""A noun's commands, imported when one of them is named: what the others need would cost every command its start."""

from __future__ import annotations

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
        return typer.main.get_group(import_module(f"kelaspay.cli.{self.name}").app).commands

    @commands.setter
    def commands(self, _commands: MutableMapping[str, Any]) -> None:
        """There are none before the file is read."""
