"""Keys and tokens: sealed where they are kept, sealed anew when the key changes, and nowhere to be read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import structlog
from pydantic import SecretStr

from kelaspay.coupon import Coupon
from kelaspay.doctor import examine, weakness
from kelaspay.faults import SealBroken
from kelaspay.rotate import Rotated, rotate
from kelaspay.schools import Keys, keep_school
from kelaspay.store import coupons
from kelaspay.store.sealed import SEALED
from kelaspay.store.tables import inbox, messages, metadata, schools
from kelaspay.vault import Vault
from tests.console.desk import joined
from tests.security.matrix import routes_for
from tests.security.test_matrix import asked
from tests.shell import shell
from tests.world import WANTED, world_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.shell import Shell
    from tests.world import World

__all__ = ["shell"]

OLD = SecretStr("a secret of the tests, long enough")
NEW = SecretStr("another secret of the tests, long enough")
STRONG = "kE9v0u2QxZ5rT8mYb1NcWf7HsJp4LaGd"
MARKED: dict[str, Any] = {
    "secret_key": "marked-Sk-7f3a9c1e5b2d8f60",
    "duitku_api_key": "marked-Dk-1b9d7e3f5a2c8e4d",
    "thinkific_client_secret": "marked-Cs-9e2f4a6b8c1d3e5f",
    "smtp_url": "smtp://robot:marked-Sm-5c7e9a1b@127.0.0.1:1",
}
SECRETS = ("marked-Sk", "marked-Dk", "marked-Cs", "marked-Sm", "marked-Th", "marked-Ps")


def add_schools(world: World, *names: str) -> None:
    for name in names:
        keys = Keys("D0002", SecretStr(f"duitku key of {name}"), SecretStr(f"thinkific key of {name}"), None)
        vault, start = world.outside.vault, world.engine.start
        keep_school(name, keys, database=world.database, vault=vault, start=start, now=world.clock)


def opened(world: World, vault: Vault) -> list[str]:
    """What this vault opens of all schools' keys."""
    found = []
    with world.database.read() as db:
        for row in db.execute(sa.select(schools).order_by(schools.c.subdomain)):
            for column in ("api_key", "duitku_api_key"):
                found.append(vault.open(getattr(row, column), f"schools/{row.subdomain}/{column}"))  # noqa: PERF401 - one line each
    return found


# The key is changed.


def test_what_the_old_key_sealed_is_sealed_anew_and_opens_with_the_new_one_alone(world: World) -> None:
    add_schools(world, "satu", "dua")
    before = opened(world, Vault(OLD))

    done = rotate(database=world.database, vault=Vault(NEW, OLD))

    assert done == Rotated(sealed_anew=4)
    assert opened(world, Vault(NEW)) == before
    with pytest.raises(SealBroken):
        opened(world, Vault(OLD))


def test_changing_the_key_may_be_interrupted_and_repeated(embedded: World) -> None:
    add_schools(embedded, "satu")
    rotate(database=embedded.database, vault=Vault(NEW, OLD))
    add_schools(embedded, "dua")

    assert rotate(database=embedded.database, vault=Vault(NEW, OLD)) == Rotated(sealed_anew=2, new_already=2)
    assert rotate(database=embedded.database, vault=Vault(NEW, OLD)) == Rotated(new_already=4)


def test_a_rehearsal_counts_what_would_be_sealed_anew_and_changes_nothing(shell: Shell) -> None:
    world = shell.world
    add_schools(world, "satu")
    before = world.kept()["schools"]
    shell.set(SECRET_KEY=NEW.get_secret_value(), SECRET_KEY_OLD=OLD.get_secret_value())

    rehearsed = shell("secrets", "rotate", "--dry-run")

    assert rehearsed.out.startswith("2 would be sealed anew, 0 have the new key's seal already")
    assert world.kept()["schools"] == before
    assert shell.json("secrets", "rotate") == {"sealed_anew": 2, "new_already": 0, "broken": 0, "dry_run": False}


def test_both_keys_open_while_the_key_is_being_changed(embedded: World) -> None:
    add_schools(embedded, "satu")

    assert opened(embedded, Vault(NEW, OLD)) == opened(embedded, Vault(OLD))


def test_what_neither_key_opens_is_counted_and_left(embedded: World) -> None:
    add_schools(embedded, "satu")
    before = embedded.kept()["schools"]

    done = rotate(database=embedded.database, vault=Vault(NEW, SecretStr("a third secret, long enough")))

    assert done == Rotated(broken=2)
    assert embedded.kept()["schools"] == before


def test_a_sealed_value_opens_in_its_own_row_and_column_alone() -> None:
    vault = Vault(OLD)
    sealed = vault.seal("a key", "schools/satu/api_key")

    for elsewhere in ("schools/dua/api_key", "schools/satu/duitku_api_key"):
        with pytest.raises(SealBroken):
            vault.open(sealed, elsewhere)
    with pytest.raises(SealBroken):
        vault.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "schools/satu/api_key")


