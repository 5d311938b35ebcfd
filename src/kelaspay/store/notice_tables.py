"""The tables of what integrators are told: endpoints, notices, deliveries. Part of the same `metadata`."""

from __future__ import annotations

import sqlalchemy as sa

from kelaspay.store.database import UtcDateTime
from kelaspay.store.tables import Id, metadata

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''"), index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("types", sa.Text, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("old_secret", sa.LargeBinary),
    sa.Column("old_secret_until", UtcDateTime),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("disabled_at", UtcDateTime),
    sa.Column("disabled_reason", sa.Text),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("merchant_order_id", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("raised_at", UtcDateTime, nullable=False, index=True),
    sa.Column("once", sa.Text, unique=True),
)

deliveries = sa.Table(  # no foreign key: removing an endpoint must never make a payment's commit fail
    "deliveries",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("notice_id", sa.Text, nullable=False),
    sa.Column("endpoint_id", sa.Text, nullable=False, index=True),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("lease_until", sa.Float),
    sa.Column("tried_at", UtcDateTime),
    sa.Column("answer", sa.Integer),
    sa.Column("fault", sa.Text),
    sa.UniqueConstraint("notice_id", "endpoint_id"),
)
sa.Index(
    "ix_deliveries_waiting",
    deliveries.c.due_at,
    sqlite_where=deliveries.c.state == "waiting",
    postgresql_where=deliveries.c.state == "waiting",
)
sa.Index(
    "ix_deliveries_failed",
    deliveries.c.id,
    sqlite_where=deliveries.c.state == "failed",
    postgresql_where=deliveries.c.state == "failed",
)
