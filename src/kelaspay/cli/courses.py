"""`kelaspay courses`: Thinkific's catalogue."""

from __future__ import annotations

from typing import Any

import typer

from kelaspay.catalogue import sync as sync_catalogue
from kelaspay.cli import show
from kelaspay.cli.opening import SchoolKey, desk
from kelaspay.cli.progress import counted
from kelaspay.school import DEFAULT
from kelaspay.store import offers

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("name", yields=True),
    show.Column("course_id"),
    show.Column("bundle_id"),
    show.Column("product_id"),
    show.Column("status", weight=2),
    show.Column("slug", weight=1, yields=True),
)


@app.command()
def sync(*, school: SchoolKey = DEFAULT, json: show.AsJson = False) -> None:
    """Copy Thinkific's products, courses and bundles."""
    with desk() as at, counted("Copying products") as seen:
        copied = sync_catalogue(school=at.outside.schools.of(school), seen=seen)
        at.write_down("synced", school or None)
    if copied.unreadable and not json:
        typer.echo(f"{_products(copied.unreadable)} could not be read, and stayed as copied before.", err=True)
    show.data(copied) if json else print(f"Copied {_products(copied.products)}.")


@app.command("list")
def list_all(*, school: SchoolKey = DEFAULT, json: show.AsJson = False) -> None:
    """List what was copied, with the ids that `offers add` takes; a course's id and its product's are not the same."""
    with desk() as at, at.outside.database.read() as db:
        rows = [_with_ids(row) for row in show.rows_of(offers.list_products(db, school))]
    show.data(rows) if json else show.table(rows, COLUMNS, empty="Nothing yet: kelaspay courses sync")


def _products(count: int) -> str:
    return f"{count} product{'' if count == 1 else 's'}"


def _with_ids(row: dict[str, Any]) -> dict[str, Any]:
    bundle = row["productable_type"] == "Bundle"
    return row | {"bundle_id" if bundle else "course_id": row["productable_id"]}
