"""Until when Duitku has blocked a merchant for asking too often, for all processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duitku_blocks",
        sa.Column("merchant_code", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("merchant_code", name=op.f("pk_duitku_blocks")),
    )
