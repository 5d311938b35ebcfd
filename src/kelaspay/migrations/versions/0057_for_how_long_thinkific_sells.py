"""For how many days Thinkific gives access to a product, so that an offer does not promise more by mistake."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("products", sa.Column("days_until_expiry", sa.Integer(), nullable=True))
