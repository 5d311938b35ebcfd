"""The tables of what programs use: their keys, and the answers kept for a repeat. Part of the same `metadata`."""

from __future__ import annotations

import sqlalchemy as sa

from kelaspay.store.database import UtcDateTime
from kelaspay.store.tables import Id, metadata

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("asker", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False, index=True),
    sa.Column("lease_until", sa.Float, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.Text),
)
