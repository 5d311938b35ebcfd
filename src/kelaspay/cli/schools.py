"""`kelaspay schools`: the schools beside the environment's own, each with its own Duitku merchant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from kelaspay.cli import show
from kelaspay.cli.opening import Desk, desk
from kelaspay.faults import MoveRefused
from kelaspay.formats import Seller
from kelaspay.school import DEFAULT
from kelaspay.schools import Keys, keep_school
from kelaspay.store import schools
from kelaspay.store.schools import Credentials
from kelaspay.thinkific.oauth import checked_subdomain

app = typer.Typer(no_args_is_help=True)

COLUMNS = (
    show.Column("school"),
    show.Column("merchant_code", "merchant"),
    show.Column("thinkific"),
    show.Column("seller", yields=True, weight=1),
    show.Column("callback_url", weight=2),
)
KeyFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="A file that holds the key and nothing else.")
]


@app.command()
def add(
    subdomain: Annotated[str, typer.Argument(help="Like acme for acme.thinkific.com.")],
    *,
    merchant_code: Annotated[str | None, typer.Option(help="Its Duitku merchant code.")] = None,
    duitku_api_key_file: KeyFile = None,
    thinkific_api_key_file: KeyFile = None,
    seller_name: Annotated[str | None, typer.Option(help="Who sells, as buyers see it.")] = None,
    seller_address: Annotated[str | None, typer.Option()] = None,
    seller_email: Annotated[str | None, typer.Option()] = None,
    seller_phone: Annotated[str | None, typer.Option()] = None,
    refund_policy: Annotated[str | None, typer.Option(help="What buyers read of refunds before they pay.")] = None,
    whatsapp_phone_number_id: Annotated[str | None, typer.Option(help="Meta's id of its own number.")] = None,
    whatsapp_token_file: KeyFile = None,
    json: show.AsJson = False,
) -> None:
    """Add a school, or give one other keys: what is not named stays. Without an API key of Thinkific's it is connected
    by OAuth. Keys are kept encrypted and never shown again.
    """
    seller = Seller(seller_name or "", seller_address, seller_email, seller_phone, refund_policy)
    ours, theirs, metas = (_read(each) for each in (duitku_api_key_file, thinkific_api_key_file, whatsapp_token_file))
    keys = Keys(merchant_code, ours, theirs, seller, whatsapp_phone_number_id, metas)
    with desk() as at:
        bare = checked_subdomain(subdomain)
        outside = at.outside
        if bare == outside.settings.thinkific_subdomain:
            raise MoveRefused("It is the school of the environment's variables.")
        kept = keep_school(
            bare,
            keys,
            database=at.audited("school_kept", bare),
            vault=outside.vault,
            start=at.engine.start,
            now=outside.now,
        )
        row, lacking = _row(at, kept), _lacking(at, kept)
    if json:
        show.data(row | {"lacking": lacking})
        return
    print(f"Kept {bare}. Duitku calls back at {row['callback_url']}; each payment names that address by itself.")
    for each in lacking:
        print(f"Still missing: {each}")


@app.command("list")
def list_all(*, json: show.AsJson = False) -> None:
    """List the schools that have a merchant of their own, and the environment's."""
    with desk() as at:
        with at.outside.database.read() as db:
            rows = [_row(at, each) for each in schools.list_credentials(db)]
        default = at.outside.schools.default
        if default is not None:
            own = {"school": at.outside.settings.thinkific_subdomain or DEFAULT, "thinkific": "environment"}
            own |= {"merchant_code": default.duitku.merchant_code, "callback_url": default.callback_url}
            rows.insert(0, own | {"seller": at.outside.schools.profile().seller.name})
    show.data(rows) if json else show.table(rows, COLUMNS, empty="No schools yet: kelaspay schools add --help")


def _read(path: Path | None) -> SecretStr | None:
    return None if path is None else SecretStr(path.read_text(encoding="utf-8").strip())


def _row(at: Desk, kept: Credentials) -> dict[str, Any]:
    with at.outside.database.read() as db:
        school = schools.find_school(db, kept.subdomain)
    return {
        "school": kept.subdomain,
        "merchant_code": kept.merchant_code,
        "thinkific": "API key" if kept.api_key else str(school.state) if school else "none",
        "seller": at.outside.schools.profile(kept.subdomain).seller.name,
        "callback_url": f"{at.outside.settings.app_base_url}/webhooks/duitku/{kept.callback_path}",
    }


def _lacking(at: Desk, kept: Credentials) -> list[str]:
    """What is needed before it can sell, each with how to give it."""
    base = at.outside.settings.app_base_url
    with at.outside.database.read() as db:
        school = schools.find_school(db, kept.subdomain)
    connected = kept.api_key is not None or (school is not None and school.state is schools.Connection.CONNECTED)
    ways = "--thinkific-api-key-file FILE"
    if at.outside.oauth is not None:
        ways = f"open {base}/oauth/install?subdomain={kept.subdomain}, or {ways}"
    found = {
        "the merchant code of Duitku (--merchant-code)": kept.merchant_code is not None,
        "the API key of Duitku (--duitku-api-key-file FILE)": kept.duitku_api_key is not None,
        f"a way into Thinkific ({ways})": connected,
        "the number or the token of WhatsApp (--whatsapp-phone-number-id, --whatsapp-token-file FILE)": (
            (kept.whatsapp_phone_number_id is None) == (kept.whatsapp_token is None)
        ),
    }
    return [what for what, there in found.items() if not there]
