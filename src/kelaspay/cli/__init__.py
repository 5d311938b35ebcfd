"""The command line: one file for each noun, and the commands that run a process."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kelaspay import __version__
from kelaspay.cli import backups, measuring, processes, reconciling
from kelaspay.cli.noun import Noun

NOUNS = {
    "offers": "What is on sale.",
    "coupons": "What takes something off a price.",
    "courses": "Thinkific's catalogue.",
    "payments": "Who paid, and what became of it.",
    "enrollments": "Who is in which course, how far, and until when.",
    "customers": "A person over all their orders; export and erasure.",
    "messages": "What buyers were told.",
    "events": "What Duitku and Thinkific sent.",
    "jobs": "What runs, waits, is tried again or was given up.",
    "schools": "Schools beside the environment's own.",
    "whatsapp": "What buyers are told by WhatsApp.",
    "operators": "Who may use the console.",
    "secrets": "The key that seals other keys.",
    "keys": "Which programs may use the API.",
    "webhooks": "Which programs are told what happens to orders.",
}
"""Each with its commands in the file of the same name."""

INPUT = "Input should be"
"""How the library that checks values begins."""


class Root(TyperGroup):
    """Says what is wrong with a value in words of ours."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as wrong:
            wrong.message = wrong.message.removeprefix("Value error, ").replace(INPUT, "must be", 1)
            raise


def _say_version(*, asked: bool) -> None:
    if asked:
        print(f"kelaspay {__version__}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Say which version this is.",
            is_eager=True,
            callback=lambda asked: _say_version(asked=asked),
        ),
    ] = False,
) -> None:
    """Taken before any command."""


app = typer.Typer(
    cls=Root,
    callback=_root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sells Thinkific courses through Duitku and makes sure that whoever paid is in the course.",
)
for noun, about in NOUNS.items():
    app.add_typer(typer.Typer(cls=Noun, no_args_is_help=True), name=noun, help=about)
processes.add_to(app)
backups.add_to(app)
reconciling.add_to(app)
measuring.add_to(app)
