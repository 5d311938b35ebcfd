"""Who sells, for each school that has a merchant of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("seller_name", "seller_address", "seller_email", "seller_phone"):
        op.add_column("schools", sa.Column(name, sa.Text(), nullable=True))