def test_every_column_with_something_sealed_is_sealed_anew() -> None:
    """Bytes are sealed values, but for the raw events."""
    binary = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.c
        if isinstance(column.type, sa.LargeBinary) and column is not inbox.c.body
    }

    assert {f"{each.column.table.name}.{each.column.name}" for each in SEALED} == binary


# A key that can be guessed.


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("short but not empty", "fewer"),
        ("a" * 64, "repeats"),
        ("change-me-change-me-change-me-xyz0", "example"),
        ("0123456789abcdef-1234567890-fedcb", "example"),
        (STRONG, None),
    ],
)
def test_a_key_that_can_be_guessed_is_known_for_one(key: str, why: str | None) -> None:
    found = weakness(key)

    assert (why is None and found is None) or (why or "?") in (found or "")


@pytest.mark.parametrize(("environment", "fine"), [("sandbox", True), ("production", False)])
def test_doctor_refuses_a_weak_key_with_a_real_merchant(
    sqlite_url: str, tmp_path: Path, environment: str, fine: bool
) -> None:
    more: dict[str, Any] = {
        "duitku_environment": environment,
        "secret_key": "change-me-please",
        "app_base_url": "http://localhost:8000",
    }
    with world_on(tmp_path, sqlite_url, None, **more) as world:
        [found] = [each for each in examine(world.outside) if each.what == "secrets"]

    assert found.fine is fine
    assert "change-me-please" not in found.said


# Nowhere to be read.


@pytest.fixture
def marked(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A service all of whose secrets can be told from everything else."""
    with world_on(tmp_path, sqlite_url, None, **MARKED, thinkific_client_id="an-app") as made:
        yield made


def test_settings_show_no_secret(marked: World) -> None:
    shown = f"{marked.outside.settings!r} {marked.outside.settings} {marked.outside!r} {marked.school!r}"

    assert [secret for secret in SECRETS if secret in shown] == []


def pages_of_the_console(world: World, order_id: str) -> list[str]:
    """Every page that an owner can open, of the first school and of the second, in which keys were typed as well."""
    owner = joined(world)
    token = str(owner.web.cookies["__Host-kelaspay"])
    with world.database.begin() as db:
        coupons.put_coupon(db, Coupon("HEMAT", percent=10), world.clock())
        message_id = db.execute(sa.select(messages.c.id)).scalars().first()
    places = {"order_id": order_id, "event_id": str(world.events()[0].id), "message_id": str(message_id)}
    places |= {"kind": "paid", "language": "id", "code": "HEMAT", "subdomain": "cabang", "operator_id": "1"}
    routes = [route for who in ("staff", "owner") for route in routes_for(who) if route[0] == "GET"]
    found = [asked(owner.web, route, **places) for route in routes]
    owner.open("/console/school?key==cabang")
    owner.open("/console/settings")
    owner.press("/console/settings/keys", duitku_api_key="marked-Dk-typed", thinkific_api_key="marked-Th-typed")
    found += [owner.web.get(path) for path in ("/console", "/console/settings", "/console/audit")]
    unseen = [str(page.url) for page in found if page.status_code not in {200, 303}]
    assert unseen == ["https://pay.example.com/console/keys/x/revoke"]
    assert [str(page.url) for page in found if token in page.text] == []
    return [page.text for page in found]


def test_the_whole_story_leaves_no_secret_and_no_buyer_in_logs_and_no_secret_in_the_database(
    marked: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    logging.getLogger("kelaspay").setLevel(logging.DEBUG)
    vault, start = marked.outside.vault, marked.engine.start
    keys = Keys("D0003", SecretStr("marked-Dk-of-a-school"), SecretStr("marked-Th-of-a-school"), None)
    keep_school("cabang", keys, database=marked.database, vault=vault, start=start, now=marked.clock)
    marked.sell()
    marked.duitku.till.merchants = {str(marked.outside.settings.duitku_merchant_code): MARKED["duitku_api_key"]}

    paid = marked.buy_and_pay()
    marked.call_back(marked.duitku.callback_form(paid) | {"signature": "0" * 64})
    marked.thinkific.fail_next("POST", "/users", "401", 1)
    marked.work_for(hours=3)
    marked.ask_to_buy(customer_email="not an address", customer_phone="x")
    marked.web.post("/console/sign-in", data={"email": WANTED["customer_email"], "password": "marked-Ps"})
    public_id = marked.payment(paid).public_id
    console = pages_of_the_console(marked, paid)
    pages = [
        marked.web.get(path).text
        for path in ("/", f"/o/{public_id}", f"/o/{public_id}/receipt", f"/payment/{paid}", "/openapi.json", "/readyz")
    ]

    assert marked.status(paid) == "completed"
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "payment_created" in printed
    for personal in ("siti@example.com", "Rahmawati", "81234567890"):
        assert personal not in printed, personal
    everything = "\n".join([printed, *pages, *console, repr(marked.kept())])
    assert [secret for secret in SECRETS if secret in everything] == []
