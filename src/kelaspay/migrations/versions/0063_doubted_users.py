"""Since when an address may no longer be the Thinkific user's whom we know by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("doubted_at", sa.DateTime(timezone=True)))
