"""Why a process or a command ends before it has done its work, in one line for whoever started it."""

from __future__ import annotations


class CannotRun(Exception):  # noqa: N818 - subclasses say what happened
    """The text is the line."""
