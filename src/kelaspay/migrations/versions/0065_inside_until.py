"""The courses of a bundle that a buyer had for longer before an order of it, each with its end: what is put back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("inside_until", sa.JSON))
