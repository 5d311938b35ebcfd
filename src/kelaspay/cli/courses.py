"""`kelaspay courses`: Thinkific's catalogue."""

from __future__ import annotations

import typer

from kelaspay.catalogue import sync as sync_catalogue
from kelaspay.cli import show
from kelaspay.cli.opening import desk
from kelaspay.store import offers

app = typer.Typer(no_args_is_help=True)

COLUMNS = ("name", "productable_type", "productable_id", "product_id", "status", "slug")


@app.command()
def sync(*, json: show.AsJson = False) -> None:
    """Copy Thinkific's products, courses and bundles."""
    with desk() as at:
        school = at.outside.school()
        count = sync_catalogue(thinkific=school.thinkific, database=school.database, now=school.now)
    show.data({"products": count}) if json else print(f"{count} products.")


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List what was copied: `productable_id` is the course id or bundle id, `product_id` another number."""
    with desk() as at, at.outside.database.read() as db:
        rows = show.rows_of(offers.list_products(db))
    show.data(rows) if json else show.table(rows, COLUMNS, empty="Nothing yet: kelaspay courses sync")
