"""What the channel that the buyer chose costs them on top."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025a"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("fee", sa.BigInteger(), server_default="0", nullable=False))
