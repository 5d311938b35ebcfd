"""`kelaspay customers`: one person over all their orders, what is kept about them, and having it forgotten."""

from __future__ import annotations

import json as as_text
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kelaspay.cli import consent, entered, progress, show, target
from kelaspay.cli.opening import OPERATOR, Desk, DryRun, OnlySchool, desk
from kelaspay.disclose import disclose
from kelaspay.erase import erase as forget
from kelaspay.faults import CustomerUnknown
from kelaspay.store import people
from kelaspay.store.listing import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kelaspay.store.database import Database

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("email"),
    show.Column("name", yields=True, weight=8),
    show.Column("phone", weight=6),
    show.Column("orders"),
    show.Column("last_at", "last order (WIB)", weight=5),
)
ORDERS = (
    show.Column("merchant_order_id"),
    show.Column("created_at", "made (WIB)", weight=4),
    show.Column("product_details", "course", yields=True, weight=6),
    show.Column("payment_amount", "amount"),
    show.Column("status"),
    show.Column("access", weight=8),
    show.Column("expiry_date", "until (WIB)", weight=3),
    show.Column("school", weight=2),
)
AMONG = 200
Email = Annotated[str, typer.Argument(help="Their e-mail address.")]
STAYS = "Amounts, ids and dates stay."
FOR_EVER = "It cannot be undone."
GOES = "name, e-mail address and phone number, notes, messages' texts, and what Duitku and Thinkific sent"


@app.command("list")
def list_all(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="An e-mail, a phone number, a part of a name.")] = "",
    *,
    school: OnlySchool = None,
    limit: Annotated[int, entered.whole("Among how many of the newest orders.", most=1000)] = AMONG,
    json: show.AsJson = False,
) -> None:
    """List the people behind the newest orders, or find one."""
    with desk() as at:
        wanted = Filter(q=query, school=at.school(school))
        with at.outside.database.read() as db:
            rows = show.rows_of(people.search(db, wanted, among=limit, now=at.outside.now()))
    empty = f"Nobody is found by {show.text(query)}." if query else "No customers yet."
    show.data(rows) if json else show.table(rows, COLUMNS, empty=empty)


@app.command("show")
def show_one(email: Email, *, school: OnlySchool = None, json: show.AsJson = False) -> None:
    """Show all orders of a person, their Thinkific users, and addresses that may be theirs too."""
    with desk() as at:
        only, address = at.school(school), _address(email)
        orders = _orders(at, only, address)
        with at.outside.database.read() as db:
            alike = people.look_alikes(db, only, address)
            busy = people.under_way(db, only, address, at.outside.now())
    known = {"email": address, "name": orders[0].name, "phone": orders[0].phone}
    known |= {"user_ids": sorted({row.user_id for row in orders if row.user_id is not None})}
    known |= {"under_way": busy, "look_alikes": alike}
    rows = [{column.name: getattr(row, column.name) for column in ORDERS} for row in orders]
    if json:
        show.data(known | {"orders": rows})
        return
    show.facts({name: _listed(value) for name, value in known.items()})
    print(f"\norders ({len(rows)})")
    show.table([row | {"school": row["school"] or None} for row in rows], ORDERS, empty="")


@app.command()
def export(
    email: Email,
    file: target.To = None,
    *,
    school: OnlySchool = None,
    json: show.AsJson = False,
) -> None:
    """Write everything that is kept about a person as JSON, as they may ask for it."""
    target.check(file, json=json)
    with desk() as at:
        only, address = at.school(school), _address(email)
        count = len(_orders(at, only, address))
        with progress.counted("Reading orders", total=count) as seen:
            told = disclose(address, school=only, database=at.outside.database, seen=seen)
        at.write_down("customer_exported", None, f"{count} orders", school=only)
    with target.opened(file) as text:
        text.write(f"{as_text.dumps(told, default=show.plain, ensure_ascii=False, indent=2)}\n")
    if file is not None:
        said = f"Wrote {_counted(count)} of {address} to {file}."
        show.data({"file": str(file), "orders": count}) if json else print(said)


@app.command()
def erase(
    email: Email,
    *,
    school: OnlySchool = None,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Forget who it was, for ever. Refused while an order is under way that needs to know whom to enroll."""
    with desk() as at:
        only, address = at.school(school), _address(email)
        orders = _orders(at, only, address)
        would = f"{_counted(len(orders))} of {address} would lose {GOES}. {STAYS} {FOR_EVER}"
        consent.carefully(
            lambda database: _forget(at, database, only, address),
            at.audited("customer_erased", None, f"{len(orders)} orders", school=only),
            at=at,
            would=would,
            dry_run=dry_run,
            yes=yes,
            needed=True,
        )
    said = would if dry_run else f"{_counted(len(orders))} of {address} lost {GOES}. {STAYS}"
    order_ids = [row.merchant_order_id for row in orders]
    show.told(said, json=json, dry_run=dry_run, email=address, orders=order_ids)


def _forget(at: Desk, database: Database, school: str | None, email: str) -> None:
    forget(
        email,
        school=school,
        database=database,
        customers=at.outside.customers,
        now=at.outside.now(),
        actor=OPERATOR,
    )


def _orders(at: Desk, school: str | None, email: str) -> Sequence[Any]:
    """Raises `CustomerUnknown` when there is none."""
    with at.outside.database.read() as db:
        found = people.orders_of(db, school, email)
    if not found:
        raise CustomerUnknown(email=email)
    return found


def _address(typed: str) -> str:
    return typed.strip().lower()


def _counted(orders: int) -> str:
    return f"{orders} order{'' if orders == 1 else 's'}"


def _listed(value: object) -> object:
    return (", ".join(map(str, value)) or None) if isinstance(value, list) else value
