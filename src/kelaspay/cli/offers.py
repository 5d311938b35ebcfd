"""`kelaspay offers`: what is on sale."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kelaspay.catalogue import doubts_of
from kelaspay.cli import consent, entered, show, target
from kelaspay.cli.csv_offers import as_csv, read_csv, read_offer
from kelaspay.cli.opening import Desk, DryRun, SchoolKey, desk
from kelaspay.faults import InvalidInput, OfferUnknown
from kelaspay.formats import rupiah
from kelaspay.payment import Offer
from kelaspay.school import DEFAULT
from kelaspay.store import offers
from kelaspay.store.database import Database, Db

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("slug"),
    show.Column("name", yields=True),
    show.Column("price"),
    show.Column("course_id"),
    show.Column("bundle_id"),
    show.Column("product_id", weight=1),
    show.Column("access_days", "days", weight=2),
    show.Column("retired_at", "retired (WIB)", weight=5),
    show.Column("school", weight=3),
)


@app.command()
def add(
    *,
    slug: Annotated[str, typer.Option(help="Its name in links, like python-dasar.")],
    name: Annotated[str, typer.Option(help="What the buyer sees.")],
    price: Annotated[int, entered.whole("Whole rupiah, like 250000 or 250.000.")],
    course_id: Annotated[int | None, entered.whole("Thinkific's course id.")] = None,
    bundle_id: Annotated[int | None, entered.whole("Thinkific's bundle id.")] = None,
    product_id: Annotated[int | None, entered.whole("Thinkific's product id, for the sale's record.")] = None,
    access_days: Annotated[int | None, entered.whole("Days of access; without it for ever.")] = None,
    on_sale_from: Annotated[str | None, typer.Option(help="Like 2026-12-01 or 2026-12-01T08:00, WIB.")] = None,
    on_sale_until: Annotated[str | None, typer.Option(help="The same; from then on it is not on sale.")] = None,
    description: Annotated[str | None, typer.Option(help="What the buyer reads.")] = None,
    picture: Annotated[str | None, typer.Option(help="The https:// address of an image.")] = None,
    price_before: Annotated[int | None, entered.whole("What it cost before, shown struck through.")] = None,
    school: SchoolKey = DEFAULT,
    json: show.AsJson = False,
) -> None:
    """Add an offer, or correct the one with this slug."""
    given = {
        "slug": slug,
        "name": name,
        "price": price,
        "course_id": course_id,
        "bundle_id": bundle_id,
        "product_id": product_id,
        "access_days": access_days,
        "on_sale_from": on_sale_from,
        "on_sale_until": on_sale_until,
        "description": description,
        "picture": picture,
        "price_before": price_before,
    }
    try:
        offer = read_offer({column: "" if value is None else str(value) for column, value in given.items()}, school)
    except InvalidInput as fault:
        column, why = next(iter(fault.fields.items()))
        raise typer.BadParameter(why, param_hint=f"--{column.replace('_', '-')}") from None
    with desk() as at:
        at.outside.schools.profile(school)
        with at.outside.database.begin() as db:
            doubts = doubts_of(db, offer)
            added = offers.put_offer(db, offer, at.outside.now())
            at.write_down("offer_added" if added else "offer_corrected", slug, f"price {price}", school=school, db=db)
    for doubt in doubts:
        typer.echo(doubt, err=True)
    if json:
        show.data(offer)
    else:
        print(f"{'Added' if added else 'Corrected'} {slug}, {rupiah(price)}.")


@app.command("export")
def export_all(
    file: target.To = None,
    *,
    school: SchoolKey = DEFAULT,
) -> None:
    """Write a school's offers as CSV, for a spreadsheet or another Kelaspay."""
    target.check(file, json=False)
    with desk() as at, at.outside.database.read() as db:
        at.outside.schools.profile(school)
        text = as_csv(offers.list_offers(db, school))
    with target.opened(file) as to:
        to.write(text)


@app.command("import")
def import_all(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="As `offers export` writes it.")],
    *,
    school: SchoolKey = DEFAULT,
) -> None:
    """Add or correct the offers of a CSV file: all of them, or none when a line is wrong."""
    with desk() as at:
        at.outside.schools.profile(school)
        read = read_csv(file.read_bytes(), school)
        with at.outside.database.begin() as db:
            for line, offer in read.items():
                for doubt in _checked(db, line, offer):
                    typer.echo(f"line {line}: {doubt}", err=True)
            added = sum(_put(at, db, offer) for offer in read.values())
    print(f"{added} added, {len(read) - added} corrected.")


def _put(at: Desk, db: Db, offer: Offer) -> bool:
    """Whether it is a new one."""
    new = offers.put_offer(db, offer, at.outside.now())
    at.write_down(
        "offer_added" if new else "offer_corrected", offer.slug, f"price {offer.price}", school=offer.school, db=db
    )
    return new


def _checked(db: Db, line: int, offer: Offer) -> list[str]:
    try:
        return doubts_of(db, offer)
    except InvalidInput as fault:
        raise InvalidInput({f"line {line}, {column}": why for column, why in fault.fields.items()}) from None


@app.command("list")
def list_all(
    *,
    school: Annotated[str | None, typer.Option(help="Only this school's.")] = None,
    json: show.AsJson = False,
) -> None:
    """List the offers of all schools."""
    with desk() as at, at.outside.database.read() as db:
        rows = show.rows_of(offers.list_offers(db, school))
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No offers yet: kelaspay offers add --help")


@app.command()
def retire(
    slug: Annotated[str, typer.Argument()],
    *,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Take an offer off sale. Payments that are made stay as they are."""
    with desk() as at:
        with at.outside.database.read() as db:
            offer = offers.find_offer(db, slug)
        if offer is None:
            raise OfferUnknown(offer=slug)
        would = f"{slug} ({offer.name}) would be off sale at once. Payments that are made stay."

        def act(database: Database) -> None:
            with database.begin() as db:
                if not offers.retire_offer(db, slug, at.outside.now()):
                    raise OfferUnknown(offer=slug)

        consent.carefully(
            act, at.audited("offer_retired", slug, school=offer.school), at=at, would=would, dry_run=dry_run, yes=yes
        )
    show.told(would if dry_run else f"Retired {slug}.", json=json, dry_run=dry_run, slug=slug)
