"""The tables of what operators use: who they are, what they did, what they say otherwise than by default, and what they
look up of calls to others. Part of the same `metadata`.
"""

from __future__ import annotations

import sqlalchemy as sa

from kelaspay.store.database import UtcDateTime
from kelaspay.store.tables import Id, metadata, payments

operators = sa.Table(
    "operators",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("'*'")),
    sa.Column("totp_secret", sa.LargeBinary),
    sa.Column("totp_step", sa.BigInteger),
    sa.Column("second_factor_at", UtcDateTime),
)

recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("operator_id", sa.ForeignKey(operators.c.id), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
)

half_sessions = sa.Table(
    "half_sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("operator_id", sa.ForeignKey(operators.c.id), nullable=False, index=True),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("operator_id", sa.ForeignKey(operators.c.id), nullable=False, index=True),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("operator_id", sa.ForeignKey(operators.c.id), nullable=False, index=True),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Index("ix_attempts_key_at", "key", "at"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("operator_id", sa.BigInteger, index=True),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, index=True),
    sa.Column("text", sa.Text),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("'*'")),
    sa.Index("ix_audit_school_id", "school", "id"),
)

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("merchant_order_id", sa.ForeignKey(payments.c.merchant_order_id), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

wordings = sa.Table(
    "wordings",
    metadata,
    sa.Column("school", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("school", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
)

syncs = sa.Table(
    "syncs",
    metadata,
    sa.Column("school", sa.Text, primary_key=True),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("unreadable", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("fault", sa.Text),
    sa.Column("lease_until", sa.Float),
)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("merchant_order_id", sa.Text, nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("whom", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("asked", sa.Text),
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.Text),
    sa.Column("milliseconds", sa.Integer, nullable=False),
)

duitku_blocks = sa.Table(
    "duitku_blocks",
    metadata,
    sa.Column("merchant_code", sa.Text, primary_key=True),
    sa.Column("until", UtcDateTime, nullable=False),
)
