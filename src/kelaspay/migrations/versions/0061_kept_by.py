"""By which other order a buyer keeps what an ended order gave, so that its page need not guess."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("kept_by", sa.Text()))
