"""The trace that an event began, kept with it and with the work that goes on with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("inbox", "jobs"):
        op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=True))
