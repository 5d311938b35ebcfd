"""`kelaspay webhooks`: where integrators are told what happens to orders, and what became of each delivery."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kelaspay import endpoints
from kelaspay.cli import consent, entered, show
from kelaspay.cli.opening import Desk, DryRun, desk
from kelaspay.deliver import Outbox, deliver
from kelaspay.store import deliveries
from kelaspay.store import endpoints as kept
from kelaspay.store.database import Database
from kelaspay.store.deliveries import State
from kelaspay.store.endpoints import Endpoint

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("id"),
    show.Column("url", yields=True),
    show.Column("types", yields=True, weight=3),
    show.Column("school", weight=4),
    show.Column("state"),
    show.Column("failing_since", "failing since (WIB)", weight=5),
    show.Column("made_at", "made (WIB)", weight=1),
)
DELIVERY_COLUMNS = (
    show.Column("id"),
    show.Column("type"),
    show.Column("merchant_order_id", "order", weight=4),
    show.Column("endpoint_id", "endpoint", weight=3),
    show.Column("state"),
    show.Column("attempts", weight=5),
    show.Column("tried_at", "tried (WIB)", weight=2),
    show.Column("due_at", "next (WIB)", weight=2),
    show.Column("fault", yields=True, weight=1),
)
School = Annotated[str, typer.Option(help="The school's subdomain; without it the school of the environment.")]
EndpointId = Annotated[str, typer.Argument(help="An id that `webhooks list` shows.")]
DeliveryId = Annotated[int, entered.numbered("An id that `webhooks deliveries` shows.")]
MOST_SHOWN = 200


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to post to; https in production.")],
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--type", help=f"May be repeated; without it all: {', '.join(endpoints.CHOICES)}."),
    ] = None,
    school: School = "",
    json: show.AsJson = False,
) -> None:
    """Have an address told. Its secret is printed once; it verifies that a call comes from us."""
    with desk() as at:
        at.outside.schools.profile(school)  # or it is not known
        with at.outside.database.begin() as db:
            secret, made = endpoints.put_endpoint(
                db,
                url,
                kinds=kind or [],
                school=school,
                vault=at.outside.vault,
                dialer=at.outside.dialer,
                now=at.outside.now(),
            )
            at.write_down("endpoint_added", made.id, url, db=db)
    if json:
        show.data({"id": made.id, "url": made.url, "types": made.listed, "school": school, "secret": secret})
    else:
        show.facts({"id": made.id, "secret": secret})


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List the endpoints, and which of them were disabled and why."""
    with desk() as at, at.outside.database.read() as db:
        rows = [_row(each) for each in kept.list_endpoints(db)]
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No endpoints yet: kelaspay webhooks add --help")


@app.command()
def remove(
    endpoint_id: EndpointId, *, dry_run: DryRun = False, yes: consent.Yes = False, json: show.AsJson = False
) -> None:
    """Forget an endpoint with its secret and its deliveries."""
    would = f"{endpoint_id} would be forgotten with its secret and its deliveries. It cannot be undone."
    with desk() as at:
        consent.carefully(
            lambda database: endpoints.remove_endpoint(endpoint_id, school=None, database=database),
            at.audited("endpoint_removed", endpoint_id),
            at=at,
            would=would,
            dry_run=dry_run,
            yes=yes,
        )
    show.told(would if dry_run else f"Removed {endpoint_id}.", json=json, dry_run=dry_run, id=endpoint_id)


@app.command()
def rotate(
    endpoint_id: EndpointId, *, dry_run: DryRun = False, yes: consent.Yes = False, json: show.AsJson = False
) -> None:
    """Make another secret and print it; for a day the one before it signs too."""
    would = f"{endpoint_id} would get another secret; the one of now signs beside it for a day, an older one no longer."
    made: list[str] = []

    def act(database: Database) -> None:
        vault, now = at.outside.vault, at.outside.now()
        made.append(endpoints.rotate_secret(endpoint_id, school=None, database=database, vault=vault, now=now))

    with desk() as at:
        consent.carefully(
            act, at.audited("endpoint_rotated", endpoint_id), at=at, would=would, dry_run=dry_run, yes=yes
        )
    if dry_run:
        show.told(would, json=json, dry_run=True, id=endpoint_id)
    elif json:
        show.data({"id": endpoint_id, "secret": made[-1]})
    else:
        print(made[-1])


