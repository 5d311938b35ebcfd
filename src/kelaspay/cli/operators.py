"""`kelaspay operators`: who may use the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kelaspay.cli import consent, show
from kelaspay.cli.opening import Desk, DryRun, OnlySchool, desk
from kelaspay.faults import InvalidInput, OperatorUnknown
from kelaspay.operator_faults import LastOwner
from kelaspay.operators import invite, invited
from kelaspay.operators import remove as remove_operator
from kelaspay.second_factor import reset
from kelaspay.store import operators
from kelaspay.store.audit import EVERYWHERE, Audited
from kelaspay.store.operators import Operator, Role

if TYPE_CHECKING:
    from kelaspay.store.database import Database, Db

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("email"),
    show.Column("name", yields=True, weight=5),
    show.Column("role"),
    show.Column("school", weight=6),
    show.Column("made_at", "since (WIB)", weight=1),
    show.Column("signs_in", "has a password", weight=2),
    show.Column("second_factor_at", "second factor since (WIB)", weight=3),
)


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    *,
    name: Annotated[str, typer.Option(help="How the history names them; by default what stands before the @.")] = "",
    role: Annotated[Role, typer.Option(help="An owner also manages operators and personal data.")] = Role.OWNER,
    school: Annotated[
        str | None, typer.Option(help="The only school whose things they see, by its subdomain; without it all.")
    ] = None,
    json: show.AsJson = False,
) -> None:
    """Let somebody use the console, or choose another password: prints a link that works once, for two days."""
    with desk() as at:
        chosen = at.school(school)
        place = EVERYWHERE if chosen is None else chosen
        now = at.outside.now()
        try:
            database = Audited(at.outside.database, lambda db: _note_invited(at, db, email, role))
            token = invite(database, email=email, name=name, role=role, now=now, school=place)
        except InvalidInput as fault:
            raise typer.BadParameter(fault.fields["email"], param_hint="EMAIL") from None
        operator = invited(at.outside.database, token, now)
        link = f"{at.outside.settings.app_base_url}/console/invitation/{token}"
        if (operator.role, operator.school) != (role, place):
            stays = f"{operator.email} stays {operator.role} of {at.called(operator.school)}"
            typer.echo(f"{stays}; to change that, remove them first.", err=True)
    said = {"email": operator.email, "role": operator.role, "school": operator.school, "link": link}
    show.data(said) if json else print(link)


@app.command("list")
def list_all(*, school: OnlySchool = None, json: show.AsJson = False) -> None:
    """List who may sign in."""
    with desk() as at:
        only = at.school(school)
        with at.outside.database.read() as db:
            found = operators.list_operators(db, only)
        rows = [
            {"email": each.email, "name": each.name, "role": str(each.role), "made_at": each.made_at}
            | {"signs_in": each.password_hash is not None, "second_factor_at": each.second_factor_at}
            | {"school": each.school if json else at.called(each.school)}
            for each in found
        ]
    show.data(rows) if json else show.table(rows, COLUMNS, empty="Nobody yet: kelaspay operators add --help")


@app.command()
def remove(
    email: Annotated[str, typer.Argument()],
    *,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """End somebody's right to sign in, and their sessions, at once."""
    with desk() as at:
        operator = _operator(at, email)
        would = f"{operator.email} ({operator.role}) would be removed."
        consent.carefully(
            lambda database: _remove(at, database, operator),
            at.audited("operator_removed", operator.email, school=operator.school),
            at=at,
            would=would,
            dry_run=dry_run,
            yes=yes,
        )
    said = would if dry_run else f"Removed {operator.email}."
    show.told(said, json=json, dry_run=dry_run, email=operator.email)


@app.command()
def reset_second_factor(
    email: Annotated[str, typer.Argument()],
    *,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Let somebody who lost phone and recovery codes sign in with the password alone, and set up another."""
    with desk() as at:
        operator = _operator(at, email)
        there = _reset(at, at.database(dry_run=True), operator)
        said = f"{operator.email} has no second factor."
        if there:
            would = f"{operator.email} would sign in with the password alone."
            said = would if dry_run else f"{operator.email} signs in with the password alone."
            if not dry_run:
                consent.ask(would, yes=yes)
                _reset(at, at.outside.database, operator)
    show.told(said, json=json, dry_run=dry_run, email=operator.email)


def _reset(at: Desk, database: Database, operator: Operator) -> bool:
    return reset(database, operator, at.deed("second_factor_reset", operator.email, school=operator.school))


def _note_invited(at: Desk, db: Db, email: str, role: Role) -> None:
    """Who was an operator before stays one of the school that it was."""
    operator = operators.find_by_email(db, email.strip().lower())
    if operator is not None:
        at.write_down("operator_invited", operator.email, role, school=operator.school, db=db)


def _remove(at: Desk, database: Database, operator: Operator) -> None:
    try:
        remove_operator(database, operator.id, at.outside.now())
    except LastOwner:
        raise LastOwner(operator=operator.email) from None


def _operator(at: Desk, email: str) -> Operator:
    with at.outside.database.read() as db:
        operator = operators.find_by_email(db, email.strip().lower())
    if operator is None:
        raise OperatorUnknown(operator=email)
    return operator
