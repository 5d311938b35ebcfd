"""Until when a buyer had the access before an order, by none of ours: what ending the order leaves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("had_until", sa.DateTime(timezone=True)))
    op.add_column("enrollments", sa.Column("former_had_until", sa.DateTime(timezone=True)))