@app.command()
def disable(
    endpoint_id: EndpointId, *, dry_run: DryRun = False, yes: consent.Yes = False, json: show.AsJson = False
) -> None:
    """Tell an endpoint nothing until it is enabled again."""
    would = f"{endpoint_id} would be told nothing until it is enabled; what happens meanwhile it never hears of."
    with desk() as at:
        consent.carefully(
            lambda database: _enable(at, database, endpoint_id, enabled=False),
            at.audited("endpoint_disabled", endpoint_id),
            at=at,
            would=would,
            dry_run=dry_run,
            yes=yes,
        )
    show.told(would if dry_run else f"Disabled {endpoint_id}.", json=json, dry_run=dry_run, id=endpoint_id)


@app.command()
def enable(endpoint_id: EndpointId, *, json: show.AsJson = False) -> None:
    """Tell an endpoint again; what happened while it was disabled is not told after the event."""
    with desk() as at:
        _enable(at, at.audited("endpoint_enabled", endpoint_id), endpoint_id, enabled=True)
    show.told(f"Enabled {endpoint_id}.", json=json, id=endpoint_id)


@app.command("deliveries")
def list_deliveries(
    *,
    endpoint: Annotated[str | None, typer.Option(help="Of this endpoint only.")] = None,
    state: Annotated[State | None, typer.Option(help="In this state only.")] = None,
    limit: Annotated[int, entered.whole("How many at the most.", most=1000)] = MOST_SHOWN,
    json: show.AsJson = False,
) -> None:
    """List deliveries, the newest first."""
    with desk() as at, at.outside.database.read() as db:
        found = deliveries.list_deliveries(db, endpoint_id=endpoint, state=state, limit=limit)
        rows = [_delivery(row) for row in found]
    show.data(rows) if json else show.table(rows, DELIVERY_COLUMNS, empty="No deliveries yet.")


@app.command()
def redeliver(delivery_id: DeliveryId, *, json: show.AsJson = False) -> None:
    """Send a delivery once more, under the id that it had; the worker does it."""
    with desk() as at:
        endpoints.redeliver(
            delivery_id,
            school=None,
            database=at.audited("redelivered", f"delivery {delivery_id}"),
            now=at.outside.now(),
        )
    show.told(f"Delivery {delivery_id} is sent again.", json=json, id=delivery_id)


@app.command()
def ping(endpoint_id: EndpointId, *, json: show.AsJson = False) -> None:
    """Send a test at once, and say how it was taken."""
    with desk() as at:
        outside = at.outside
        notice_id = endpoints.ping(endpoint_id, school=None, database=outside.database, now=outside.now())
        with outside.database.read() as db:
            row = deliveries.of_notice(db, notice_id)
        deliver(row, Outbox(outside.database, outside.vault, outside.dialer, outside.now))
        with outside.database.read() as db:
            told = deliveries.of_notice(db, notice_id)
    said = {"delivery": told.id, "state": told.state, "answer": told.answer, "fault": told.fault}
    show.data(said) if json else show.facts(said)
    if told.state == State.FAILED:
        raise typer.Exit(show.EXIT_FAILED)


def _enable(at: Desk, database: Database, endpoint_id: str, *, enabled: bool) -> None:
    endpoints.change_endpoint(
        endpoint_id,
        school=None,
        enabled=enabled,
        database=database,
        dialer=at.outside.dialer,
        now=at.outside.now(),
    )


def _row(endpoint: Endpoint) -> dict[str, Any]:
    disabled = f"disabled: {endpoint.disabled_reason}" if endpoint.disabled_at else "enabled"
    return {column.name: getattr(endpoint, column.name, disabled) for column in COLUMNS}


def _delivery(row: Any) -> dict[str, Any]:
    known = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return known if row.state == State.WAITING else known | {"due_at": None}
