"""`kelaspay offers`: what is on sale."""

from __future__ import annotations

from typing import Annotated

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import desk
from kelaspay.faults import InvalidInput, OfferUnknown
from kelaspay.payment import Offer, Rupiah
from kelaspay.store import offers

app = typer.Typer(no_args_is_help=True)

COLUMNS = ("slug", "name", "price", "course_id", "bundle_id", "product_id", "access_days", "retired_at")


@app.command()
def add(
    *,
    slug: Annotated[str, typer.Option(help="Its name in links, like python-dasar.")],
    name: Annotated[str, typer.Option(help="What the buyer sees.")],
    price: Annotated[int, typer.Option(min=1, help="Whole rupiah.")],
    course_id: Annotated[int | None, typer.Option(min=1, help="Thinkific's course id.")] = None,
    bundle_id: Annotated[int | None, typer.Option(min=1, help="Thinkific's bundle id.")] = None,
    product_id: Annotated[
        int | None, typer.Option(min=1, help="Thinkific's product id, for the sale's record.")
    ] = None,
    access_days: Annotated[int | None, typer.Option(min=1, help="Days of access; without it for ever.")] = None,
    json: show.AsJson = False,
) -> None:
    """Add an offer, or correct the one with this slug."""
    if course_id is not None and bundle_id is not None:
        raise InvalidInput.one("bundle_id", "cannot be given together with course_id")
    if not slug.replace("-", "").isalnum() or slug != slug.lower():
        raise InvalidInput.one("slug", "takes lower-case letters, digits and hyphens")
    offer = Offer(
        slug=slug,
        name=name,
        price=Rupiah(price),
        course_id=course_id,
        bundle_id=bundle_id,
        product_id=product_id,
        access_days=access_days,
    )
    with desk() as at, at.outside.database.begin() as db:
        added = offers.put_offer(db, offer, at.outside.now())
    if json:
        show.data(offer)
    else:
        print(f"{'Added' if added else 'Corrected'} {slug}.")


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List the offers."""
    with desk() as at, at.outside.database.read() as db:
        rows = show.rows_of(offers.list_offers(db))
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No offers yet: kelaspay offers add --help")


@app.command()
def retire(slug: Annotated[str, typer.Argument()]) -> None:
    """Take an offer off sale. Payments that are made stay as they are."""
    with desk() as at, at.outside.database.begin() as db:
        if not offers.retire_offer(db, slug, at.outside.now()):
            raise OfferUnknown(slug)
    print(f"Retired {slug}.")
