"""`kelaspay coupons`: what takes something off a price."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kelaspay.cli import consent, entered, show
from kelaspay.cli.opening import DryRun, desk
from kelaspay.coupon import Coupon, checked, coded
from kelaspay.faults import CouponUnknown, InvalidInput, OfferUnknown
from kelaspay.formats import rupiah
from kelaspay.pricing import too_little
from kelaspay.store import coupons, offers
from kelaspay.store.database import Database

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("code"),
    show.Column("takes_off", "takes off"),
    show.Column("offer", yields=True, weight=6),
    show.Column("redeemed", "used"),
    show.Column("most", "of", weight=7),
    show.Column("most_each", "each", weight=3),
    show.Column("valid_from", "from (WIB)", weight=2),
    show.Column("valid_until", "until (WIB)", weight=4),
    show.Column("retired_at", "retired (WIB)", weight=5),
    show.Column("school", weight=1),
)
School = Annotated[str, typer.Option(help="The school's subdomain; without it the one of the environment.")]


@app.command()
def add(
    *,
    code: Annotated[str, typer.Option(help="What the buyer types, like LEBARAN25; case does not count.")],
    percent: Annotated[int | None, entered.whole("Percent off.", most=100)] = None,
    amount: Annotated[int | None, entered.whole("Rupiah off.")] = None,
    offer: Annotated[str | None, typer.Option(help="Only for this offer, by its slug; without it for all.")] = None,
    most: Annotated[int | None, entered.whole("How many orders may have it.")] = None,
    most_each: Annotated[int | None, entered.whole("The same for one e-mail address.")] = None,
    valid_from: Annotated[str | None, typer.Option(help="Like 2026-12-01 or 2026-12-01T08:00, WIB.")] = None,
    valid_until: Annotated[str | None, typer.Option(help="The same; from then on it has ended.")] = None,
    school: School = "",
    json: show.AsJson = False,
) -> None:
    """Add a coupon, or correct the one with this code. Orders that are made keep their price."""
    given: dict[str, Any] = {"percent": percent, "amount": amount, "offer": offer, "most": most, "most_each": most_each}
    given |= {
        "valid_from": entered.time(valid_from, "--valid-from"),
        "valid_until": entered.time(valid_until, "--valid-until"),
    }
    try:
        coupon = checked(Coupon(code, **given, school=school))
    except InvalidInput as fault:
        field, why = next(iter(fault.fields.items()))
        raise typer.BadParameter(why, param_hint=f"--{field.replace('_', '-')}") from None
    with desk() as at, at.outside.database.begin() as db:
        found = offers.find_offer(db, offer) if offer else None
        if offer and (found is None or found.school != school):
            raise OfferUnknown(offer=offer)
        doubts = too_little(coupon, [found] if found else offers.list_offers(db))
        added = coupons.put_coupon(db, coupon, at.outside.now())
        at.write_down("coupon_added" if added else "coupon_corrected", coupon.code, _off(coupon), school=school, db=db)
    for doubt in doubts:
        typer.echo(f"{doubt}: it leaves less than Rp 10.000, which cannot be paid, so it is refused there.", err=True)
    if json:
        show.data(coupon)
    else:
        print(f"{'Added' if added else 'Corrected'} {coupon.code}, {_off(coupon)} off.")


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List the coupons, newest first."""
    with desk() as at, at.outside.database.read() as db:
        found = coupons.list_coupons(db)
    rows = show.rows_of(found)
    if json:
        show.data(rows)
        return
    for row, coupon in zip(rows, found, strict=True):
        row |= {"takes_off": _off(coupon), "school": coupon.school or None}
    show.table(rows, COLUMNS, empty="No coupons yet: kelaspay coupons add --help")


@app.command()
def retire(
    code: Annotated[str, typer.Argument()],
    *,
    school: School = "",
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Let no more orders have a coupon. Those that do keep their price."""
    name = coded(code)
    would = f"{name} would be good for no more orders. Those that have it keep their price."
    with desk() as at:

        def act(database: Database) -> None:
            with database.begin() as db:
                if not coupons.retire_coupon(db, school, name, at.outside.now()):
                    raise CouponUnknown(coupon=code)

        consent.carefully(
            act, at.audited("coupon_retired", name, school=school), at=at, would=would, dry_run=dry_run, yes=yes
        )
    said = would if dry_run else f"Retired {name}."
    show.told(said, json=json, dry_run=dry_run, code=name, school=school, retired=not dry_run)


def _off(coupon: Coupon) -> str:
    return f"{coupon.percent} %" if coupon.percent is not None else rupiah(coupon.amount or 0)
