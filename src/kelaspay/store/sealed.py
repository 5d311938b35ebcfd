"""Every column that holds something sealed, in one list: what changes the key goes through it. A test compares it with
the schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kelaspay.store.notice_tables import endpoints
from kelaspay.store.operator_tables import operators
from kelaspay.store.tables import oauth_states, schools

if TYPE_CHECKING:
    from kelaspay.store.database import Db


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column, and what names its row as text."""

    column: sa.Column[bytes]
    key: sa.ColumnElement[str]

    def place(self, key: str) -> str:
        """What its values are bound to, like "schools/acme/access_token"."""
        return f"{self.column.table.name}/{key}/{self.column.name}"


SEALED = (
    *(Sealed(schools.c[name], schools.c.subdomain) for name in ("access_token", "refresh_token")),
    *(Sealed(schools.c[name], schools.c.subdomain) for name in ("api_key", "duitku_api_key", "whatsapp_token")),
    Sealed(oauth_states.c.verifier, oauth_states.c.digest),
    Sealed(operators.c.totp_secret, sa.cast(operators.c.id, sa.Text)),
    *(Sealed(endpoints.c[name], endpoints.c.id) for name in ("secret", "old_secret")),
)


def list_sealed(db: Db, sealed: Sealed, after: str, limit: int) -> list[tuple[str, bytes]]:
    """The next rows by their key, with what stands in the column."""
    query = sa.select(sealed.key, sealed.column).where(sealed.column.is_not(None), sealed.key > after)
    return [(str(row[0]), bytes(row[1])) for row in db.execute(query.order_by(sealed.key).limit(limit))]


def replace_sealed(db: Db, sealed: Sealed, key: str, was: bytes, now: bytes) -> bool:
    """Put another seal in a row's place; False when something else was written there meanwhile."""
    put = sa.update(sealed.column.table).where(sealed.key == key, sealed.column == was)
    return db.execute(put.values({sealed.column: now})).rowcount == 1
