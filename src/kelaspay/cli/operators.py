"""`kelaspay operators`: who may use the console."""

from __future__ import annotations

from typing import Annotated

import typer

from kelaspay.cli import show
from kelaspay.cli.opening import OPERATOR, desk
from kelaspay.faults import MoveRefused, OperatorUnknown
from kelaspay.operators import invite
from kelaspay.operators import remove as remove_operator
from kelaspay.second_factor import reset
from kelaspay.store import audit, operators
from kelaspay.store.audit import Deed
from kelaspay.store.database import Database
from kelaspay.store.operators import Operator, Role

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("email"),
    show.Column("name", yields=True),
    show.Column("role"),
    show.Column("made_at", "since (WIB)", weight=1),
    show.Column("signs_in", "has a password", weight=2),
    show.Column("second_factor_at", "second factor since (WIB)", weight=3),
)
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    *,
    name: Annotated[str, typer.Option(help="How the history names them; by default what stands before the @.")] = "",
    role: Annotated[Role, typer.Option(help="An owner also manages operators and personal data.")] = Role.OWNER,
    json: show.AsJson = False,
) -> None:
    """Let somebody use the console, or choose another password: prints a link that works once, for two days."""
    with desk() as at:
        now = at.outside.now()
        token = invite(at.outside.database, email=email, name=name, role=role, now=now)
        link = f"{at.outside.settings.app_base_url}/console/invitation/{token}"
        with at.outside.database.begin() as db:
            audit.write_down(db, Deed(now, None, OPERATOR, "command line", "operator_invited", email))
    show.data({"email": email, "link": link}) if json else print(link)


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List who may sign in."""
    with desk() as at, at.outside.database.read() as db:
        rows = [
            {"email": each.email, "name": each.name, "role": str(each.role), "made_at": each.made_at}
            | {"signs_in": each.password_hash is not None, "second_factor_at": each.second_factor_at}
            for each in operators.list_operators(db)
        ]
    show.data(rows) if json else show.table(rows, COLUMNS, empty="Nobody yet: kelaspay operators add --help")


@app.command()
def remove(email: Annotated[str, typer.Argument()], *, dry_run: DryRun = False) -> None:
    """End somebody's right to sign in, and their sessions, at once."""
    with desk() as at:
        operator = _named(at.outside.database, email)
        if dry_run:
            print(f"{operator.email} ({operator.role}) would be removed.")
            return
        now = at.outside.now()
        if not remove_operator(at.outside.database, operator.id, now):
            raise MoveRefused(f"{operator.email} is the last owner.")
        with at.outside.database.begin() as db:
            audit.write_down(db, Deed(now, None, OPERATOR, "command line", "operator_removed", operator.email))
    print(f"Removed {operator.email}.")


@app.command()
def reset_second_factor(email: Annotated[str, typer.Argument()]) -> None:
    """Let somebody who lost phone and recovery codes sign in with the password alone, and set up another."""
    with desk() as at:
        operator = _named(at.outside.database, email)
        deed = Deed(at.outside.now(), None, OPERATOR, "command line", "second_factor_reset", operator.email)
        done = reset(at.outside.database, operator, deed)
    print(f"{operator.email} signs in with the password alone." if done else f"{operator.email} has no second factor.")


def _named(database: Database, email: str) -> Operator:
    with database.read() as db:
        operator = operators.find_by_email(db, email.strip().lower())
    if operator is None:
        raise OperatorUnknown(email)
    return operator
