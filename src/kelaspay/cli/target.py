"""Where an export goes: to standard output, or into a file that is there whole or not at all, and for its owner's eyes
alone, for it names people.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.cli import progress, show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

To = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="Without it, or with -, to standard output.",
        dir_okay=False,
        callback=lambda file: None if file == Path("-") else file,
    ),
]
OWNER_ALONE = 0o600


def check(file: Path | None, *, json: bool) -> None:
    """Refuse what could not be written before anything is read or written down."""
    if json and file is None:
        raise typer.BadParameter("tells of a file; name one", param_hint="--json")
    if file is not None and not file.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}", param_hint="FILE")


@contextmanager
def opened(file: Path | None) -> Iterator[TextIO]:
    """A text to write to. Whatever stops the writing leaves the file of before, and nothing half done beside it."""
    if file is None:
        yield sys.stdout
        sys.stdout.flush()  # whoever reads us may have gone: heard of here, not at the very end
        return
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ALONE)
        with os.fdopen(made, "w", encoding="utf-8", newline="") as text:
            yield text
        part.replace(file)
    except KeyboardInterrupt:
        print(f"Stopped: {file} was not written.", file=sys.stderr)
        raise
    finally:
        part.unlink(missing_ok=True)


def write(file: Path | None, lines: Iterator[str], what: str, *, json: bool) -> None:
    """Write CSV, its heading first, with a bar beside it; say what was written when that went into a file."""
    count = 0
    hidden = file is None and sys.stdout.isatty()
    with opened(file) as text, progress.counted(f"Writing {what}", hidden=hidden) as seen:
        text.write(next(lines))
        for line in lines:
            text.write(line)
            count += 1
            seen()
    if file is not None:
        said = f"Wrote {count} {what.removesuffix('s') if count == 1 else what} to {file}."
        show.data({"file": str(file), what: count}) if json else print(said)


def asked(**filters: str | None) -> str:
    """By which filters, for the audit."""
    return ", ".join(name for name, value in filters.items() if value)
