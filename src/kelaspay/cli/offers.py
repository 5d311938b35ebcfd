"""`kelaspay offers`: what is on sale."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import desk
from kelaspay.faults import OfferUnknown
from kelaspay.payment import Offer, Rupiah
from kelaspay.store import offers

app = typer.Typer(no_args_is_help=True)

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

COLUMNS = (
    show.Column("slug"),
    show.Column("name", yields=True),
    show.Column("price"),
    show.Column("course_id"),
    show.Column("bundle_id"),
    show.Column("product_id", weight=1),
    show.Column("access_days", "days", weight=2),
    show.Column("retired_at", "retired (WIB)", weight=5),
)


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
        raise typer.BadParameter("cannot be given together with --course-id", param_hint="--bundle-id")
    if not SLUG.fullmatch(slug):
        raise typer.BadParameter("takes lower-case letters, digits and hyphens", param_hint="--slug")
    if not name.strip():
        raise typer.BadParameter("must not be empty", param_hint="--name")
    offer = Offer(
        slug=slug,
        name=" ".join(name.split()),
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
        print(f"{'Added' if added else 'Corrected'} {slug}, {show.rupiah(price)}.")


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
            raise OfferUnknown(offer=slug)
    print(f"Retired {slug}.")
