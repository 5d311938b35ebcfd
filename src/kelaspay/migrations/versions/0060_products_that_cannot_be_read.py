"""How many products a copy of a catalogue could not read, so that whoever looks at it learns of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("syncs", sa.Column("unreadable", sa.Integer(), server_default=sa.text("0"), nullable=False))
