"""`kelaspay keys`: which programs may use the API."""

from __future__ import annotations

from typing import Annotated

import typer

from kelaspay.api_faults import KeyUnknown
from kelaspay.cli import consent, entered, show
from kelaspay.cli.opening import DryRun, desk
from kelaspay.keys import make_key
from kelaspay.store import keys
from kelaspay.store.database import Database
from kelaspay.store.keys import Scope

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("id"),
    show.Column("hint", "begins"),
    show.Column("name", yields=True),
    show.Column("scopes"),
    show.Column("school", weight=3),
    show.Column("made_at", "made (WIB)", weight=4),
    show.Column("last_used_at", "last used (WIB)", weight=1),
    show.Column("revoked_at", "revoked (WIB)", weight=2),
)
School = Annotated[str, typer.Option(help="The school's subdomain; without it the school of the environment.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the key is for; the history names it so.")],
    *,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="May be repeated. read: see; write: sell and set going; money: say that it came or went."),
    ] = None,
    school: School = "",
    json: show.AsJson = False,
) -> None:
    """Make an API key. It is printed once; nobody can show it again."""
    with desk() as at:
        now = at.outside.now()
        with at.outside.database.begin() as db:
            text, key = make_key(
                db,
                name=name,
                scopes=scope or [Scope.READ],
                school=school,
                environment=at.outside.settings.duitku_environment,
                now=now,
            )
            at.write_down("key_added", key.hint, _scopes(key.scopes), school=key.school, db=db)
    if json:
        show.data({"id": key.id, "key": text, "name": key.name, "scopes": sorted(key.scopes), "school": key.school})
    else:
        print(text)


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List the keys, never their secret part."""
    with desk() as at, at.outside.database.read() as db:
        rows = [
            {column.name: getattr(each, column.name) for column in COLUMNS} | {"scopes": _scopes(each.scopes)}
            for each in keys.list_keys(db)
        ]
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No keys yet: kelaspay keys add --help")


@app.command()
def revoke(
    key_id: Annotated[int, entered.numbered("An id that `keys list` shows.")],
    *,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """End a key at once; what it did stays."""
    with desk() as at:
        with at.outside.database.read() as db:
            key = next((each for each in keys.list_keys(db) if each.id == key_id), None)
        if key is None:
            raise KeyUnknown(key_id=key_id)
        would = f"Key {key_id} ({key.name}) would stop working at once, for good."

        def act(database: Database) -> None:
            with database.begin() as db:
                if not keys.revoke_key(db, key_id, at.outside.now()):
                    raise KeyUnknown(key_id=key_id)

        consent.carefully(
            act,
            at.audited("key_revoked", key.hint, key.name, school=key.school),
            at=at,
            would=would,
            dry_run=dry_run,
            yes=yes,
        )
    show.told(would if dry_run else f"Revoked {key_id}.", json=json, dry_run=dry_run, id=key_id)


def _scopes(scopes: frozenset[Scope]) -> str:
    return ", ".join(each for each in Scope if each in scopes)
