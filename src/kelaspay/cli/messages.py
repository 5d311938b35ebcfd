"""`kelaspay messages`: what buyers were told, and telling them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kelaspay.cli import acts, consent, entered, show
from kelaspay.cli.opening import Desk, DryRun, OnlySchool, desk
from kelaspay.faults import MessageUnknown, MoveRefused
from kelaspay.letters import KINDS
from kelaspay.messages import kept_as, named, repeatable
from kelaspay.messages import resend as send_again
from kelaspay.store import outgoing
from kelaspay.store.messages import State

if TYPE_CHECKING:
    import sqlalchemy as sa

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("id"),
    show.Column("merchant_order_id"),
    show.Column("kind", yields=True, weight=8),
    show.Column("by", weight=3),
    show.Column("state"),
    show.Column("at", "sent or due (WIB)", weight=6),
    show.Column("recipient", yields=True, weight=4),
    show.Column("attempts", weight=1),
    show.Column("fault", yields=True, weight=5),
)
MessageId = Annotated[int | None, entered.numbered("An id that `messages list` shows.")]


@app.command("list")
def list_all(
    *,
    order: Annotated[str | None, typer.Option(help="Only about this order.")] = None,
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    kind: Annotated[str, typer.Option(help="Only of this kind, like access_ready.")] = "",
    school: OnlySchool = None,
    limit: Annotated[int, entered.whole(most=1000)] = 50,
    json: show.AsJson = False,
) -> None:
    """List messages to buyers, newest first."""
    if kind and kind not in KINDS:
        raise typer.BadParameter(f"is one of {', '.join(KINDS)}", param_hint="--kind")
    with desk() as at:
        only = at.school(school)
        with at.outside.database.read() as db:
            if order is not None:
                acts.find(db, order)
            found = outgoing.list_outgoing(
                db, only, state=state or "", kinds=kept_as(kind), before=None, limit=limit, order_id=order or ""
            )
    rows = [_row(row) for row in found]
    show.data(rows) if json else show.table(rows, COLUMNS, empty=_none(state, order))


@app.command()
def resend(
    message_id: MessageId = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed, instead of one.")] = False,
    school: OnlySchool = None,
    dry_run: DryRun = False,
    yes: consent.Yes = False,
    json: show.AsJson = False,
) -> None:
    """Have a message made and sent again, as things stand now; or all that failed."""
    if failed == (message_id is not None):
        raise typer.BadParameter("name one, or say --failed for all that failed", param_hint="MESSAGE_ID")
    with desk() as at:
        if message_id is not None:
            said = _resend_one(at, message_id, dry_run=dry_run)
        else:
            said = _resend_failed(at, at.school(school), dry_run=dry_run, yes=yes)
    show.told(**said, json=json)


def _resend_one(at: Desk, message_id: int, *, dry_run: bool) -> dict[str, Any]:
    with at.outside.database.read() as db:
        row = outgoing.find_outgoing(db, message_id)
    if row is None:
        raise MessageUnknown(message_id=message_id)
    kind, way = named(row.kind)
    what = f"Message {message_id} ({kind} of {row.merchant_order_id}, by {way})"
    if not repeatable(row):
        why = "It waits to be sent already." if row.state == State.WAITING else "It is not sent twice."
        raise MoveRefused(why, message_id=message_id)
    if dry_run:
        return {"sent_again": 1, "dry_run": True, "said": f"{what} would be sent again."}
    done = send_again(at.audited("message_resent", row.merchant_order_id, row.kind), row, at.outside.now())
    return {"sent_again": int(done), "dry_run": False, "said": f"{what} is being sent again."}


def _resend_failed(at: Desk, school: str | None, *, dry_run: bool, yes: bool) -> dict[str, Any]:
    with at.outside.database.read() as db:
        count = outgoing.count_failed(db, school)
    now = min(count, outgoing.MOST_AT_ONCE)
    rest = f" {count - now} more stay: repeat it for them." if count > now else ""
    would = f"{_messages(now)} that failed would be sent again.{rest}"
    if dry_run or not count:
        return {"sent_again": now, "dry_run": dry_run, "said": would if count else "No message failed."}
    consent.ask(would, yes=yes)
    with at.outside.database.begin() as db:
        done = outgoing.resend_failed(db, school, at.outside.now(), outgoing.MOST_AT_ONCE)
        at.write_down("messages_resent", None, str(done), school=school, db=db)
    said = f"{_messages(done)} that failed {'is' if done == 1 else 'are'} being sent again.{rest}"
    return {"sent_again": done, "dry_run": False, "said": said}


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def _none(state: State | None, order: str | None) -> str:
    about = f" about {order}" if order else ""
    return f"No messages{about} are {state}." if state else f"No messages{about} yet."


def _row(row: sa.Row[Any]) -> dict[str, Any]:
    kind, way = named(row.kind)
    values = {column.name: getattr(row, column.name, None) for column in COLUMNS}
    values |= {"kind": kind, "by": way, "at": row.sent_at or row.due_at}
    return values | {"due_at": row.due_at, "sent_at": row.sent_at, "school": row.school}
